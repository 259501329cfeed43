"""Old name, until all parts are merged."""

from testing.emulator import required_emulator

__all__ = ["required_emulator"]
