"""The steps of the probes in `tests.support.extension_probes`, as extension and as function."""

from typing import Any

Step = list[Any]

EXTENSION = "/2020-01-01/extension"
TELEMETRY = "/2022-07-01/telemetry"
RUNTIME = "/2018-06-01/runtime"
EXTENSION_STEPS = "EXTENSION_STEPS"
FUNCTION_STEPS = "FUNCTION_STEPS"
INVOKED = "invoked"
REPORTED = '"type": "platform.report"'
UNKNOWN = "5f87a2f0-0000-4000-8000-000000000000"
NAME = {"Lambda-Extension-Name": "probe"}
ME = {"Lambda-Extension-Identifier": "{id}"}
CALLERS: tuple[dict[str, str], ...] = (
    {},
    {"Lambda-Extension-Identifier": "nonsense"},
    {"Lambda-Extension-Identifier": UNKNOWN},
)
FAILED = {**ME, "Lambda-Extension-Function-Error-Type": "Extension.Probing"}
NEXT: Step = ["GET", f"{EXTENSION}/event/next", ME, None]
ANSWER: Step = ["POST", f"{RUNTIME}/invocation/{{work}}/response", {}, {"n": 1}]
WORK: Step = ["GET", f"{RUNTIME}/invocation/next", {}, None]


def registering(**headers: str) -> Step:
    """Return the step that registers for SHUTDOWN."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return ["POST", f"{EXTENSION}/register", {**NAME, **more}, {"events": ["SHUTDOWN"]}]


def subscribing(**changes: Any) -> Step:
    """Return the step that subscribes, with members of the body changed; None omits one."""
    body: dict[str, Any] = {
        "schemaVersion": "2025-01-29",
        "types": ["platform", "function"],
        "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:{port}"},
        **changes,
    }
    kept = {name: value for name, value in body.items() if value is not None}
    return ["PUT", TELEMETRY, ME, kept]


def to_uri(uri: str) -> Step:
    """Return the step that subscribes with a URI."""
    return subscribing(destination={"protocol": "HTTP", "URI": uri})


REGISTERING: list[Step] = [
    ["POST", f"{EXTENSION}/register", {}, {"events": ["INVOKE"]}],
    ["POST", f"{EXTENSION}/register", NAME, "{nonsense"],
    ["POST", f"{EXTENSION}/register", NAME, ""],
    ["POST", f"{EXTENSION}/register", NAME, {"events": ["NONSENSE"]}],
    ["GET", f"{EXTENSION}/register", NAME, None],
    ["GET", "/nonsense", NAME, None],
    *(["GET", f"{EXTENSION}/event/next", caller, None] for caller in CALLERS),
]
REGISTERED: list[Step] = [
    registering(),
    registering(Lambda_Extension_Name="other"),
    *(
        ["POST", f"{EXTENSION}/{way}/error", caller, {}]
        for way in ("init", "exit")
        for caller in (*CALLERS, ME)
    ),
    ["GET", TELEMETRY, ME, None],
    ["PUT", "/2020-08-15/logs", ME, {}],
]
CLASSIC: list[Step] = [
    *REGISTERING,
    ["POST", f"{EXTENSION}/register", NAME, {"events": ["INVOKE", "SHUTDOWN"]}],
    *REGISTERED,
    *(["PUT", TELEMETRY, caller, subscribing()[3]] for caller in (*CALLERS, ME)),
    ["PUT", TELEMETRY, ME, "{nonsense"],
    NEXT,
    subscribing(),
    registering(Lambda_Extension_Name="late"),
    NEXT,
    ["POST", f"{EXTENSION}/exit/error", FAILED, {}],
]
BODIES: tuple[Any, ...] = ("{nonsense", "", [], {})
BUFFERING: tuple[dict[str, Any], ...] = (
    {"maxItems": 999},
    {"maxItems": 10001},
    {"maxBytes": 262143},
    {"maxBytes": 1048577},
    {"timeoutMs": 24},
    {"timeoutMs": 30001},
    {"timeoutMs": "25"},
    {"timeoutMs": 25.5},
)
MANAGED: list[Step] = [
    *REGISTERING,
    ["POST", f"{EXTENSION}/register", NAME, {"events": ["INVOKE", "SHUTDOWN"]}],
    registering(Lambda_Extension_Accept_Feature="accountId"),
    *REGISTERED,
    *(["PUT", TELEMETRY, caller, subscribing()[3]] for caller in CALLERS),
    *(["PUT", TELEMETRY, ME, body] for body in BODIES),
    *(subscribing(schemaVersion=name) for name in ("2022-07-01", "2022-12-13", "x", None)),
    *(subscribing(types=types) for types in ([], ["nonsense"], None)),
    *(subscribing(buffering=buffering) for buffering in BUFFERING),
    *(
        subscribing(destination=to)
        for to in (None, {"protocol": "HTTP"}, {"protocol": "FTP", "URI": "http://sandbox:1"})
    ),
    *map(to_uri, ("http://127.0.0.1:{port}", "http://localhost:{port}", "nonsense")),
    subscribing(types=["function", "function"]),
    subscribing(),
    to_uri("http://sandbox:{port}"),
    NEXT,
    ["POST", f"{EXTENSION}/exit/error", FAILED, {}],
]
LATE: list[Step] = [
    registering(),
    ["LATER", *NEXT[1:]],
    ["AWAIT", INVOKED, {}, None],
    subscribing(schemaVersion="x"),
    subscribing(),
]
INIT_ERROR: list[Step] = [registering(), ["POST", f"{EXTENSION}/init/error", FAILED, {}]]
SUBSCRIBED: list[Step] = [registering(), subscribing(), NEXT]
FUNCTION: list[Step] = [
    ["POST", f"{RUNTIME}/invocation/nonsense/response", {}, "x"],
    ["GET", f"{RUNTIME}/nonsense", {}, None],
    ["POST", f"{RUNTIME}/invocation/next", {}, None],
    WORK,
    ["POST", f"{RUNTIME}/invocation/{UNKNOWN}/response", {}, "x"],
    ANSWER,
    ANSWER,
    WORK,
    ["POST", f"{RUNTIME}/invocation/{{work}}/error", {}, {"errorMessage": "m", "errorType": "T"}],
    WORK,
    ANSWER,
    WORK,
]  # fmt: skip
