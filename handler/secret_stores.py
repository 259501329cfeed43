"""
Secrets Manager and SSM Parameter Store, through Powertools Parameters.

boto3 takes longer to import than all the rest of the function together, so
nothing of it is imported before a secret is really fetched.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ARN = re.compile(
    r"arn:[a-z-]+:(?P<service>secretsmanager|ssm):(?P<region>[a-z0-9-]+):[0-9]{12}:"
    r"(?P<resource>secret:\S+|parameter/\S+)"
)

# A delivery waits for its secret; a store that hangs must not use its time up.
_CONNECT_SECONDS = 2
_READ_SECONDS = 3


def is_secret_arn(text: str) -> bool:
    """Tell whether a text is the ARN of a secret or of an SSM parameter."""
    match = _ARN.fullmatch(text)
    return match is not None and (match["service"] == "ssm") == match["resource"].startswith("par")


def fetcher(arn: str) -> Callable[[], tuple[str, ...]]:
    """
    Return what fetches the versions of a secret, the current one first.

    Args:
        arn: The ARN of a secret or of an SSM parameter.
    """
    match = _ARN.fullmatch(arn)
    if match is None:
        raise ValueError(f"not the ARN of a secret: {arn}")
    service, region = match["service"], match["region"]
    return lambda: (_from_ssm if service == "ssm" else _from_secrets_manager)(arn, region)


def _from_secrets_manager(arn: str, region: str) -> tuple[str, ...]:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider  # noqa: PLC0415

    provider = SecretsProvider(boto_config=_boto_config(region))
    versions = [provider.get(arn, force_fetch=True)]
    # A secret that was never replaced has no such version.
    with _absent_is_fine("ResourceNotFoundException"):
        versions.append(provider.get(arn, force_fetch=True, VersionStage="AWSPREVIOUS"))
    return tuple(_text(version) for version in versions)


def _from_ssm(arn: str, region: str) -> tuple[str, ...]:
    from aws_lambda_powertools.utilities.parameters import SSMProvider  # noqa: PLC0415

    provider = SSMProvider(boto_config=_boto_config(region))
    versions = [provider.get(arn, decrypt=True, force_fetch=True)]
    # Parameters have numbers and no stage; Powertools tells the value alone.
    number = provider.client.get_parameter(Name=arn)["Parameter"]["Version"]
    if number > 1:
        with _absent_is_fine("ParameterVersionNotFound"):
            versions.append(provider.get(f"{arn}:{number - 1}", decrypt=True, force_fetch=True))
    return tuple(_text(version) for version in versions)


def error_code(error: BaseException) -> str:
    """Return what a store calls an error; the name of its class where it does not say."""
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        cause = cause.__cause__ or cause.__context__
    return type(error.__context__ or error).__name__


@contextlib.contextmanager
def _absent_is_fine(code: str) -> Iterator[None]:
    from aws_lambda_powertools.utilities.parameters.exceptions import (  # noqa: PLC0415
        GetParameterError,
    )

    try:
        yield
    except GetParameterError as error:
        if error_code(error) != code:
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
    return value.decode() if isinstance(value, bytes) else str(value or "")
