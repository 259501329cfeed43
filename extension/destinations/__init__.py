"""The log destinations: one module for each, and one line in the registry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from random import SystemRandom
from typing import NamedTuple

from extension.destinations.datatap import DataTap
from extension.destinations.destination import Destination, Environment
from extension.destinations.logzio import Logzio
from extension.destinations.loki import Loki
from extension.destinations.openobserve import OpenObserve
from extension.errors import SettingsError
from extension.records import FunctionIdentity
from extension.secrets import fetch_secret

DESTINATIONS: dict[str, type[Destination]] = {
    kind.name: kind for kind in (Logzio, Loki, OpenObserve, DataTap)
}
"""Every destination by its name in `LOGS_DESTINATION`."""

_RANDOM = SystemRandom().random


class Chosen(NamedTuple):
    """The destinations that can be used.

    Attributes:
        destinations: In the order of their names in LOGS_DESTINATION.
        warnings: What deserves attention although a destination works, a line each.
        unusable: Why a destination is left out, a line each.
    """

    destinations: tuple[Destination, ...]
    warnings: tuple[str, ...]
    unusable: tuple[str, ...]


def choose(
    names: Iterable[str],
    environ: Mapping[str, str],
    account: str,
    fetch: Callable[[str], str] | None = None,
    now: Callable[[], float] = time.time,
    random: Callable[[], float] = _RANDOM,
) -> Chosen:
    """Return the destinations of some names; never raises because of a setting.

    No secret is fetched yet: that happens when the first request needs it. The account id is empty
    if it is not known. For `fetch`, `now` and `random` see `Environment`.
    """
    warnings: list[str] = []
    unusable: list[str] = []
    function = FunctionIdentity(
        environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        environ.get("AWS_REGION", "").strip(),
        account,
    )
    fetch = fetch or partial(fetch_secret, environ=environ, now=now)
    environment = Environment(environ, function, fetch, now, warnings, random)
    destinations: list[Destination] = []
    for name in names:
        try:
            destinations.append(DESTINATIONS[name](environment))
        except SettingsError as error:  # noqa: PERF203 -- each may fail on its own
            unusable.append(f"nothing is sent to {name}: {error}")
    return Chosen(tuple(destinations), tuple(dict.fromkeys(warnings)), tuple(unusable))
