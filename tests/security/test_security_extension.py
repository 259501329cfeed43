"""The logs extension shows no token: not in its lines, its health check or its records."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.backoff import Backoff
from extension.buffer import Buffer
from extension.clocks import Clocks
from extension.destinations import choose
from extension.http_client import HttpClient
from extension.main import health_check
from extension.settings import Settings
from extension.shipper import Shipper
from testing.http_server import Reply
from testing.log_destinations.treatment import Treatment
from tests.extension_process.running import DEBUG, DESTINATIONS, shipping
from tests.security.canaries import Listener, ascii_secrets, conversations, leaks
from tests.support.extension_parts import Written, function_line, is_balanced
from tests.support.log_destinations import ACCOUNT, FUNCTION, no_secret
from tests.support.properties import examples

TOKENS = {
    "logzio": "LOGZIO_LOGS_TOKEN",
    "loki": "LOKI_PASSWORD",
    "openobserve": "O2_AUTHORIZATION_HEADER",
    "datatap": "BD_TAP_CLIENT_TOKEN",
}
ADDRESSES = {
    "logzio": "LOGZIO_LISTENER",
    "loki": "LOKI_URL",
    "openobserve": "O2_ENDPOINT",
    "datatap": "BD_DATA_TAP_URL",
}
FURTHER = {"loki": {"LOKI_USERNAME": "user"}, "openobserve": {"O2_ORGANIZATION_ID": "org"}}

WRONG_PLACES = (
    *("LOGS_DESTINATION", "TELEMETRY_TYPES", "RECEIVER_ADDRESS", "RECEIVER_PORT", "LOGS_MAX_ITEMS"),
    *(
        "EXTENSION_LOG_LEVEL",
        "LOGS_MIN_LEVEL",
        "LOGS_SAMPLE_RATE",
        "LOGS_REDACT",
        "LOGS_TIMEOUT_MS",
    ),
    *("FLUSH_BUDGET_MS", "BUFFER_MAX_BYTES", "CUSTOM_FIELDS", "LOKI_LABELS", "LOKI_TENANT_ID"),
    *("LOKI_USERNAME", "O2_STREAM", "LOGZIO_REGION", "O2_BATCH_MAX_SIZE_MB", *ADDRESSES.values()),
    *(f"{variable}_ARN" for variable in TOKENS.values()),
)


def settings_of(name: str, url: str, token: str) -> dict[str, str]:
    """Make the variables of a destination."""
    return {
        "LOGS_DESTINATION": name,
        TOKENS[name]: token,
        ADDRESSES[name]: url,
        **FURTHER.get(name, {}),
        **DEBUG,
    }


@examples(40)
@given(data=st.data())
def test_health_check(listener: Listener, data: st.DataObject) -> None:
    """The health check shows no token, whatever is set, and whatever a destination answers."""
    name, token = data.draw(st.sampled_from(sorted(TOKENS))), data.draw(ascii_secrets)
    listener.converse = data.draw(conversations([token]))
    environ = settings_of(name, listener.url.removesuffix("/write"), token)
    for variable in data.draw(st.lists(st.sampled_from(WRONG_PLACES), max_size=2)):
        environ[variable] = data.draw(st.sampled_from([token, f"https://{token}@x", f"{token}="]))
    said: list[str] = []
    health_check(environ, said.append)
    assert leaks("\n".join([*said, *Settings(environ).warnings]), [token]) == []


@examples(40)
@given(data=st.data())
def test_lines_of_the_shipper(listener: Listener, data: st.DataObject) -> None:
    """The extension's own lines hold no token at level debug, whatever a destination answers."""
    name, token = data.draw(st.sampled_from(sorted(TOKENS))), data.draw(ascii_secrets)
    listener.converse = data.draw(conversations([token]))
    clocks, written = Clocks(), Written("debug")
    environ = settings_of(name, listener.url.removesuffix("/write"), token)
    (destination,) = choose(
        [name], {**FUNCTION, **environ}, ACCOUNT, no_secret, clocks.wall
    ).destinations
    buffer = Buffer(1_000_000, clocks.monotonic)
    client = HttpClient()
    shipper = Shipper(
        destination,
        buffer,
        Backoff(clocks.monotonic, lambda: 1.0, destination.max_body_bytes),
        client=client,
        limits=(5.0, 5.0),
        clocks=clocks,
        log=written.log,
    )
    shipper.add([destination.encode(function_line("a line"))])
    with contextlib.closing(client):
        shipper.send_batch()
    assert is_balanced(buffer.account())
    assert written.text
    assert leaks(written.text, [token]) == []
    assert leaks(repr(destination), [token]) == []


@pytest.mark.parametrize("name", sorted(DESTINATIONS))
def test_process_and_records(name: str) -> None:
    """Neither the process nor a record that arrives shows the token that a destination repeats."""
    with DESTINATIONS[name]() as destination:
        token = destination.token = "Basic QX7zJkKvWqZvwx"
        words = json.dumps({"token": token, "status": [{"failed": 0}]}).encode()
        for code in (429, 500, 400, 401):
            headers = {"Location": f"https://x/{token}", "X-Token": token}
            destination.misbehave_once(Treatment(Reply(code, headers, words), stores=False))
        with shipping(destination, environ=DEBUG) as run:
            for number in range(4):
                run.services.invoke([f"line {number}"])
            run.end()
            assert "metric-stream-logs: debug: " in run.output
            assert leaks(run.output, [token]) == []
        assert leaks(str(destination.records), [token]) == []
