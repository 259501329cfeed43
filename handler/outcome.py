"""What became of a delivery, before it is put into an ingress's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from handler.redaction import CUT_OFF

if TYPE_CHECKING:
    from collections.abc import Callable

    from converters.convert import Conversion
    from handler.account import Sent
    from handler.delivery import Delivery

# The answer for several failures is that of the first of these among them.
_WORST_FIRST = (401, 500, 503, 400)


# "errorMessage: [...] can be at most 8192 characters" - "HTTP Endpoint Delivery Request and
# Response Specifications"
MAX_MESSAGE = 8192
_BETWEEN = "; "


class Outcome(NamedTuple):
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
    failed_records: frozenset[int] | None = frozenset()
    transform_result: str = "Dropped"

    @property
    def message(self) -> str:
        """All errors in one text, as long as Firehose takes it."""
        text = _BETWEEN.join(self.errors)
        return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + CUT_OFF

    def told(self, redact: Callable[[str], str]) -> Outcome:
        """
        Return the same with errors that hold no secret, as far as `message` repeats them.

        Each is searched whole, before the message is cut: so no part of a secret
        is left at its end. What comes behind it is not searched, as thousands of
        records may be malformed, and left out.

        Args:
            redact: Takes the secrets out of a text.
        """
        told: list[str] = []
        length = 0
        for error in self.errors:
            if length > MAX_MESSAGE + len(_BETWEEN):
                break
            told.append(redact(error))
            length += len(told[-1]) + len(_BETWEEN)
        return self._replace(errors=tuple(told))


def judge(delivery: Delivery, conversion: Conversion, sent: Sent, transform_result: str) -> Outcome:
    """Return the answer that the fate of all records and samples adds up to."""
    malformed = malformed_records(delivery, conversion)
    statuses = {status for status, _ in sent.failures}
    errors = [words for _, words in sent.failures]
    if malformed:
        statuses.add(400)
        errors += [f"records[{number}]: {problem}" for number, problem in malformed.items()]
    failed = frozenset(malformed)
    if sent.undelivered:
        failed |= conversion.contributing
    return Outcome(
        status=next((status for status in _WORST_FIRST if status in statuses), 200),
        errors=tuple(errors),
        failed_records=failed,
        transform_result=transform_result,
    )


def malformed_records(delivery: Delivery, conversion: Conversion) -> dict[int, str]:
    """Return what is wrong with each record that could not be read or decoded."""
    unread = {r.number: r.problem for r in delivery.records if r.content is None}
    undecoded = {number: str(error) for number, error in conversion.failures.items()}
    return dict(sorted({**unread, **undecoded}.items()))
