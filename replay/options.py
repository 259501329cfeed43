"""What a command line or an event may ask for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from replay.errors import UsageError
from replay.stores import StoredObject

NAMING = (
    *("naming_profile", "statistics", "external_labels", "dimension_labels"),
    "write_relabel_configs",
)
"""The options that name series, as the settings of these names do."""

MARK = "mark"
MOVE = "move"

_MAX_PRICE = 1_000


@dataclass(frozen=True)
class Options:
    """What to replay, and how.

    Attributes:
        dry_run: Whether nothing is sent, written or moved.
        since: Only objects written at this time or later; None for all.
        until: Only objects written before this time; None for all.
        limit: At most N objects that have not been sent yet; None for all.
        done: What happens to an object that is sent: MARK or MOVE.
        rate: At most N samples a second on average; None for no limit.
        patience: The seconds to try a batch, beside the time that the rate takes.
        p8s_logzio_name: The label of that name; None for the setting's. A backup
            object does not carry the stream's common attributes.
        naming_profile: This and the following name series: what the setting of that name would
            have; None for the setting's.
        statistics: Likewise.
        external_labels: Likewise.
        dimension_labels: Likewise.
        write_relabel_configs: Likewise.
    """

    dry_run: bool = False
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
    done: str = MARK
    rate: float | None = None
    patience: float = 60.0
    p8s_logzio_name: str | None = None
    naming_profile: str | None = None
    statistics: str | None = None
    external_labels: str | None = None
    dimension_labels: str | None = None
    write_relabel_configs: str | None = None

    @property
    def variables(self) -> dict[str, str]:
        """The variables whose settings they replace."""
        given = {name.upper(): getattr(self, name) for name in NAMING}
        return {name: value for name, value in given.items() if value is not None}

    def selects(self, found: StoredObject) -> bool:
        """Return whether an object was written within the times."""
        return (self.since is None or found.modified >= self.since) and (
            self.until is None or found.modified < self.until
        )


def parse_options(values: Mapping[str, Any], shown_as: Mapping[str, str]) -> Options:
    """Return options from values as they were given.

    Args:
        values: A value for each attribute of Options that was given.
        shown_as: What the operator calls each attribute.

    Raises:
        UsageError: A value is wrong.
    """
    return Options(**{name: _PARSERS[name](shown_as[name], v) for name, v in values.items()})


def parse_string(name: str, value: Any) -> str:
    """Return a string.

    Raises:
        UsageError: It is not one.
    """
    if not isinstance(value, str):
        raise UsageError(f"{name} must be a string, not {value!r}")
    return value


def parse_price(name: str, value: str) -> Decimal:
    """Return a price, exactly as it was written.

    Raises:
        UsageError: It is not a number above zero, or too large to be one.
    """
    try:
        price = Decimal(value)
    except InvalidOperation:
        price = Decimal(0)
    # NaN cannot be compared.
    if not price.is_finite() or not 0 < price <= _MAX_PRICE:
        raise UsageError(f"{name} must be a number above zero, up to {_MAX_PRICE:,}, not {value!r}")
    return price


def _time(name: str, value: Any) -> datetime:
    """Return a time of ISO 8601, or a day; in UTC unless it has an offset."""
    try:
        time = datetime.fromisoformat(parse_string(name, value))
    except ValueError as error:
        raise UsageError(
            f"{name} must be a time like 2026-11-20 or 2026-11-20T14:30Z, not {value!r}"
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _positive(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    # NaN is not above zero either.
    if isinstance(value, bool) or not 0 < number < float("inf"):
        raise UsageError(f"{name} must be a number above zero, not {value!r}")
    return number


def _count(name: str, value: Any) -> int:
    number = _positive(name, value)
    if number != int(number):
        raise UsageError(f"{name} must be a whole number, not {value!r}")
    return int(number)


def _done(name: str, value: Any) -> str:
    if value not in (MARK, MOVE):
        raise UsageError(f"{name} must be {MARK} or {MOVE}, not {value!r}")
    return str(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be true or false, not {value!r}")
    return value


_PARSERS: dict[str, Callable[[str, Any], Any]] = {
    "dry_run": _flag,
    "since": _time,
    "until": _time,
    "limit": _count,
    "done": _done,
    "rate": _positive,
    "patience": _positive,
    **dict.fromkeys(("p8s_logzio_name", *NAMING), parse_string),
}
