"""
The Lambda function: a delivery of Firehose comes in, and lands at the listener.

The whole way is in `Function._deliver`: the ingress's event is checked and
parsed, the records are converted to remote-write bodies, the bodies are sent,
and what became of every sample decides the answer. Firehose keeps, and backs up
to S3, whatever is answered with another status than 200.
"""

from __future__ import annotations

import functools
import os
import random
import time
from typing import TYPE_CHECKING, Any

from handler.access import (
    Keyring,
    secrets_of,
    token_for_http,
    token_for_transformation,
    unchecked_secrets,
)
from handler.conversion import bytes_for_body, new_converter
from handler.endpoint import endpoint_at
from handler.errors import HandlerError, OutOfTimeError, SettingsError
from handler.ingress import HttpIngress, Ingress, open_ingress
from handler.last_resort import answer_all_the_same, places_of, traceback_of, unforeseen
from handler.listener import allowed_custom_listener
from handler.outcome import Outcome, judge, malformed_records
from handler.redaction import Redactor, cut
from handler.sender import Clock, Sender
from handler.settings import known_variables, read_settings
from handler.telemetry import Report, Telemetry, token_id
from handler.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converters.convert import Conversion
    from handler.account import Sent
    from handler.delivery import Delivery
    from handler.secrets import Secret
    from handler.sender import Endpoint
    from handler.settings import Settings

# Work stops this long before Lambda would kill the function, or the budget is over.
_MARGIN_SECONDS = 0.5

# Thousands of records may be malformed; nobody reads as many lines.
_MAX_ERROR_LINES = 10

# Firehose's id of a request has 36 characters, the ARN of a stream at most some 150.
_MAX_KEY = 1000

# As many metrics are told that they became one series with another.
_MAX_COLLISIONS_TOLD = 100


class Function:
    """
    The function with everything it keeps from one delivery to the next.

    Args:
        environ: The environment variables.
        clock: Time and chance.
        transport: What makes the requests; None: one over the network.
    """

    def __init__(
        self, environ: Mapping[str, str], clock: Clock, transport: Transport | None = None
    ) -> None:
        self._clock = clock
        self._telemetry = Telemetry(environ)
        self._collisions_told: set[str] = set()
        self._warnings: list[str] = []
        self._settings: Settings | SettingsError
        try:
            settings = self._settings = read_settings(environ)
        except SettingsError as error:
            self._settings = error
            self._unchecked_secrets = unchecked_secrets(environ)
            return
        self._warnings += settings.warnings
        self._keyring = Keyring(settings, clock.monotonic)
        self._converter = new_converter(settings)
        self._sender = Sender(
            transport or Transport(connections=settings.concurrency),
            clock,
            concurrency=settings.concurrency,
            timeout_seconds=settings.timeout_seconds,
        )

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer one invocation; whatever happens, in the words of its ingress."""
        entered = self._clock.monotonic()
        # An event of another kind is answered like an HTTP request.
        ingress: Ingress = HttpIngress({})
        with self._telemetry.one_delivery():
            try:
                self._telemetry.learn(lambda_request_id=str(getattr(context, "aws_request_id", "")))
                ingress = open_ingress(event)
                outcome = self._deliver(ingress, context, entered)
            except HandlerError as error:
                outcome = self._refuse(error, ingress)
            except Exception as error:  # noqa: BLE001 - Firehose must get an answer all the same
                outcome = self._fail(error)
            self._tell_of_stores()
        return ingress.answer(outcome, int(self._clock.wall() * 1000))

    def _deliver(self, ingress: Ingress, context: Any, entered: float) -> Outcome:
        """Take one delivery the whole way."""
        self._hide_secrets(ingress)
        settings = self._checked_settings()
        if ingress.is_http:
            token = token_for_http(settings, self._keyring, ingress.access_key)
        else:
            token = token_for_transformation(settings, self._keyring)
        if token is not None:
            self._telemetry.learn(token_id=token_id(token.versions()[0]))
        self._hide_secrets(ingress)
        delivery = ingress.parse(bytes_for_body(settings.memory_size))
        endpoint = _endpoint(settings, delivery, token)
        self._hide_secrets(ingress, endpoint.url)
        self._warn(delivery)
        deadline = _deadline(settings, context, entered, self._clock.monotonic())
        conversion = self._converter.convert(
            [(r.number, r.content) for r in delivery.records if r.content is not None],
            p8s_logzio_name=delivery.common.p8s_logzio_name or settings.p8s_logzio_name,
            delivered_ms=delivery.delivered_ms,
            checkpoint=lambda: self._check(deadline),
        )
        sent = self._sender.send(conversion.lanes, endpoint, deadline)
        redact = self._hide_secrets(ingress, endpoint.url)
        outcome = judge(delivery, conversion, sent, settings.transform_result)
        self._report(delivery, conversion, sent, outcome, entered)
        return outcome.told(redact)

    def _warn(self, delivery: Delivery) -> None:
        """Tell what is wrong with the settings, once, and with the delivery's attributes."""
        while self._warnings:
            self._telemetry.warning(self._warnings.pop(0))
        if delivery.common.warning:
            self._telemetry.warning(delivery.common.warning)

    def _check(self, deadline: float) -> None:
        if self._clock.monotonic() >= deadline:
            raise OutOfTimeError(
                "the time for the delivery was over before it was converted; make the function's "
                "memory, and with it its share of CPU, larger"
            )

    def _checked_settings(self) -> Settings:
        if isinstance(self._settings, SettingsError):
            raise self._settings
        return self._settings

    def _report(
        self,
        delivery: Delivery,
        conversion: Conversion,
        sent: Sent,
        outcome: Outcome,
        entered: float,
    ) -> None:
        """Tell what became of a delivery: what is wrong in lines of its own, then the numbers."""
        tell = self._telemetry
        for words in outcome.errors[:_MAX_ERROR_LINES]:
            tell.error(words)
        if len(outcome.errors) > _MAX_ERROR_LINES:
            tell.error(f"and {len(outcome.errors) - _MAX_ERROR_LINES} more errors")
        for error in sent.errors:
            tell.error("unforeseen error", traceback=traceback_of(error))
        for refusal in sent.refusals:
            tell.warning(
                "the listener rejected samples for good",
                samples=refusal.samples,
                listener_words=refusal.words,
                example=refusal.example,
            )
        untold = sorted(set(conversion.collided) - self._collisions_told)
        for metric in untold[: _MAX_COLLISIONS_TOLD - len(self._collisions_told)]:
            self._collisions_told.add(metric)
            tell.warning(
                "two metrics differ only in what lower-casing or sanitising takes away and "
                "became one series; LABEL_VALUE_CASE=keep keeps their values apart",
                metric=metric,
            )
        age = None
        if conversion.oldest_ms is not None:
            age = max(0.0, self._clock.wall() - conversion.oldest_ms / 1000)
        tell.delivered(
            Report(
                records=len(delivery.records),
                malformed=len(malformed_records(delivery, conversion)),
                conversion=conversion,
                sent=sent,
                status=outcome.status,
                milliseconds=(self._clock.monotonic() - entered) * 1000,
                oldest_age_seconds=age,
            )
        )

    def _refuse(self, error: HandlerError, ingress: Ingress) -> Outcome:
        """Answer a delivery that was not taken; nothing of it has been sent."""
        # What was refused may be a secret, and the stores may have told some by now.
        text = self._hide_secrets(ingress)(str(error))
        self._telemetry.error(text, status=error.status)
        return Outcome(error.status, (text,), failed_records=None)

    def _fail(self, error: Exception) -> Outcome:
        """Answer what nobody foresaw."""
        self._telemetry.error("unforeseen error", status=500, traceback=traceback_of(error))
        return unforeseen(error)

    def _hide_secrets(self, ingress: Ingress, url: str = "") -> Redactor:
        """Keep all secrets that are known by now out of every line; return what does so."""
        settings = self._settings
        if isinstance(settings, SettingsError):
            redact = Redactor([*self._unchecked_secrets, ingress.access_key])
        else:
            redact = Redactor(secrets_of(settings, self._keyring, ingress.access_key, url))
        self._telemetry.keep_out(redact)
        # The sender's own words, which may be secrets too.
        self._telemetry.learn(
            firehose_request_id=cut(ingress.request_id, _MAX_KEY),
            **_stream_keys(cut(ingress.source_arn, _MAX_KEY)),
        )
        return redact

    def _tell_of_stores(self) -> None:
        """Tell why a newer version of a secret could not be looked for."""
        if not isinstance(self._settings, SettingsError):
            for failure in self._keyring.failures():
                self._telemetry.warning(failure)


def _endpoint(settings: Settings, delivery: Delivery, token: Secret | None) -> Endpoint:
    """Return where to send a delivery."""
    url = settings.listener
    if delivery.common.custom_listener is not None:
        url = allowed_custom_listener(delivery.common.custom_listener, settings.allowed_hosts)
    return endpoint_at(url, settings, token)


def _deadline(settings: Settings, context: Any, entered: float, now: float) -> float:
    """Return when to stop, in monotonic seconds: before the budget and Lambda's timeout end."""
    end = entered + settings.budget_seconds
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is not None:
        end = min(end, now + remaining() / 1000)
    return end - _MARGIN_SECONDS


def _stream_keys(source_arn: str) -> dict[str, str]:
    """Return what every line tells of the Firehose stream."""
    # arn:aws:firehose:<region>:<account>:deliverystream/<name>
    parts = source_arn.split(":")
    return {"source_arn": source_arn, "account": parts[4] if len(parts) > 4 else ""}


_CLOCK = Clock(
    monotonic=time.monotonic,
    wall=time.time,
    jitter=lambda ceiling: random.uniform(0, ceiling),  # noqa: S311 - spreads retries, no secret
)


@functools.lru_cache(maxsize=1)
def _function(variables: tuple[tuple[str, str], ...]) -> Function:
    return Function(dict(variables), _CLOCK)


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """
    Answer an invocation of the Lambda function.

    Args:
        event: An event of any ingress.
        context: Lambda's context object.

    Returns:
        The ingress's answer; an exception never leaves the function.
    """
    environ = known_variables(os.environ)
    tell = traceback_of
    try:
        # The first invocation builds the function: an import that reads settings
        # could only report a bad one by crashing.
        function = _function(tuple(environ.items()))
        # From here on an error's text may repeat a secret that a store has told.
        tell = places_of
        return function(event, context)
    except Exception as error:  # noqa: BLE001 - Firehose must get an answer all the same
        now_ms = int(_CLOCK.wall() * 1000)
        return answer_all_the_same(error, tell(error), event, environ, now_ms)
