"""One sweep: what is sent, what is marked as ended, and the account of it all."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from converters.convert import Conversion
from handler.account import SampleAccount, Sent
from handler.telemetry import Telemetry, numbers_of
from tags.arns import parse_arn
from tags.errors import TagsError
from tags.kinds import home_region, needs_name, placements_of
from tags.last_sweep import SentSeries, series_in
from tags.reading import AccountReading
from tags.resource import MeteredResource
from tags.sending import SeriesSender
from tags.series import InfoSeries

# What is decoded at once of the last sweep.
_MARKED_AT_ONCE = 2_000

# By then a listener has ended the series itself: Prometheus does after 5 minutes. Series of what is
# never read again must not be kept for ever, but from one hourly sweep to the next.
_KEPT_MS = 3 * 3_600_000

_COUNTS = (
    *("accounts", "resources", "resources_without_name", "resources_elsewhere"),
    *("resources_damaged", "tags_left_out", "info_samples_sent", "stale_markers_sent", "errors"),
)

_NOTHING = Conversion([], {}, frozenset(), 0, 0, 0, {}, {}, None, 0, 0, {})


class Sweep:
    """Sends the info series of all accounts, then markers for those that have ended.

    Args:
        sender: Sends series.
        telemetry: Takes a line for each error.
        time_ms: The time of all samples, in ms since the epoch.
        end: When to stop, by the clock's monotonic time.

    Attributes:
        series: What the next sweep has to know: the series that may not have ended.
        stopped: Whether the listener takes nothing, so that nothing more is sent.
    """

    def __init__(
        self, sender: SeriesSender, telemetry: Telemetry, time_ms: int, end: float
    ) -> None:
        self.series = SentSeries(sender.naming.as_sent)
        self._sender = sender
        self._telemetry = telemetry
        self._time_ms = time_ms
        self._end = end
        # By account, what the ARNs match of which series may be missing.
        self._unread: dict[str, Sequence[re.Pattern[str]]] = {}
        self.stopped = False
        self._counts: Counter[str] = Counter()
        self._without_kind: Counter[str] = Counter()
        self._numbers = numbers_of(_NOTHING, SampleAccount(0).close(""))

    @contextlib.contextmanager
    def noting_error(self) -> Iterator[None]:
        """Log and count what cannot be done, and go on."""
        try:
            yield
        except TagsError as error:
            self._note(str(error))

    def _note(self, problem: str) -> None:
        self._telemetry.error(problem)
        self._counts["errors"] += 1

    def send(self, reading: AccountReading) -> None:
        """Send the info series of an account; to be called until `stopped`.

        Raises:
            SettingsError, SecretError, CredentialsError: There is no token, or it cannot be
                fetched.
        """
        self._counts["accounts"] += 1
        self._counts["resources_damaged"] += reading.damaged
        for error in reading.errors:
            self._note(str(error))
        if reading.unread:
            self._unread[reading.account] = reading.unread
        named = map(self._named, self._metered(reading))
        # Another account's role may show the same resource.
        self._send(series for series in named if self.series.add(series, self._time_ms))

    def end_series(self, last: bytes) -> None:
        """Mark the series of the last sweep that have ended; remember those that may not have.

        Args:
            last: The object of the last sweep.

        Raises:
            StateError: It is damaged.
            SettingsError, SecretError, CredentialsError: There is no token, or it cannot be
                fetched.
        """
        ended = self._ended(last)
        while portion := list(islice(ended, _MARKED_AT_ONCE)):
            if not self._send([series for _, series in portion], stale=True):
                # The next sweep marks them.
                for time_ms, series in portion:
                    self.series.add(series, time_ms)

    def report(self, milliseconds: float) -> dict[str, Any]:
        """Write a line with all numbers, and the metrics; return the numbers.

        Samples = sent + rejected + dropped + undelivered.

        Args:
            milliseconds: How long the sweep took.
        """
        counts = dict.fromkeys(_COUNTS, 0) | self._counts
        numbers = {
            **counts,
            "accounts_incomplete": sorted(self._unread),
            "resources_without_kind": dict(self._without_kind.most_common()),
            **self._numbers,
            "duration_ms": round(milliseconds, 1),
        }
        self._telemetry.info("sweep", **numbers)
        self._telemetry.write_metrics(
            {
                "TagsSent": counts["info_samples_sent"],
                "TagResources": counts["resources"],
                "TagErrors": counts["errors"],
            }
        )
        return numbers

    def _metered(self, reading: AccountReading) -> Iterator[MeteredResource]:
        """Yield the resources of an account, once for each place where it has metrics."""
        for text, resource in reading.resources.items():
            try:
                arn = parse_arn(text)
            except ValueError:
                self._counts["resources_damaged"] += 1
                continue
            home = home_region(arn)
            if home is not None and home != reading.region:
                self._counts["resources_elsewhere"] += 1
                continue
            placements = placements_of(arn, reading.names)
            if placements:
                self._counts["resources"] += 1
            elif needs_name(arn):
                self._counts["resources_without_name"] += 1
            else:
                self._without_kind[arn.service] += 1
            account, region = arn.account or reading.account, arn.region or reading.region
            for placement in placements:
                yield MeteredResource(resource, account, region, *placement)

    def _named(self, metered: MeteredResource) -> InfoSeries:
        series = self._sender.naming.series_of(metered)
        self._counts["tags_left_out"] += series.tags_left_out
        return series

    def _ended(self, last: bytes) -> Iterator[tuple[int, InfoSeries]]:
        """Yield the series of the last sweep that have ended; remember those that may not have."""
        for time_ms, series in series_in(last):
            if series in self.series or self._time_ms - time_ms > _KEPT_MS:
                continue
            if self.stopped or self._is_unread(series):
                self.series.add(series, time_ms)
            else:
                yield time_ms, series

    def _is_unread(self, series: InfoSeries) -> bool:
        arn = dict(series.labels).get(self._sender.naming.arn_label, "")
        return any(arns.fullmatch(arn) for arns in self._unread.get(series.account, ()))

    def _send(self, series: Iterable[InfoSeries], *, stale: bool = False) -> bool:
        """Send series, until the listener takes nothing; return whether all samples are settled."""
        settled = True
        for conversion, sent in self._sender.send(series, self._time_ms, self._end, stale=stale):
            self._count(conversion, sent)
            kind = "stale_markers_sent" if stale else "info_samples_sent"
            self._counts[kind] += sent.accepted
            settled &= not sent.undelivered and not conversion.failures
            if sent.undelivered and not sent.accepted and not sent.rejected:
                # The listener is down, or the time is over: the next portion would end likewise.
                self.stopped = True
                break
        return settled

    def _count(self, conversion: Conversion, sent: Sent) -> None:
        """Add what has happened to some samples to the account, and log what went wrong."""
        words = [str(error) for error in conversion.failures.values()]
        words += [reason for _, reason in sent.failures]
        for text in words:
            self._note(text)
        self._telemetry.report_sending(sent)
        self._telemetry.warn_of_metrics(conversion)
        self._counts["errors"] += len(sent.refusals)
        for key, number in numbers_of(conversion, sent).items():
            if isinstance(number, dict):
                self._numbers[key] = dict(Counter(self._numbers[key]) + Counter(number))
            else:
                self._numbers[key] += number
