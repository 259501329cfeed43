"""The authentication schemes by name: the values of REMOTE_WRITE_AUTH.

A further scheme is a class in `handler/auth.py`, or in a module of its own, and a line here.
"""

from collections.abc import Mapping
from types import MappingProxyType

from handler.auth import Auth, BasicAuth, BearerAuth
from handler.sigv4 import SigV4Auth

SCHEMES: Mapping[str, type[Auth]] = MappingProxyType(
    {"bearer": BearerAuth, "basic": BasicAuth, "none": Auth, "sigv4": SigV4Auth}
)


def name_of(scheme: type[Auth]) -> str:
    """Return the name of a scheme."""
    return next(name for name, it in SCHEMES.items() if it is scheme)
