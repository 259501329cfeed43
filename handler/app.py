"""The Lambda function: converts a delivery of Firehose and sends it to the listener.

`Function._deliver` is the whole flow: event -> delivery -> conversion -> sending -> answer.
Firehose keeps, and backs up to S3, whatever is answered with another status than 200.
"""

import functools
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from handler.access import Keyring, redactor_of, secrets_of, token_for, unchecked_secrets
from handler.client import Client
from handler.clock import Clock
from handler.conversion import bytes_for_body, new_converter
from handler.delivery import Delivery
from handler.endpoint import Endpoint, endpoint_at
from handler.errors import (
    HandlerError,
    IngressError,
    ListenerNotAllowed,
    OutOfTimeError,
    SettingsError,
    UndeliveredError,
)
from handler.ingress import HttpIngress, Ingress, ids_in_form, open_ingress
from handler.listener import allowed_custom_listener
from handler.redaction import Redactor
from handler.result import DeliveryResult, result_of, unforeseen
from handler.secrets import Secret
from handler.settings import Settings, known_variables, read_settings
from handler.shipping import Shipping
from handler.telemetry import Telemetry, token_id, traceback_of

# Work stops this long before Lambda would kill the function, or before the budget ends.
_MARGIN_SECONDS = 0.5


class Function:
    """The function with everything that it keeps from one delivery to the next.

    Args:
        environ: The environment variables.
        clock: Time and chance.
        client: Makes the requests; None for one over the network.
    """

    def __init__(
        self, environ: Mapping[str, str], clock: Clock, client: Client | None = None
    ) -> None:
        environ = known_variables(environ)
        self._clock = clock
        self._telemetry = Telemetry(environ)
        self._settings: Settings | SettingsError
        try:
            settings = self._settings = read_settings(environ)
        except SettingsError as error:
            self._settings = error
            self._unchecked_secrets = unchecked_secrets(environ)
            return
        self._warnings = list(settings.warnings)
        self._keyring = Keyring(settings, clock.monotonic, self._telemetry.warning)
        self._converter = new_converter(settings)
        self._shipping = Shipping(settings, clock, self._telemetry.warning, client)

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer one invocation in its ingress's own form, whatever happens.

        Raises:
            UndeliveredError: As `lambda_handler` does.
        """
        entered = self._clock.monotonic()
        # An event of another kind is answered like an HTTP request.
        ingress: Ingress = HttpIngress({})
        with self._telemetry.delivery():
            self._redact_for(None)
            try:
                request_id = str(getattr(context, "aws_request_id", ""))
                self._telemetry.add_keys(lambda_request_id=request_id)
                ingress = open_ingress(event)
                if ingress.is_health_check:
                    result = DeliveryResult(200)
                else:
                    result = self._deliver(ingress, context, entered)
            except HandlerError as error:
                result = self._refuse(error)
            except Exception as error:  # noqa: BLE001 - Firehose must get an answer all the same
                trace = traceback_of(error)
                self._telemetry.error("unforeseen error", status=500, traceback=trace)
                result = unforeseen(error)
        return ingress.answer(result, int(self._clock.wall() * 1000))

    def _deliver(self, ingress: Ingress, context: Any, entered: float) -> DeliveryResult:
        """Convert and send one delivery."""
        self._telemetry.add_stream_keys(*ids_in_form(ingress))
        if isinstance(self._settings, SettingsError):
            # Without the frames of earlier deliveries, which would stay in memory.
            raise self._settings.with_traceback(None)
        settings = self._settings
        # A stranger's request comes no further. Nothing else has been read of it, or logged.
        token = token_for(ingress, settings, self._keyring)
        self._redact_for(token)
        if token is not None:
            self._telemetry.add_keys(token_id=token_id(token.versions()[0]))
        self._telemetry.add_stream_keys(ingress.request_id, ingress.source_arn)
        delivery = ingress.parse(bytes_for_body(settings.memory_bytes))
        endpoint = _endpoint(settings, delivery, token, self._keyring.headers)
        redact = self._redact_for(token, endpoint.url)
        self._telemetry.add_stream_keys(delivery.request_id, delivery.source_arn)
        self._warn(delivery)
        deadline = _deadline(settings, context, entered, self._clock.monotonic())
        conversion = self._converter.convert(
            [(r.number, r.content) for r in delivery.records if r.content is not None],
            p8s_logzio_name=delivery.common.p8s_logzio_name or settings.p8s_logzio_name,
            delivered_ms=delivery.delivered_ms,
            check_deadline=lambda: self._check(deadline),
        )
        sent = self._shipping.send(conversion, endpoint, deadline)
        result = result_of(delivery, conversion, sent, settings.transform_result)
        milliseconds = (self._clock.monotonic() - entered) * 1000
        now = self._clock.wall()
        self._telemetry.report(delivery, conversion, sent, result, milliseconds, now)
        return result.redacted(redact)

    def _warn(self, delivery: Delivery) -> None:
        """Warn of the settings, in the first delivery, and of the delivery's attributes."""
        while self._warnings:
            self._telemetry.warning(self._warnings.pop(0))
        if delivery.common.warning:
            self._telemetry.warning(delivery.common.warning)

    def _check(self, deadline: float) -> None:
        if self._clock.monotonic() >= deadline:
            raise OutOfTimeError(
                "the time for the delivery was up before it was converted; give the function "
                "more memory, and with it a larger share of CPU"
            )

    def _refuse(self, error: HandlerError) -> DeliveryResult:
        """Return the result of a delivery of which nothing has been sent."""
        text = self._redact(str(error))
        self._telemetry.error(text, status=error.status)
        return DeliveryResult(error.status, (text,), failed_records=None)

    def _redact_for(self, token: Secret | None, url: str = "") -> Callable[[str], str]:
        """Keep the secrets of a delivery out of all further log lines; return the redactor.

        Args:
            token: What the delivery is sent with; None while that is unknown.
            url: The listener, as the delivery names it; empty for the operator's.
        """

        def redact(text: str) -> str:
            # At each use: by then a secret store may have returned more of them.
            if isinstance(self._settings, SettingsError):
                secrets = self._unchecked_secrets
            else:
                secrets = secrets_of(self._settings, self._keyring, token, url)
            return redactor_of(tuple(secrets))(text)

        self._redact = redact
        self._telemetry.redact_with(redact)
        return redact


def _endpoint(
    settings: Settings, delivery: Delivery, token: Secret | None, stored_headers: Secret | None
) -> Endpoint:
    """Return where to send a delivery."""
    url = settings.listener
    if delivery.common.custom_listener is not None:
        if settings.otlp_endpoint:
            raise ListenerNotAllowed(
                "CUSTOM_LISTENER names a listener of remote write, but the function sends OTLP"
            )
        url = allowed_custom_listener(delivery.common.custom_listener, settings.allowed_hosts)
    return endpoint_at(url, settings, token, stored_headers)


def _deadline(settings: Settings, context: Any, entered: float, now: float) -> float:
    """Return when to stop, in monotonic seconds: before the budget and Lambda's timeout end."""
    end = entered + settings.budget_seconds
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is not None:
        end = min(end, now + remaining() / 1000)
    return end - _MARGIN_SECONDS


_CLOCK = Clock()


@functools.lru_cache(maxsize=1)
def _function(variables: tuple[tuple[str, str], ...]) -> Function:
    return Function(dict(variables), _CLOCK)


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer an invocation of the Lambda function.

    Args:
        event: An event of any ingress.
        context: Lambda's context object.

    Returns:
        The ingress's answer.

    Raises:
        UndeliveredError: Firehose has to repeat the invocation of a data transformation. No other
            exception leaves the function.
    """
    environ = known_variables(os.environ)
    function = None
    try:
        # Built here, not at import, where a bad setting could only be reported by a crash.
        function = _function(tuple(environ.items()))
        return function(event, context)
    except UndeliveredError:
        raise
    except Exception as error:  # noqa: BLE001 - Firehose must get an answer all the same
        return _answer_failure(error, event, environ, built=function is not None)


def _answer_failure(
    error: Exception, event: Any, environ: Mapping[str, str], *, built: bool
) -> dict[str, Any]:
    """Answer an invocation without the function, whose settings or log may be what failed."""
    try:
        ingress: Ingress = open_ingress(event)
    except IngressError:
        ingress = HttpIngress({})
    redact = Redactor(unchecked_secrets(environ))
    # A built function may have fetched secrets, which the error's text may repeat.
    line = {
        "level": "ERROR",
        "message": "unforeseen error",
        "firehose_request_id": redact(ids_in_form(ingress)[0]),
        "traceback": redact(traceback_of(error, with_text=not built)),
    }
    print(json.dumps(line))  # noqa: T201 - the logger may be what failed
    return ingress.answer(unforeseen(error), int(_CLOCK.wall() * 1000))
