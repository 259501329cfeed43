"""What the services are told to do wrong, and what they are told about themselves."""

from dataclasses import dataclass
from typing import Literal

from testing.lambda_services.exchange import RESET, Answer, error_answer

Failure = int | Literal["reset"]
"""An HTTP status from 400 on, or a connection that is reset."""


@dataclass(slots=True)
class Faults:
    """The switches; each may be changed at any time and holds from the next call on.

    Attributes:
        telemetry_answer: What every subscription gets: 202 (as `sam local` says), 400, 403, 500,
            or a reset; None: what it deserves.
        only_schema: The one schema version that is taken; the others get 400.
        register_failures: How many calls of register fail before the first that does not.
        register_failure: What they get.
        next_failure_every: Every so many calls of `next` fail, the first of them after that
            many; 0: none.
        next_failure: What they get.
        any_host: Take a subscription for any host name; delivered to 127.0.0.1 all the same.
    """

    telemetry_answer: Failure | None = None
    only_schema: str | None = None
    register_failures: int = 0
    register_failure: Failure = 500
    next_failure_every: int = 0
    next_failure: Failure = 500
    any_host: bool = False


@dataclass(frozen=True, slots=True)
class FunctionAbout:
    """What the services say about the function; the ARN is made of it.

    Attributes:
        name: Its name.
        version: Its version.
        handler: Its handler, as registered extensions are told.
        region: Its region.
        account: Its account.
        memory_mb: Its memory in MiB.
    """

    name: str = "sample-function"
    version: str = "$LATEST"
    handler: str = "app.handler"
    region: str = "us-east-1"
    account: str = "111122223333"
    memory_mb: int = 512

    @property
    def arn(self) -> str:
        """Give the unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"


def failed(failure: Failure) -> Answer:
    """Make the answer of a call that fails."""
    if failure == "reset":
        return RESET
    if failure < 500:
        kind = "ValidationError" if failure == 400 else "Forbidden"
        return error_answer(failure, kind, "Refused")
    # As the emulator in Managed Instances mode says it, to a second subscription for instance.
    return error_answer(failure, "InternalServerError", "Internal Server Error")
