"""The result of a delivery, before an ingress turns it into its own form of answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from converters.convert import Conversion
from handler.account import Sent
from handler.delivery import Delivery
from handler.redaction import CUT_OFF, cut

# The answer for several failures is that of the first of these among them.
_WORST_FIRST = (401, 500, 503, 400)


# "errorMessage: [...] can be at most 8192 characters" - "HTTP Endpoint Delivery Request and
# Response Specifications"
MAX_MESSAGE = 8192
_BETWEEN = "; "


class DeliveryResult(NamedTuple):
    """What to answer to a delivery.

    Attributes:
        status: 200, 400, 401, 500 or 503; never 413, on which Firehose discards the batch.
        errors: All that went wrong, each in a sentence for the operator.
        failed_records: The numbers of the records that Firehose has to keep: those that could
            not be decoded and, if samples are undelivered, those that they may come from. None
            for all records.
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

    def redacted(self, redact: Callable[[str], str]) -> DeliveryResult:
        """Return the same result without secrets in its message.

        Each error is redacted before the message is cut, so no part of a secret is left at its
        end. What the message has no space for is left out before: there may be thousands of
        errors, or a label of a megabyte in one.

        Args:
            redact: Removes the secrets from a text.
        """
        errors: list[str] = []
        length = 0
        for error in self.errors:
            if length > MAX_MESSAGE + len(_BETWEEN):
                break
            errors.append(redact(cut(error, MAX_MESSAGE)))
            length += len(errors[-1]) + len(_BETWEEN)
        return self._replace(errors=tuple(errors))


def result_of(
    delivery: Delivery, conversion: Conversion, sent: Sent, transform_result: str
) -> DeliveryResult:
    """Return the result that all records and samples of a delivery add up to."""
    malformed = malformed_records(delivery, conversion)
    statuses = {status for status, _ in sent.failures}
    errors = [words for _, words in sent.failures]
    if malformed:
        statuses.add(400)
        errors += [f"records[{number}]: {problem}" for number, problem in malformed.items()]
    failed = frozenset(malformed)
    if sent.undelivered:
        failed |= conversion.contributing
    return DeliveryResult(
        status=next((status for status in _WORST_FIRST if status in statuses), 200),
        errors=tuple(errors),
        failed_records=failed,
        transform_result=transform_result,
    )


def unforeseen(error: Exception) -> DeliveryResult:
    """Return the result of an unforeseen error: Firehose keeps the batch and sends it again."""
    # The log has the error's own text, redacted; here it might repeat a secret.
    text = f"unforeseen error, see the function's log: {type(error).__name__}"
    return DeliveryResult(500, (text,), failed_records=None)


def malformed_records(delivery: Delivery, conversion: Conversion) -> dict[int, str]:
    """Return what is wrong with each record that could not be read or decoded, by its number."""
    unread = {r.number: r.problem for r in delivery.records if r.content is None}
    undecoded = {number: str(error) for number, error in conversion.failures.items()}
    return dict(sorted({**unread, **undecoded}.items()))
