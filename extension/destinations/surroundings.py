"""What a destination is made from, and what is said where that cannot be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extension.destinations.destination import Destination
    from extension.records import FunctionIdentity

USER_AGENT = "metric-stream-logs"


class Surroundings(NamedTuple):
    """
    What a destination is made from.

    Attributes:
        environ: The environment variables.
        identity: The function.
        fetch_secret: Returns a secret's text for its ARN or name; raises SecretError.
        now: A clock in seconds since 1970.
    """

    environ: Mapping[str, str]
    identity: FunctionIdentity
    fetch_secret: Callable[[str], str]
    now: Callable[[], float]

    def text(self, variable: str, default: str = "") -> str:
        """Return a variable without white space around it; the default where it is empty."""
        return self.environ.get(variable, "").strip() or default

    def flag(self, variable: str) -> bool:
        """Tell whether a variable says yes: `true`, as in the existing extensions, or `1`."""
        return self.text(variable).lower() in {"true", "1", "yes", "on"}


class Made(NamedTuple):
    """A destination, and what deserves the operator's attention although it works."""

    destination: Destination
    notes: tuple[str, ...] = ()


def named(identity: FunctionIdentity, label: str, names: Mapping[str, str]) -> dict[str, str]:
    """
    Return what is known of the function, under a destination's own names.

    Args:
        identity: The function.
        label: The variable EXTENSION_NAME.
        names: A name for each of `name`, `version`, `region`, `account` and `label`.
    """
    known: dict[str, Any] = {**identity._asdict(), "label": label}
    return {names[key]: value for key, value in known.items() if value and key in names}
