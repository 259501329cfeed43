"""Old names, until all parts are merged."""

from testing.emulator import Emulator as EmulatedInstance
from testing.emulator import run_emulator as emulated

__all__ = ["EmulatedInstance", "emulated"]
