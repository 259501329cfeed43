"""The faults of the services, and what they report about the function."""

from dataclasses import dataclass
from typing import Literal

from testing.http_server import Reply
from testing.lambda_services.calls import RESET, error_reply

Failure = int | Literal["reset"]
"""An HTTP status from 400 on, or a connection that is reset."""


@dataclass(slots=True)
class Faults:
    """The switches; each may be changed at any time and applies from the next call on.

    Attributes:
        telemetry_answer: The reply to every subscription: 202 (as `sam local` sends), 400, 403,
            500, or a reset; None: the reply of a healthy service.
        only_schema: The only schema version that is accepted; the others get 400.
        register_failures: The number of calls of register that fail before the first success.
        register_failure: Their reply.
        next_failure_every: Every n-th call of `next` fails; 0: none.
        next_failure: Their reply.
    """

    telemetry_answer: Failure | None = None
    only_schema: str | None = None
    register_failures: int = 0
    register_failure: Failure = 500
    next_failure_every: int = 0
    next_failure: Failure = 500


@dataclass(frozen=True, slots=True)
class FunctionInfo:
    """What the services report about the function.

    Attributes:
        name: Its name.
        version: Its version.
        handler: Its handler, as in the reply to register.
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
        """The unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"


def failed(failure: Failure) -> Reply:
    """Make the reply to a call that fails."""
    if failure == "reset":
        return RESET
    if failure < 500:
        kind = "ValidationError" if failure == 400 else "Forbidden"
        return error_reply(failure, kind, "Refused")
    # The words of the emulator in Managed Instances mode, as to a second subscription.
    return error_reply(failure, "InternalServerError", "Internal Server Error")
