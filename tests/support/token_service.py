"""STS on loopback: moto, whose credentials a verifier of signatures then knows."""

import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from testing.signatures import Key
from tests.support.secret_stores import serving_moto

_ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{0}</Code><Message>no</Message></Error>"
    "</ErrorResponse>"
)


@dataclass
class TokenService:
    """STS, which a test breaks and watches.

    Attributes:
        url: Where it listens.
        asked: The fields of each request for a role's credentials, and the region it is signed for.
        keys: What it has given, by the id of the access key.
        lifetime: How long it says that they last.
        error: The status and code of an error to reply with; None for the true reply.
    """

    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    keys: dict[str, Key] = field(default_factory=dict)
    lifetime: timedelta = timedelta(hours=1)
    error: tuple[str, str] | None = None

    def heal(self) -> None:
        """Forget everything, and reply truly from now on."""
        self.asked.clear()
        self.keys.clear()
        self.lifetime, self.error = timedelta(hours=1), None

    def before(self, application: WSGIApplication) -> WSGIApplication:
        """Return the application with the recording and the faults around it."""

        def handle(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            scope = environ.get("HTTP_AUTHORIZATION", "").split("/")
            self.asked.append(fields | {"region": scope[2]})
            if self.error is not None:
                start(self.error[0], [("Content-Type", "text/xml")])
                return [_ERROR.format(self.error[1]).encode()]
            answer = b"".join(application(environ, start)).decode()
            found = {
                name: re.findall(f"<{name}>(.*?)</{name}>", answer)[0]
                for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
            }
            key = Key(found["SecretAccessKey"], found["SessionToken"])
            self.keys[found["AccessKeyId"]] = key
            ends = (datetime.now(UTC) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%S")
            # As long as moto's own, since the length of the answer is announced.
            old = found["Expiration"]
            return [answer.replace(old, ends + old[len(ends) :]).encode()]

        return handle


@contextlib.contextmanager
def running_token_service() -> Iterator[TokenService]:
    """Run STS."""
    service = TokenService()
    with serving_moto(service.before) as service.url:
        yield service
