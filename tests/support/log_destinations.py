"""The extension's destinations as tests make them, and records of every kind for them."""

import gzip
import json
from typing import Any

from hypothesis import strategies as st

from extension.destinations import Chosen, choose
from extension.destinations.destination import Destination
from extension.http_client import Request
from extension.records import LogRecord

FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "my-fn",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_REGION": "eu-central-1",
}
ACCOUNT = "123456789012"
NOW = 1_725_012_000.0
"""2024-08-30T10:00:00Z, by the clock of these destinations."""

TIME = "2024-08-30T09:59:59.123Z"
TIME_NS = 1_725_011_999_123_000_000

ENOUGH = {
    "logzio": {"LOGZIO_LOGS_TOKEN": "tkn"},
    "loki": {"LOKI_URL": "https://loki.example.com"},
    "openobserve": {"O2_ORGANIZATION_ID": "org", "O2_AUTHORIZATION_HEADER": "Basic dTpw"},
    "datatap": {"BD_DATA_TAP_URL": "https://tap.example.com/", "BD_TAP_CLIENT_TOKEN": "tkn"},
}
"""The least that each destination needs."""


def no_secret(reference: str) -> str:
    """Fail: nothing is fetched if a variable holds the token."""
    raise AssertionError(reference)


def chosen(name: str, **environ: str) -> Chosen:
    """Return what is chosen for a destination, with nothing but these variables."""
    return choose([name], {**FUNCTION, **environ}, ACCOUNT, no_secret, lambda: NOW, lambda: 0.0)


def destination(name: str, **environ: str) -> Destination:
    """Return a destination with the least that it needs, and further variables."""
    result = chosen(name, **{**ENOUGH[name], **environ})
    (made,) = result.destinations
    return made


def record(value: Any, kind: str = "function", **fields: Any) -> LogRecord:
    """Return a record of an invocation that is not known, at `TIME`."""
    return LogRecord(TIME, kind, value, None, None)._replace(**fields)


def body_of(request: Request) -> bytes:
    """Return the body of a request as it was before compression."""
    if request.headers.get("content-encoding") == "gzip":
        return gzip.decompress(request.body)
    return request.body


def refuse(constant: str) -> float:
    """Fail: NaN and the infinities are not JSON."""
    raise AssertionError(constant)


def parsed(text: bytes) -> Any:
    """Parse JSON as strictly as a server does that is not written in Python."""
    return json.loads(text.decode("utf-8"), parse_constant=refuse)


def nested(depth: int, *, in_objects: bool) -> Any:
    """Return arrays or objects in one another."""
    value: Any = "end"
    for _ in range(depth):
        value = {"n": value} if in_objects else [value]
    return value


_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
_NUMBERS = st.integers() | st.floats()
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXT, inner, max_size=5),
    max_leaves=30,
)
"""Whatever `json.loads` can return, lone surrogates, NUL and NaN included."""

_STRETCHED = st.builds(
    lambda text, times: text * times, _TEXT.filter(bool), st.sampled_from([1, 1_000, 20_000])
)
LARGE_VALUES: st.SearchStrategy[Any] = (
    _STRETCHED
    | st.builds(lambda text: {text[:9]: [text, {"a.b": text}], "x": text}, _STRETCHED)
    | st.builds(json.dumps, JSON_VALUES)
    | st.builds(
        lambda depth, flag: nested(depth, in_objects=flag), st.integers(1, 3_000), st.booleans()
    )
    | st.builds(lambda n, text: {f"{text}{i}": i for i in range(n)}, st.integers(1, 2_000), _TEXT)
    | st.builds(lambda n, text: [{text: text}] * n, st.integers(1, 2_000), _TEXT)
)
"""What comes near a limit, or beyond."""
