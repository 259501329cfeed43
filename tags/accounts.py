"""The accounts whose tags are read: the function's own, and one for each role of TAG_ROLE_ARNS."""

import threading
from collections.abc import Mapping
from typing import Any

from botocore.config import Config
from botocore.loaders import create_loader
from botocore.session import Session

from handler.clock import Clock
from tags.errors import calling
from tags.settings import TagSettings

# The tagging API takes 15 calls a second from an account, and other readers share them.
_CALLS_A_SECOND = 10

# A sweep ends within minutes; nothing needs the credentials of a role for longer.
_ROLE_SECONDS = 900

# Retries wait up to 1, 2, 4 and 8 seconds, so a call that is never answered ends within 70 seconds.
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 5},
)

# It keeps the descriptions of services, which take 10 MB, for all accounts and the next sweeps.
_LOADER = create_loader()


class Pace:
    """When the next call may begin: not too soon after the last one, and not after the end.

    Args:
        clock: The clock.
        until: When reading ends, in monotonic seconds.
    """

    def __init__(self, clock: Clock, until: float) -> None:
        self._clock = clock
        self._until = until
        self._next = float("-inf")

    def wait(self) -> None:
        """Wait until the next call may begin.

        Raises:
            TimeoutError: The time for reading is over.
        """
        now = self._clock.monotonic()
        begin = max(now, self._next)
        if begin >= self._until:
            raise TimeoutError
        if begin > now:
            self._clock.wait(threading.Event(), begin - now)
        self._next = begin + 1 / _CALLS_A_SECOND


class Clients:
    """Makes botocore's clients, for several threads."""

    def __init__(self) -> None:
        self._session = Session()
        self._session.register_component("data_loader", _LOADER)
        # The region's own STS: the global one is in us-east-1, whatever happens there.
        self._session.set_config_variable("sts_regional_endpoints", "regional")
        self._lock = threading.Lock()

    def new(self, service: str, region: str, credentials: Mapping[str, str]) -> Any:
        """Return a client; without credentials, with those of the process."""
        with self._lock:
            return self._session.create_client(
                service, region_name=region, config=_CONFIG, **credentials
            )


class Account:
    """An account, and the clients that read in it.

    Args:
        number: The account, 12 digits.
        region: The region that is read.
        role_arn: The role to assume; None: the process has the account's credentials.
        external_id: What the role's trust policy may ask for; None for nothing.
        clients: Makes clients.
        pace: When the next call may begin.

    Attributes:
        number: The account, 12 digits.
        region: The region that is read.
    """

    def __init__(
        self,
        number: str,
        region: str,
        role_arn: str | None,
        external_id: str | None,
        clients: Clients,
        pace: Pace,
    ) -> None:
        self.number = number
        self.region = region
        self._role_arn = role_arn
        self._external_id = external_id
        self._clients = clients
        self._pace = pace
        self._credentials: Mapping[str, str] = {}

    def assume_role(self) -> None:
        """Fetch the credentials of the role, if there is one.

        Raises:
            ReadingError: STS does not give them.
        """
        if self._role_arn is None:
            return
        asked = {"RoleArn": self._role_arn, "RoleSessionName": "metric-stream-lambda"}
        if self._external_id is not None:
            asked["ExternalId"] = self._external_id
        with calling(self.number, "sts:AssumeRole"):
            given = self.client("sts").assume_role(**asked, DurationSeconds=_ROLE_SECONDS)
        self._credentials = {
            "aws_access_key_id": given["Credentials"]["AccessKeyId"],
            "aws_secret_access_key": given["Credentials"]["SecretAccessKey"],
            "aws_session_token": given["Credentials"]["SessionToken"],
        }

    def client(self, service: str) -> Any:
        """Return botocore's client of a service, which calls no faster than `Pace` says."""
        client = self._clients.new(service, self.region, self._credentials)
        client.meta.events.register("before-call", lambda **_: self._pace.wait())
        return client


def accounts(
    function_arn: str, settings: TagSettings, clock: Clock, until: float
) -> tuple[Account, ...]:
    """Return the accounts to read, each once, the function's own first.

    Args:
        function_arn: The ARN of the function, as Lambda's context has it.
        settings: The roles of the other accounts.
        clock: The clock.
        until: When reading ends, in monotonic seconds.
    """
    _, _, _, region, own, *_ = function_arn.split(":")
    roles: dict[str, str | None] = {own: None}
    for arn in settings.role_arns:
        roles.setdefault(arn.split(":")[4], arn)
    clients = Clients()
    return tuple(
        Account(number, region, role, settings.external_id, clients, Pace(clock, until))
        for number, role in roles.items()
    )
