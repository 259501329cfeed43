"""Old names, until all parts are merged."""

from testing.http_server import Reply as Answer
from testing.receiver import Received
from testing.receiver import ReplyFunction as AnswerFunction
from testing.rules import Labels, labels_of

__all__ = ["Answer", "AnswerFunction", "Labels", "Received", "labels_of"]
