"""Old names, until all parts are merged."""

from testing.closing import Closing as UntilClosed

__all__ = ["UntilClosed"]
