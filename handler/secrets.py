"""The token and the access key, given as they are or kept in Secrets Manager or SSM.

What a secret store holds may be replaced at any time while deliveries come in. So a secret is
fetched once, and again after the listener or a comparison has refused it. The version before the
current one is accepted too: Firehose may send it for some minutes more.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import threading
from typing import TYPE_CHECKING, Any

from handler.errors import SecretError
from handler.listener import is_header_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A refused key must not make every request a call to the secret store.
_FETCH_AGAIN_AFTER_SECONDS = 60.0

_ARN = re.compile(
    r"arn:[a-z-]+:(?:(?P<secret>secretsmanager)|ssm):(?P<region>[a-z0-9-]+):[0-9]{12}:"
    r"(?(secret)secret:\S+|parameter/\S+)"
)

# A delivery waits for its secret; a store that hangs must not use up its time.
_CONNECT_SECONDS = 2
_READ_SECONDS = 3

# Codes of errors that pass: the same request may succeed a moment later.
_PASSING = re.compile(r"(?i)throttl|toomany|limit|internal|unavailable|timeout|^5")

# At the level DEBUG, which a function's logging settings can give to the root logger, botocore
# logs whole responses, and the secrets in them.
logging.getLogger("botocore").setLevel(logging.WARNING)


class Secret:
    """A token or key that is known and does not change."""

    def __init__(self, value: str) -> None:
        self._versions: tuple[str, ...] = (value,)

    def versions(self) -> tuple[str, ...]:
        """Return the current version and, where known, the ones before it.

        Raises:
            SecretError: It cannot be fetched.
        """
        return self._versions

    def seen(self) -> tuple[str, ...]:
        """Return the versions that are known without fetching any."""
        return self._versions

    def renew(self) -> bool:
        """Look for a newer version, where one can be looked for; return whether any changed."""
        return False


class StoredSecret(Secret):
    """A secret in a secret store; safe for several threads.

    Args:
        variable: The setting that names it, for messages.
        fetch: Fetches its versions, the current one first.
        monotonic: A clock in seconds.
        warn: Takes why renewing has failed, without any part of a secret.
        value_in: Returns what counts of a secret's text; raises a ValueError without a part of it.
    """

    def __init__(
        self,
        variable: str,
        fetch: Callable[[], tuple[str, ...]],
        monotonic: Callable[[], float],
        warn: Callable[[str], None],
        value_in: Callable[[str], str] | None = None,
    ) -> None:
        self._value_in = value_in or secret_value
        self._variable = variable
        self._fetch = fetch
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._versions = ()
        self._fetched = 0.0
        self._warn = warn

    def versions(self) -> tuple[str, ...]:
        """Return the versions that were fetched last; the first call fetches them."""
        known = self._versions
        if known:
            # Without the lock: a thread that renews holds it for as long as the store takes.
            return known
        with self._lock:
            if not self._versions:
                self._load()
            return self._versions

    def renew(self) -> bool:
        """Fetch the versions again, at most once a minute; return whether anything changed.

        If that fails, the known versions stay in use.
        """
        with self._lock:
            if self._monotonic() - self._fetched < _FETCH_AGAIN_AFTER_SECONDS:
                return False
            before = self._versions
            try:
                self._load()
            except SecretError as error:
                self._warn(f"{error}; the known version stays in use")
            return self._versions != before

    def _load(self) -> None:
        self._fetched = self._monotonic()
        # What was current a moment ago stays valid, whatever the store returns as previous.
        known = self._versions[:1]
        try:
            current, *previous = self._fetch()
        except Exception as error:  # noqa: BLE001 - boto3 makes its classes of errors at run time
            code = error_code(error)
            raise SecretError(f"cannot read the secret of {self._variable}: {code}") from None
        try:
            fetched = [self._value_in(current)]
        except ValueError as error:
            raise SecretError(f"the secret of {self._variable} {error}") from None
        # The previous version may be a placeholder that was there before the token.
        for text in previous:
            with contextlib.suppress(ValueError):
                fetched.append(self._value_in(text))
        self._versions = tuple(dict.fromkeys((*fetched, *known)))


def secret_value(text: str) -> str:
    """Return the token in a secret's text: the member `api_key` of a JSON object, or all of it.

    Raises:
        ValueError: There is none, or no HTTP header can carry it; the text is not repeated.
    """
    value = text.strip()
    if value.startswith("{"):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("begins with { and is not JSON") from None
        value = parsed.get("api_key", "") if isinstance(parsed, dict) else ""
        if not isinstance(value, str) or not value:
            raise ValueError('is a JSON object without the text "api_key"')
    if not value or not is_header_value(value):
        raise ValueError("is empty or has characters that an HTTP header cannot carry")
    return value


def is_secret_arn(text: str) -> bool:
    """Return whether a text is the ARN of a secret or of an SSM parameter."""
    return _ARN.fullmatch(text) is not None


def fetcher(arn: str) -> Callable[[], tuple[str, ...]]:
    """Return a function that fetches the versions of a secret, the current one first.

    Args:
        arn: The ARN of a secret or of an SSM parameter.
    """
    match = _ARN.fullmatch(arn)
    if match is None:
        raise ValueError("not the ARN of a secret")
    fetch = _fetch_secret if match["secret"] else _fetch_parameter
    return lambda: fetch(arn, match["region"])


def _fetch_secret(arn: str, region: str) -> tuple[str, ...]:
    client = _client("secretsmanager", region)
    versions = [_text_of(client.get_secret_value(SecretId=arn))]
    # A secret that was never replaced has no previous version.
    with _missing_allowed():
        answer = client.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")
        versions.append(_text_of(answer))
    return tuple(versions)


def _text_of(answer: dict[str, Any]) -> str:
    # Bytes that are no text become a character that no HTTP header can carry.
    binary: bytes = answer.get("SecretBinary", b"")
    return str(answer.get("SecretString") or binary.decode(errors="replace"))


def _fetch_parameter(arn: str, region: str) -> tuple[str, ...]:
    client = _client("ssm", region)
    current = client.get_parameter(Name=arn, WithDecryption=True)["Parameter"]
    versions = [str(current["Value"])]
    # A parameter has numbered versions where a secret has stages.
    if current["Version"] > 1:
        with _missing_allowed():
            name = f"{arn}:{current['Version'] - 1}"
            previous = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
            versions.append(str(previous["Value"]))
    return tuple(versions)


def _client(service: str, region: str) -> Any:
    # Imported where a secret is really fetched: boto3 takes longer to import than all the rest.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        region_name=region,
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"total_max_attempts": 2},
    )
    # A session of its own: the default one is not safe for threads that make clients.
    return boto3.session.Session().client(service, config=config)


@contextlib.contextmanager
def _missing_allowed() -> Iterator[None]:
    """Ignore that a previous version is missing, or encrypted with a key that is gone.

    An error that passes is raised: ignoring it would hide a valid version for a minute.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 - see `_client`

    try:
        yield
    except ClientError as error:
        if is_passing(error_code(error)):
            raise


def is_passing(code: str) -> bool:
    """Return whether the same request may succeed a moment later."""
    return _PASSING.search(code) is not None


def error_code(error: Exception) -> str:
    """Return what AWS calls an error; the name of its class where there is no response."""
    # botocore's errors of connections have the attribute too, and nothing in it.
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code") or type(error).__name__)
