"""deploy/examples: each makes a function that its endpoint accepts.

The variables are those that the template derives from the parameters. A stand-in demands what the
endpoint's documentation says: host, path, query, and what authenticates. Nothing is deployed.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import yaml

from handler.app import Function
from handler.client import Client, ListenerResponse
from testing.http_server import Reply, Request
from testing.otlp_receiver import OtlpReceiver
from testing.receiver import Received, Receiver
from testing.signatures import Key, Verifier
from tests.support.invoking import REAL_TIME, delivery_of, invoke, points
from tests.support.secret_stores import Stores
from tests.support.stack import ROOT, Stack, source
from tools.parameters import problems

# Each starts a secret store.
pytestmark = pytest.mark.slow

FILES = sorted((ROOT / "deploy" / "examples").glob("*.yaml"))
GENERATED = "key-that-the-stack-has-generated"


class Demand(NamedTuple):
    """What an endpoint wants.

    Attributes:
        url: Its URL.
        headers: The headers that authenticate, or name the tenant; all else that may is absent.
    """

    url: str
    headers: Mapping[str, str] = {}


DEMANDS = {
    "logzio": Demand(
        "https://listener-eu.logz.io:8053/", {"authorization": "Bearer TOKEN-FOR-METRICS"}
    ),
    "grafana-cloud": Demand(
        "https://prometheus-prod-01-eu-west-0.grafana.net/api/prom/push",
        {"authorization": "Basic VVNFUjpUT0tFTg=="},
    ),
    "grafana-cloud-otlp": Demand(
        "https://otlp-gateway-prod-eu-west-2.grafana.net/otlp/v1/metrics",
        {"authorization": "Basic SU5TVEFOQ0U6VE9LRU4="},
    ),
    "otel-collector": Demand("https://collector.example.com:4318/v1/metrics"),
    "mimir": Demand("https://mimir.example.com/api/v1/push", {"x-scope-orgid": "TENANT"}),
    "thanos-receive": Demand(
        "https://thanos-receive.example.com/api/v1/receive", {"thanos-tenant": "TENANT"}
    ),
    "victoriametrics": Demand("http://victoria-metrics.example.com:8428/api/v1/write"),
    "managed-prometheus": Demand(
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/"
        "ws-0a1b2c3d-4e5f-6789-abcd-ef0123456789/api/v1/remote_write"
    ),
    "new-relic": Demand(
        "https://metric-api.newrelic.com/prometheus/v1/write?prometheus_server=cloudwatch",
        {"authorization": "Bearer LICENSE-KEY"},
    ),
    "uptrace": Demand(
        "https://api.uptrace.dev/api/v1/prometheus/write",
        {"uptrace-dsn": "https://SECRET@api.uptrace.dev?grpc=4317"},
    ),
}
OTLP = ("grafana-cloud-otlp", "otel-collector")
SIGNED = Verifier({"testing": Key("testing", "testing")})
"""What Managed Prometheus wants: a signature with the credentials of the process."""


class Redirected(Client):
    """Sends to a stand-in, whose address is not the endpoint's, what is meant for the endpoint.

    Args:
        address: Host and port of the stand-in.
    """

    def __init__(self, address: str) -> None:
        super().__init__(connections=1)
        self._address = address
        self.schemes: list[str] = []

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str], timeout: float
    ) -> ListenerResponse:
        """Send one body, with the header Host that the endpoint would get."""
        parts = urlsplit(url)
        self.schemes.append(parts.scheme)
        target = parts._replace(scheme="http", netloc=self._address).geturl()
        return super().post(target, content, {**headers, "Host": parts.netloc}, timeout)


def demanding(name: str) -> Receiver | OtlpReceiver:
    """Return a listener that refuses what the endpoint would."""
    url, wanted = DEMANDS[name]
    parts = urlsplit(url)

    def reply(received: Request) -> Reply:
        known = {"authorization", "x-scope-orgid", "thanos-tenant", "uptrace-dsn"}
        found = {it: received.headers[it] for it in known & received.headers.keys()}
        place = (received.headers["host"], received.target)
        if place != (parts.netloc, f"{parts.path}?{parts.query}".rstrip("?")):
            return Reply(404, body=f"{place}".encode())
        if name == "managed-prometheus" and isinstance(received, Received):
            return SIGNED(received)
        return Reply() if found == wanted else Reply(401, body=json.dumps(found).encode())

    if name in OTLP:
        return OtlpReceiver(lambda received: reply(received.http))
    return Receiver(reply)


def parameters_in(path: Path) -> dict[str, str]:
    """Return the parameters of an example."""
    return {name: str(value) for name, value in yaml.safe_load(path.read_text("utf-8")).items()}


def test_every_example_is_checked() -> None:
    """Each file has its endpoint here, and its line in the documents."""
    assert {path.stem for path in FILES} == DEMANDS.keys()
    text = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    assert {path.stem for path in FILES} == set(re.findall(r"examples/([\w-]+)\.yaml\)", text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_example(path: Path, stores: Stores) -> None:
    """The endpoint accepts what the function sends with the variables of the stack."""
    text, given = path.read_text("utf-8"), parameters_in(path)
    assert list(problems(given, source(), "us-east-1")) == []
    stack = Stack(**given)
    assert stack.broken_rules() == []
    environ = stack.environment()
    token = stack.properties("TokenSecret").get("SecretString", f'{{"api_key":"{GENERATED}"}}')
    environ["FIREHOSE_ACCESS_KEY_ARN"] = stores.secret(token)
    if environ["REMOTE_WRITE_HEADERS_ARN"]:
        (headers,) = re.findall(r"^# RemoteWriteHeadersArn is .* (\{.*\})$", text, re.MULTILINE)
        environ["REMOTE_WRITE_HEADERS_ARN"] = stores.secret(headers)
    key = json.loads(token)["api_key"]
    with demanding(path.stem) as receiver:
        client = Redirected(f"127.0.0.1:{receiver.port}")
        function = Function(environ, REAL_TIME, client)
        answered = invoke(function, delivery_of(points(1), access_key=key))
        assert (answered.status, answered.error) == (200, "")
        assert len(receiver.requests) == 1
    assert set(client.schemes) == {urlsplit(DEMANDS[path.stem].url).scheme}
