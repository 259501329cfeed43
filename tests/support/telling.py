"""Old names, until all parts are merged."""

from tests.support.recording import WAITING
from tests.support.recording import Recorded as Told
from tests.support.recording import RecordingFunction as TellingFunction

__all__ = ["WAITING", "TellingFunction", "Told"]
