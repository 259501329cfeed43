"""What became of a delivery, before it is put into a front door's words."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outcome:
    """
    The verdict on a delivery.

    Attributes:
        status: 200, 400, 401, 500 or 503; never 413, on which Firehose discards the batch.
        errors: All that went wrong, each in a sentence for the operator.
        failed_records: The numbers of the records that Firehose has to keep:
            those that could not be decoded and, where not all was delivered,
            those that contributed to it. None for all of them.
        transform_result: The result of all other records of a transformation.
    """

    status: int
    errors: tuple[str, ...] = ()
    failed_records: frozenset[int] | None = field(default_factory=frozenset)
    transform_result: str = "Dropped"
