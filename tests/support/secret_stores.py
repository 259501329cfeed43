"""Secrets Manager and SSM Parameter Store on loopback: moto, with faults in front of it."""

import base64
import contextlib
import io
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from handler.clock import Clock
from testing.aws_environment import REGION, environment_for
from testing.servers import loopback_session
from tests.support.clocks import SOON

MINUTE = 60.0
"""The function reads a store again after this many seconds, and not earlier."""

# Any reading of a monotonic clock but zero, which code could confuse with "not set".
_BEGIN_SECONDS = 5_000.0

_ACCOUNT = "123456789012"
TOKEN_ARN = "LOGZIO_METRICS_TOKEN_ARN"
KEY_ARN = "FIREHOSE_ACCESS_KEY_ARN"
HEADERS_ARN = "REMOTE_WRITE_HEADERS_ARN"
MISSING = f"arn:aws:secretsmanager:{REGION}:{_ACCOUNT}:secret:missing-a1B2c3"
_SECRETS_MANAGER = "secretsmanager"
_SSM = "AmazonSSM"
_READS = ("GetSecretValue", "GetParameter")

Asked = Mapping[str, Any]
"""The JSON object of a request."""

Fault = Callable[[Asked], str | None]
"""Takes a request; returns the code of an error to reply with, None for the true reply."""


def truly(_asked: Asked) -> None:
    """Reply to every request as the store does."""


class Later:
    """A clock that only a test moves forward.

    Attributes:
        ahead: By how many seconds it has been moved.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self.clock = Clock(self.monotonic, time.time, jitter=lambda _ceiling: 0.0)

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return _BEGIN_SECONDS + self.ahead


@dataclass
class Stores:
    """Both stores, which a test fills, breaks and watches.

    Attributes:
        url: Where they listen.
        reads: The function's reads, in order.
        fault: Decides about the reply to a read.
        open: While it is cleared, every read waits.
        asked: Notified of each read.
    """

    url: str = ""
    reads: list[Asked] = field(default_factory=list)
    fault: Fault = truly
    open: threading.Event = field(default_factory=threading.Event)
    asked: threading.Condition = field(default_factory=threading.Condition)

    def heal(self) -> None:
        """Forget the reads, and reply truly from now on."""
        self.reads.clear()
        self.fault = truly
        self.open.set()

    def wait_for_reads(self, number: int) -> bool:
        """Wait for a number of reads; return False where that takes too long."""
        with self.asked:
            return self.asked.wait_for(lambda: len(self.reads) >= number, SOON)

    def secret(self, content: str | bytes | None = None) -> str:
        """Create a secret, without a value if `content` is None; return its ARN."""
        value = {} if content is None else {"SecretString": content}
        if isinstance(content, bytes):
            value = {"SecretBinary": base64.b64encode(content).decode()}
        made = self._call(_SECRETS_MANAGER, "CreateSecret", Name=f"s-{uuid.uuid4()}", **value)
        return str(made["ARN"])

    def change(self, arn: str, text: str) -> None:
        """Put a new current version of a secret."""
        token = str(uuid.uuid4())
        fields = {"SecretId": arn, "SecretString": text, "ClientRequestToken": token}
        self._call(_SECRETS_MANAGER, "PutSecretValue", **fields)

    def parameter(self, text: str, name: str, kind: str = "SecureString") -> str:
        """Create a parameter, or put a new version of it; return its ARN."""
        fields = {"Name": name, "Value": text, "Type": kind, "Overwrite": True}
        self._call(_SSM, "PutParameter", **fields)
        return f"arn:aws:ssm:{REGION}:{_ACCOUNT}:parameter/{name.removeprefix('/')}"

    def _call(self, service: str, operation: str, **fields: Any) -> dict[str, Any]:
        # Not with boto3: a test must see only the log lines of the function's own client.
        scope = f"test/20260101/{REGION}/{service.removeprefix('Amazon').lower()}/aws4_request"
        headers = {
            "X-Amz-Target": f"{service}.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=, Signature=",
        }
        with loopback_session() as session:
            answer = session.post(self.url, data=json.dumps(fields), headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def before(self, application: "WSGIApplication") -> "WSGIApplication":
        """Return the application with the recording of reads and the faults in front of it."""

        def handle(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            if environ.get("HTTP_X_AMZ_TARGET", "").endswith(_READS):
                asked = json.loads(body)
                with self.asked:
                    self.reads.append(asked)
                    self.asked.notify_all()
                self.open.wait()
                code = self.fault(asked)
                if code is not None:
                    start("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
                    return [json.dumps({"__type": code, "Message": "no"}).encode()]
            return application(environ, start)

        return handle


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Write nothing."""


@contextlib.contextmanager
def serving_moto(before: Callable[["WSGIApplication"], "WSGIApplication"]) -> Iterator[str]:
    """Run moto with something in front of it; yields its URL."""
    application = before(DomainDispatcherApplication(create_backend_app))
    server = ThreadedWSGIServer("127.0.0.1", 0, application, _Quiet)
    # Closing waits for the threads of the requests.
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def running_stores() -> Iterator[Stores]:
    """Run both stores, which all tests of this process share."""
    stores = Stores()
    stores.open.set()
    with serving_moto(stores.before) as stores.url:
        try:
            # The first request imports a store, which takes longer than a read may.
            stores.secret("first")
            stores.parameter("first", "first")
            yield stores
        finally:
            stores.open.set()


def aim_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send every boto3 client of this process to a URL."""
    for name, value in environment_for(url).items():
        monkeypatch.setenv(name, value)
