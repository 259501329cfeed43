"""AWS's own credentials: those of the process, such as the function's role, or of an assumed role.

botocore finds and renews them. It is imported where the first ones are needed.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from handler.errors import CredentialsError, StsUnavailable
from handler.secrets import Secret, error_code, is_passing

if TYPE_CHECKING:
    from collections.abc import Callable

# A delivery waits for its credentials; an STS that hangs must not use up its time.
_CONNECT_SECONDS = 2
_READ_SECONDS = 3

# STS must not be asked by every request while it gives nothing.
_ASK_AGAIN_AFTER_SECONDS = 60.0

# Versions whose parts no log line may repeat: two of them may be in use at once.
_VERSIONS_KEPT = 4

# botocore logs at WARNING, past the function's own log, that it cannot renew credentials.
logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)


class AwsCredentials(Secret):
    """The credentials of the process, or of a role that it assumes; safe for several threads.

    Its text is the access key's id, the secret key and the session token, with spaces between.
    botocore renews a role's credentials before they expire.

    Args:
        role_arn: The role to assume; None for none.
        external_id: What that role's trust policy may ask for; None for nothing.
        region: The region whose STS is asked.
        monotonic: A clock in seconds.
        warn: Takes why renewing has failed.
    """

    def __init__(
        self,
        role_arn: str | None,
        external_id: str | None,
        region: str,
        monotonic: Callable[[], float],
        warn: Callable[[str], None],
    ) -> None:
        self._role_arn = role_arn
        self._external_id = external_id
        self._region = region
        self._monotonic = monotonic
        self._warn = warn
        self._lock = threading.Lock()
        self._source: Any = None
        self._asked_again = float("-inf")
        self._versions = ()

    def versions(self) -> tuple[str, ...]:
        """Return the current credentials, which the first call fetches.

        Raises:
            CredentialsError: There are none, or the role cannot be assumed.
        """
        if self._versions and self._monotonic() - self._asked_again < _ASK_AGAIN_AFTER_SECONDS:
            return self._versions[:1]
        with self._lock:
            try:
                self._load()
            except CredentialsError as error:
                if not self._versions:
                    raise
                self._asked_again = self._monotonic()
                self._warn(f"{error}; the known credentials stay in use")
        return self._versions[:1]

    def renew(self) -> bool:
        """Fetch the credentials anew, at most once a minute; return whether they changed."""
        with self._lock:
            if self._monotonic() - self._asked_again < _ASK_AGAIN_AFTER_SECONDS:
                return False
            self._asked_again = self._monotonic()
            before, self._source = self._versions[:1], None
            try:
                self._load()
            except CredentialsError as error:
                self._warn(f"{error}; the known credentials stay in use")
            return self._versions[:1] != before

    def _load(self) -> None:
        try:
            if self._source is None:
                self._source = self._new_source()
            found = self._source.get_frozen_credentials()
        except CredentialsError:
            raise
        except Exception as error:  # noqa: BLE001 - botocore makes its classes of errors at run time
            raise self._problem(error) from None
        text = " ".join((found.access_key, found.secret_key, found.token or ""))
        self._versions = tuple(dict.fromkeys((text, *self._versions)))[:_VERSIONS_KEPT]

    def _new_source(self) -> Any:
        from botocore import credentials, session  # noqa: PLC0415 - see the module
        from botocore.config import Config  # noqa: PLC0415 - likewise

        aws = session.Session()
        aws.set_config_variable("sts_regional_endpoints", "regional")
        own = aws.get_credentials()
        if own is None:
            raise CredentialsError(
                "there are no AWS credentials to sign with, of a role or in the environment"
            )
        if self._role_arn is None:
            return own
        config = Config(
            region_name=self._region,
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": 2},
        )
        asked = {"RoleSessionName": "metric-stream-lambda"}
        if self._external_id is not None:
            asked["ExternalId"] = self._external_id
        fetcher = credentials.AssumeRoleCredentialFetcher(
            lambda service, **keys: aws.create_client(service, config=config, **keys),
            own,
            self._role_arn,
            extra_args=asked,
        )
        fetch = fetcher.fetch_credentials
        return credentials.DeferredRefreshableCredentials(fetch, method="assume-role")

    def _problem(self, error: Exception) -> CredentialsError:
        code = error_code(error)
        if self._role_arn is None:
            return CredentialsError(f"cannot read the AWS credentials to sign with: {code}")
        if is_passing(code) or getattr(error, "response", None) is None:
            return StsUnavailable(
                f"STS in {self._region} does not answer ({code}); in a private network the "
                "function needs a NAT gateway or an endpoint of STS"
            )
        return CredentialsError(
            f"cannot assume the role of SIGV4_ROLE_ARN: {code}: the role must trust the "
            "function's role, ask for no other external id than SIGV4_EXTERNAL_ID, and the "
            "function's role must be allowed sts:AssumeRole on it"
        )
