"""No part of a token or key is in any line, metric or answer, wherever the same text stands."""

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handler.app import Function
from handler.clock import Clock
from handler.errors import UndeliveredError
from handler.telemetry import traceback_of
from testing.events import ingresses
from testing.events.firehose import headers
from tests.security.canaries import (
    SPELLINGS,
    Listener,
    ascii_secrets,
    conversations,
    leaks,
    secrets,
)
from tests.support.invoking import REAL_TIME, body_of, point, record_of, settings_for
from tests.support.properties import examples
from tests.support.stand_in_client import Posted, StandInClient

# A retry would come too late, so each failure ends its delivery at once.
AT_ONCE = Clock(REAL_TIME.monotonic, REAL_TIME.wall, jitter=lambda _ceiling: 1000.0)

WRONG_PLACES = (
    *("LOGZIO_REGION", "REMOTE_WRITE_AUTH", "LABEL_VALUE_CASE", "NATIVE_HISTOGRAMS"),
    *("UNIT_LABEL", "MAX_LABELS"),
    *("LISTENER_ALLOWED_HOSTS", "REMOTE_WRITE_MAX_BYTES", "REMOTE_WRITE_CONCURRENCY"),
    *("DELIVERY_BUDGET_SECONDS", "LISTENER_TIMEOUT_SECONDS", "TRANSFORM_RESULT"),
    *("POWERTOOLS_LOG_LEVEL", "LOGZIO_METRICS_TOKEN_ARN", "FIREHOSE_ACCESS_KEY_ARN"),
    *("REMOTE_WRITE_HEADERS", "P8S_LOGZIO_NAME", "LOGZIO_METRICS_LISTENER"),
)
INGRESSES = (
    "function_url",
    "http_api_v2",
    "rest_v1",
    "alb",
    "alb_multi",
    "transformation",
    "unknown",
)


def fail(request: Posted, _number: int) -> None:
    """Raise an unforeseen error that repeats the request, as its cause does."""
    encoded = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    raise RuntimeError(str(request)) from ValueError(f"{request.url} {encoded}")


@contextlib.contextmanager
def everything() -> Iterator[io.StringIO]:
    """Collect all that is written in the block: both streams, and every logger at DEBUG."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
            yield written
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _planted(hidden: dict[str, str]) -> st.SearchStrategy[str]:
    """Draw one of the secrets that the function knows; it may log others where they stand."""
    return st.sampled_from([hidden["token"], hidden["key"]])


@st.composite
def environments(draw: st.DrawFn, url: str, hidden: dict[str, str]) -> dict[str, str]:
    """Draw settings: the secrets where they belong, and sometimes one of them elsewhere."""
    basic = draw(st.booleans())
    environ = {
        "LOGZIO_METRICS_TOKEN": f"user:{hidden['token']}" if basic else hidden["token"],
        "FIREHOSE_ACCESS_KEY": hidden["key"],
        "REMOTE_WRITE_HEADERS": json.dumps({"X-Tenant-Key": hidden["tenant"]}),
        "REMOTE_WRITE_AUTH": "basic" if basic else "bearer",
        "POWERTOOLS_LOG_LEVEL": draw(st.sampled_from(["DEBUG", "INFO"])),
        "LISTENER_ALLOWED_HOSTS": "127.0.0.1",
        "DELIVERY_BUDGET_SECONDS": "5",
    }
    for name in draw(st.lists(st.sampled_from(WRONG_PLACES), max_size=1)):
        environ[name] = draw(st.sampled_from(["{}", " {}\x01", "https://{}@x/"])).replace(
            "{}", draw(_planted(hidden))
        )
    changed = {"LOGZIO_METRICS_LISTENER": url, **environ}
    return settings_for(changed.pop("LOGZIO_METRICS_LISTENER"), **changed)


@st.composite
def bodies(draw: st.DrawFn, text: str) -> str:
    """Draw the body of a delivery that has a text somewhere, good or broken in some way."""
    planted = point(text, metric=f"Requests {text}", value=1.0)
    good = record_of([point("host"), planted])
    bad = text.encode("utf-8", "replace")
    body = body_of([good, *draw(st.lists(st.sampled_from([good, bad, good[:-3]]), max_size=2))])
    ways = (body, text, body[:-9], json.dumps({"records": text}), json.dumps({"records": [text]}))
    return draw(st.sampled_from((body, body, *ways)))


@st.composite
def events(draw: st.DrawFn, url: str, hidden: dict[str, str]) -> Any:
    """Draw an event of any ingress that has secrets in all of its places."""
    some = _planted(hidden)
    ingress = draw(st.sampled_from(INGRESSES))
    body = draw(bodies(draw(some)))
    if ingress == "transformation":
        several = [record_of([point(draw(some))]), draw(some).encode(), b"", body.encode()]
        return ingresses.transformation(draw(st.lists(st.sampled_from(several), max_size=3)))
    if ingress == "unknown":
        return draw(st.sampled_from([{draw(some): draw(some)}, [draw(some)], draw(some), None]))
    other = url.replace("127.0.0.1", draw(st.sampled_from(["127.0.0.1", "{}.evil.com", "{}@x"])))
    attributes = {"CUSTOM_LISTENER": other.replace("{}", draw(some)), "P8S_LOGZIO_NAME": draw(some)}
    key = draw(st.sampled_from([hidden["key"], hidden["key"], hidden["wrong"], None]))
    if key == hidden["wrong"]:
        # Of a request that is refused for its key, nothing is known to be secret.
        some = some | st.just(key)
        body = draw(bodies(draw(some)))
    sent = headers("request-1", key, attributes if draw(st.booleans()) else None)
    sent |= {
        "X-Amz-Firehose-Source-Arn": f"arn:aws:firehose:us-east-1:{draw(some)}:x/{draw(some)}",
        "Authorization": f"Bearer {hidden['other']}",
        "Cookie": f"session={hidden['other']}",
        "X-Forwarded-For": hidden["other"],
    }
    if draw(st.integers(0, 3)) == 0:
        sent["X-Amz-Firehose-Common-Attributes"] = draw(some)
    if ingress == "alb_multi":
        return ingresses.alb(sent, body, multi_value=True)
    return getattr(ingresses, ingress)(sent, body, base64=draw(st.booleans()))


@examples(200)
@given(data=st.data())
def test_no_secret_is_shown(listener: Listener, data: st.DataObject) -> None:
    """Whatever comes in, is set or is answered, no part of a secret comes out."""
    names = ("token", "tenant", "wrong", "other", "query")
    hidden = {name: data.draw(ascii_secrets) for name in names} | {"key": data.draw(secrets)}
    hidden["query"] = hidden["query"].translate(str.maketrans("#&=\\@+%", "ABCDEFG"))
    # This is what the listener's URL has for a key.
    asked = f"{listener.url}?apikey={SPELLINGS[5](hidden['query'])}"
    listener.converse = data.draw(conversations([hidden["token"], hidden["key"]]))
    environ = data.draw(environments(asked, hidden))
    event = data.draw(events(asked, hidden))
    client = StandInClient(fail) if data.draw(st.integers(0, 5)) == 0 else None
    with everything() as written:
        try:
            answer = Function(environ, AT_ONCE, client)(event, None)
        except UndeliveredError as error:
            # What Lambda's runtime reports of a transformation that has to come again.
            answer = {"records": [], "errorMessage": traceback_of(error)}
    # What the caller itself has named is given back under that name, as Firehose demands.
    if "records" not in answer:
        assert json.loads(answer["body"])["requestId"] in ("request-1", "")
    shown = f"{written.getvalue()}\n{json.dumps(answer)}\n{answer.get('body', '')}"
    assert leaks(shown, hidden.values()) == []
