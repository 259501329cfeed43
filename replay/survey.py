"""What a replay would send, without sending it: the summary of a dry run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import snappy

from converters.schema.remote_write_pb2 import WriteRequest
from replay.batches import batches_of, records_of
from replay.checkpoint import SENT, Checkpoint
from replay.errors import StoreError, unforeseen
from replay.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from converters.convert import Conversion
    from replay.batches import Batch
    from replay.run import Bounds, Watcher
    from replay.shipping import Shipper
    from replay.stores import Found, Notebook, Source

# Whatever has no namespace comes from another producer than CloudWatch.
_NO_NAMESPACE = "(none)"


@dataclass
class Survey:
    """
    What is waiting to be replayed.

    Attributes:
        found: Objects that were found.
        already: Objects that have been sent.
        objects: Objects with something to send.
        left: Objects of which something cannot be read, and why.
        tally: The account of what would be sent.
        oldest_ms: The oldest sample's time since the epoch; None without samples.
        newest_ms: The newest sample's.
        namespaces: How many samples there are of each namespace.
        more: Whether objects have not been come to.
    """

    found: int = 0
    already: int = 0
    objects: int = 0
    left: dict[str, str] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    oldest_ms: int | None = None
    newest_ms: int | None = None
    namespaces: Counter[str] = field(default_factory=Counter)
    more: bool = False


class Surveyor:
    """
    Looks at objects as a replay would.

    Args:
        source: Where they are.
        notebook: Where the notes about them are; none is written.
        shipper: What converts.
        watcher: Who wants to see it.
    """

    def __init__(
        self, source: Source, notebook: Notebook, shipper: Shipper, watcher: Watcher
    ) -> None:
        self._source = source
        self._notebook = notebook
        self._shipper = shipper
        self._watcher = watcher

    def look(self, objects: Sequence[Found], bounds: Bounds) -> Survey:
        """
        Look at objects.

        Args:
            objects: All that were found.
            bounds: How far to go.

        Raises:
            StoreError: The notes cannot be listed or read.
        """
        survey = Survey(found=len(objects))
        noted = self._notebook.names()
        self._watcher.begin(objects)
        try:
            for found in objects:
                checkpoint = Checkpoint(found, self._shipper.listener, self._notebook)
                if found.name in noted:
                    checkpoint.resume()
                if checkpoint.status == SENT:
                    survey.already += 1
                elif self._is_over(survey.objects, bounds):
                    survey.more = True
                    break
                else:
                    self._look_at(found, checkpoint, survey)
        finally:
            self._watcher.end()
        return survey

    def _is_over(self, objects: int, bounds: Bounds) -> bool:
        out_of_time = bounds.end is not None and self._shipper.monotonic() >= bounds.end
        return out_of_time or (bounds.limit is not None and objects >= bounds.limit)

    def _look_at(self, found: Found, checkpoint: Checkpoint, survey: Survey) -> None:
        survey.objects += 1
        try:
            records = records_of(self._source, found)
        except StoreError as error:
            survey.left[found.name] = str(error)
            return
        unread = {f"record {r.number}": r.problem for r in records if r.content is None}
        survey.tally.counts.update(records=len(unread), unreadable=len(unread))
        batches = batches_of(records)
        for number, batch in enumerate(batches):
            if not checkpoint.is_settled(number):
                unread |= self._add_batch(batch, survey)
            self._watcher.batch(found, (number + 1) / len(batches), survey.tally)
        if unread:
            place, words = next(iter(unread.items()))
            more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
            survey.left[found.name] = f"{place}: {words}{more}"
        self._watcher.object(found, survey.left.get(found.name, "to be sent"))

    def _add_batch(self, batch: Batch, survey: Survey) -> dict[str, str]:
        """Count what a batch holds; return what is wrong with it, by its place."""
        try:
            conversion = self._shipper.convert(batch)
        except Exception as error:  # noqa: BLE001 - one object must not hide the others
            survey.tally.counts.update(records=len(batch), unreadable=len(batch))
            return {f"records {batch[0][0]} to {batch[-1][0]}": unforeseen(error)}
        _add(survey, len(batch), conversion)
        return {f"record {n}": str(error) for n, error in conversion.failures.items()}


def _add(survey: Survey, records: int, conversion: Conversion) -> None:
    """Count what a batch holds, as the listener would see it."""
    survey.tally.add(
        Tally(
            counts=Counter(
                records=records,
                unreadable=len(conversion.failures),
                points=conversion.data_points,
                samples=conversion.samples,
            ),
            dropped=Counter(conversion.dropped_samples),
            points_dropped=Counter(conversion.dropped_points),
        )
    )
    for lane in conversion.lanes:
        for body in lane:
            for series in WriteRequest.FromString(snappy.uncompress(body.content)).timeseries:
                namespace = next((p.value for p in series.labels if p.name == "namespace"), "")
                times = [sample.timestamp for sample in series.samples]
                times += [histogram.timestamp for histogram in series.histograms]
                survey.namespaces[namespace or _NO_NAMESPACE] += len(times)
                known = [t for t in (survey.oldest_ms, survey.newest_ms) if t is not None]
                survey.oldest_ms = min([*times, *known])
                survey.newest_ms = max([*times, *known])
