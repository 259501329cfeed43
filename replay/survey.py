"""What the metrics of stored deliveries cost: a table, and a filter that halves the bill."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from converters.errors import RecordError
from handler.delivery import Record
from replay.captures import captured_records
from replay.content import read_records, read_stored, unpack
from replay.errors import StoreError
from replay.estimate import DAYS_A_MONTH, Coverage, MetricUsage, coverage_of, usage_of
from replay.filters import Filter, choose_filter
from replay.formats import looks_failed
from replay.stores import Store, StoredObject
from replay.updates import MAX_DAYS, MINUTES_A_DAY, UpdateCounter

PRICE_PER_THOUSAND = "0.003"
"""USD for 1,000 metric updates of a metric stream in us-east-1, November 2026."""

_CENT = Decimal("0.01")
_SHORT_MINUTES = 60
_GUESSED_SHARE = 20
_COLUMNS = (
    "namespace",
    "metric",
    "series",
    "updates a day",
    "billed a day",
    "USD a month",
    "share",
)
_NAMES = 2


class Survey:
    """Counts the metric updates of objects, and says what they cost.

    Args:
        show: Takes the name of an object, and what has happened to it.

    Attributes:
        unreadable: Why objects, or records of them, could not be read.
        objects: How many were read.
    """

    def __init__(self, show: Callable[[str, str], object]) -> None:
        self._show = show
        self._counter = UpdateCounter()
        self.unreadable = 0
        self.objects = 0

    def add(self, store: Store, objects: Iterable[StoredObject]) -> None:
        """Count what objects hold; what cannot be read is shown and left out."""
        for found in objects:
            self.objects += 1
            problems = list(self._problems(store, found))
            self.unreadable += len(problems)
            more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
            self._show(found.name, f"left out: {problems[0]}{more}" if problems else "read")

    def _problems(self, store: Store, found: StoredObject) -> Iterator[str]:
        try:
            records = _records_of(read_stored(store, found))
        except StoreError as error:
            yield str(error)
            return
        for record in records:
            if record.content is None:
                yield f"record {record.number}: {record.problem}"
                continue
            try:
                self._counter.add(record.content)
            except RecordError as error:
                yield f"record {record.number}: {error}"

    def lines(self, price: Decimal) -> Iterator[str]:
        """Yield the lines of the result.

        Args:
            price: USD for 1,000 metric updates.
        """
        if not self._counter.volumes:
            yield "there are no data points of CloudWatch"
            return
        coverage = coverage_of(self._counter)
        usage = usage_of(self._counter, coverage)
        usage.sort(key=lambda m: (-m.billed, m.namespace, m.name))
        total = sum(m.billed for m in usage)
        yield from _table([*_rows(usage, total, price), _total_row(usage, total, price)])
        yield ""
        yield from self._sample_lines(coverage)
        yield f"{price} USD for 1,000 updates; a month has {DAYS_A_MONTH} days"
        if percentiles := total - sum(m.updates for m in usage):
            usd = _usd(percentiles, price)
            yield f"{usd} USD of it are for percentiles: fewer StatisticsMetrics lose no series"
        yield from _notes(usage, coverage, self._counter.far)
        yield ""
        yield from _filter_lines(choose_filter(usage, -(-total // 2)), usage, price)

    def _sample_lines(self, coverage: Coverage) -> Iterator[str]:
        hours, minutes = divmod(coverage.minutes, 60)
        begin, end = map(_time, (coverage.begin, coverage.end))
        holes = "" if coverage.whole else ", with holes"
        yield f"the sample covers {hours} h {minutes} min, from {begin} to {end}{holes}"
        updates, repeated = self._counter.volumes.total(), self._counter.repeated
        yield f"{self.objects:,} objects have {updates:,} updates, and {repeated:,} repetitions"


def _records_of(stored: bytes) -> Iterable[Record]:
    data, _ = unpack(stored)
    captured = None if looks_failed(data) else captured_records(data)
    return read_records(stored) if captured is None else captured


def _rows(usage: Iterable[MetricUsage], total: int, price: Decimal) -> Iterator[Sequence[str]]:
    for metric in usage:
        mark = "~" if 2 * metric.guessed >= metric.updates else ""
        yield _row(metric.namespace, metric.name, [metric], total, price, mark)


def _total_row(usage: Sequence[MetricUsage], total: int, price: Decimal) -> Sequence[str]:
    return _row("total", f"{len(usage):,} metrics", usage, total, price)


def _row(
    namespace: str,
    name: str,
    usage: Sequence[MetricUsage],
    total: int,
    price: Decimal,
    mark: str = "",
) -> Sequence[str]:
    billed = sum(m.billed for m in usage)
    return (
        namespace,
        name,
        f"{sum(m.series for m in usage):,}",
        mark + _a_day(sum(m.updates for m in usage)),
        mark + _a_day(billed),
        _usd(billed, price),
        _percent(billed, total),
    )


def _table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    rows = [_COLUMNS, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if number < _NAMES else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _notes(usage: Sequence[MetricUsage], coverage: Coverage, far: int) -> Iterator[str]:
    updates, guessed = sum(m.updates for m in usage), sum(m.guessed for m in usage)
    if coverage.minutes < _SHORT_MINUTES:
        yield (
            "the sample is too short for a sum: the table shows what costs most, but the bill may "
            "be half or twice as much; survey some hours"
        )
    elif coverage.minutes < MINUTES_A_DAY:
        yield "the sample is shorter than a day: metrics that come once a day may be missing"
    if guessed * _GUESSED_SHARE > updates:
        yield (
            f"~ {_percent(guessed, updates)} of the updates are of series that were seen once, so "
            "their period is not known; a longer sample shows it"
        )
    if far:
        yield (
            f"{far:,} data points are more than {MAX_DAYS} days from the first one, and not "
            "counted: choose objects with --since and --until"
        )


def _filter_lines(found: Filter, usage: Sequence[MetricUsage], price: Decimal) -> Iterator[str]:
    if not found.text:
        yield "ExcludeFilters takes none of the names: they have other characters"
        return
    total, series = sum(m.billed for m in usage), sum(m.series for m in usage)
    halves = 2 * found.billed >= total
    yield (
        "to halve the bill at the fewest series lost:"
        if halves
        else "no filter of 20 entries halves the bill; this one saves most:"
    )
    yield f"ExcludeFilters={found.text}"
    yield (
        f"it saves {_usd(found.billed, price)} of {_usd(total, price)} USD a month "
        f"({_percent(found.billed, total)}) and loses {found.series:,} of {series:,} series"
    )


def _usd(updates: int, price: Decimal) -> str:
    return f"{(updates * price / 1000).quantize(_CENT, ROUND_HALF_EVEN):,}"


def _a_day(updates: int) -> str:
    number = updates / DAYS_A_MONTH
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:,.1f}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f} %"


def _time(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%MZ")
