"""One replay or dry run, put together from what was asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handler.access import unchecked_secrets
from handler.errors import SettingsError
from handler.redaction import Redactor
from handler.settings import read_settings
from replay.errors import UsageError
from replay.report import outcome_document, survey_document
from replay.run import Bounds, Replay
from replay.survey import Surveyor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.settings import Settings
    from replay.objects import Selection
    from replay.run import Watcher
    from replay.shipping import Shipper
    from replay.stores import Notebook, Source


class Job:
    """
    A replay, or a dry run.

    Args:
        places: Where the objects are, and the notes about them.
        shipper: What converts and sends.
        selection: Which objects.
        bounds: How far to go.
        watcher: Who wants to see it.
    """

    def __init__(
        self,
        places: tuple[Source, Notebook],
        shipper: Shipper,
        selection: Selection,
        bounds: Bounds,
        watcher: Watcher,
    ) -> None:
        self._source, self._notebook = places
        self._shipper = shipper
        self._selection = selection
        self._bounds = bounds
        self._watcher = watcher
        self._replay = Replay(self._source, self._notebook, shipper, watcher, bounds)

    def replay(self) -> bool:
        """
        Send what is to be sent; return whether nothing is left.

        Raises:
            UsageError: There is no token.
            SecretError: The token cannot be fetched.
            StoreError: The objects cannot be listed, or no note can be kept.
        """
        self._shipper.check_token()
        return self._replay.run(self._selection.of(self._source)).complete

    @property
    def has_begun(self) -> bool:
        """Whether anything has been sent, or an object was found wanting."""
        outcome = self._replay.outcome
        return bool(outcome.tally.counts or outcome.sent or outcome.left)

    def outcome(self) -> dict[str, Any]:
        """Return what has been sent by now, as JSON; also after an interruption."""
        return outcome_document(self._replay.outcome)

    def survey(self) -> dict[str, Any]:
        """
        Return what would be sent, as JSON.

        Raises:
            StoreError: The objects or the notes cannot be listed.
        """
        surveyor = Surveyor(self._source, self._notebook, self._shipper, self._watcher)
        objects = self._selection.of(self._source)
        return survey_document(surveyor.look(objects, self._bounds))


def settings_of(environ: Mapping[str, str]) -> Settings:
    """
    Return the settings of an environment.

    Raises:
        SettingsError: One message with every problem found, and with no secret.
    """
    try:
        return read_settings(environ)
    except SettingsError as error:
        # A wrong setting is repeated, and may be a token in the wrong place.
        redact = Redactor(unchecked_secrets(environ))
        raise SettingsError(redact(str(error))) from None


def parse_time(text: str) -> datetime:
    """
    Return a time of ISO 8601, a day too; in UTC where it does not say.

    Raises:
        UsageError: It is none.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time like 2026-11-20 or 2026-11-20T14:30Z") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def parse_positive(name: str, value: Any) -> float:
    """
    Return a number above zero.

    Raises:
        UsageError: It is none.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    # Not a number is not above zero either.
    if isinstance(value, bool) or not 0 < number < float("inf"):
        raise UsageError(f"{name} must be a number above zero, not {value!r}")
    return number


def parse_count(name: str, value: Any) -> int:
    """
    Return a whole number above zero.

    Raises:
        UsageError: It is none.
    """
    number = parse_positive(name, value)
    if number != int(number):
        raise UsageError(f"{name} must be a whole number, not {value!r}")
    return int(number)
