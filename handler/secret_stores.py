"""
Secrets Manager and SSM Parameter Store, through Powertools Parameters.

boto3 takes longer to import than all the rest of the function together, so
nothing of it is imported before a secret is really fetched.
"""

from __future__ import annotations

import contextlib
import logging
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Not compiled before there is a secret to fetch.
_ARN = (
    r"arn:[a-z-]+:(?P<service>secretsmanager|ssm):(?P<region>[a-z0-9-]+):[0-9]{12}:"
    r"(?P<resource>secret:\S+|parameter/\S+)"
)

# A delivery waits for its secret; a store that hangs must not use its time up.
_CONNECT_SECONDS = 2
_READ_SECONDS = 3

# These say that an error will not last: the same question may be answered a moment later.
_PASSING = r"(?i)throttl|toomany|limit|internal|unavailable|timeout|^5"

# At the level DEBUG, which a function's logging settings can give to the root
# logger, it logs whole answers: the secrets themselves.
logging.getLogger("botocore").setLevel(logging.WARNING)


def is_secret_arn(text: str) -> bool:
    """Tell whether a text is the ARN of a secret or of an SSM parameter."""
    match = re.fullmatch(_ARN, text)
    return match is not None and (match["service"] == "ssm") == match["resource"].startswith("par")


def fetcher(arn: str) -> Callable[[], tuple[str, ...]]:
    """
    Return what fetches the versions of a secret, the current one first.

    Args:
        arn: The ARN of a secret or of an SSM parameter.
    """
    match = re.fullmatch(_ARN, arn)
    if match is None:
        raise ValueError(f"not the ARN of a secret: {arn}")
    service, region = match["service"], match["region"]
    return lambda: (_from_ssm if service == "ssm" else _from_secrets_manager)(arn, region)


def _from_secrets_manager(arn: str, region: str) -> tuple[str, ...]:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider  # noqa: PLC0415

    provider = SecretsProvider(boto_config=_boto_config(region))
    versions = [provider.get(arn, force_fetch=True)]
    # A secret that was never replaced has no such version.
    with _missing_is_fine():
        versions.append(provider.get(arn, force_fetch=True, VersionStage="AWSPREVIOUS"))
    return tuple(_text(version) for version in versions)


def _from_ssm(arn: str, region: str) -> tuple[str, ...]:
    from aws_lambda_powertools.utilities.parameters import SSMProvider  # noqa: PLC0415

    provider = SSMProvider(boto_config=_boto_config(region))
    # Powertools tells the value alone. Its number, which a parameter has instead
    # of a stage, must not come from another request: that may see another version.
    current = provider.client.get_parameter(Name=arn, WithDecryption=True)["Parameter"]
    versions = [current["Value"]]
    if current["Version"] > 1:
        with _missing_is_fine():
            previous = f"{arn}:{current['Version'] - 1}"
            versions.append(provider.get(previous, decrypt=True, force_fetch=True))
    return tuple(_text(version) for version in versions)


def error_code(error: BaseException) -> str:
    """Return what a store calls an error; the name of its class where it does not say."""
    said = _said(error)
    if said:
        return said
    # Powertools wraps what boto3 raised into an error that is always the same.
    is_wrapper = type(error).__module__.startswith("aws_lambda_powertools.")
    return type((is_wrapper and error.__context__) or error).__name__


def _said(error: BaseException) -> str:
    """Return the code that a store has answered with; empty where it has not answered."""
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        cause = cause.__cause__ or cause.__context__
    return ""


@contextlib.contextmanager
def _missing_is_fine() -> Iterator[None]:
    """Do without a previous version that is not there, or that the store will never tell."""
    from aws_lambda_powertools.utilities.parameters.exceptions import (  # noqa: PLC0415
        GetParameterError,
    )

    try:
        yield
    except GetParameterError as error:
        # It may be under a KMS key that is gone. What passes must not hide it for a minute.
        said = _said(error)
        if not said or re.search(_PASSING, said):
            raise


def _boto_config(region: str) -> Any:
    from botocore.config import Config  # noqa: PLC0415

    return Config(
        region_name=region,
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"total_max_attempts": 2},
    )


def _text(value: str | bytes | dict[str, Any] | None) -> str:
    # A secret may have been stored as bytes; without a transformation none is an object.
    # What is no text becomes a character that no header carries.
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
