"""Which destinations there are: each is imported only where it is chosen."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

from extension.destinations.surroundings import Surroundings
from extension.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from extension.destinations.destination import Destination
    from extension.destinations.surroundings import Made
    from extension.records import FunctionIdentity


class Chosen(NamedTuple):
    """
    The destinations that can be used.

    Attributes:
        destinations: In the order of their names in LOGS_DESTINATION.
        problems: What to tell the operator, a line each: why one is left out, or what
            deserves attention although it works.
    """

    destinations: tuple[Destination, ...]
    problems: tuple[str, ...]


def choose(
    names: Iterable[str],
    environ: Mapping[str, str],
    identity: FunctionIdentity,
    fetch_secret: Callable[[str], str],
    now: Callable[[], float],
) -> Chosen:
    """
    Return the destinations of some names; never raises because of a setting.

    Nothing is fetched here: a secret is, when the first request needs it.

    Args:
        names: Those of `Settings.destination_names`.
        environ: The environment variables.
        identity: The function whose logs are shipped.
        fetch_secret: Returns the token for an ARN or a name; raises SecretError.
        now: A clock in seconds since 1970.
    """
    around = Surroundings(environ, identity, fetch_secret, now)
    destinations: list[Destination] = []
    problems: list[str] = []
    for name in names:
        module = importlib.import_module(f"extension.destinations.{name}")
        try:
            made: Made = module.make(around)
        except SettingsError as error:
            problems.append(f"nothing is sent to {name}: {error}")
        else:
            destinations.append(made.destination)
            problems.extend(made.notes)
    return Chosen(tuple(destinations), tuple(problems))
