"""A stand-in for the context object of Lambda."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

_FUNCTION = "metric-stream-lambda"
_REQUEST_ID = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What Lambda passes to a function about one invocation.

    Attributes:
        deadline: When Lambda would end the invocation, in seconds on `clock`.
        clock: Monotonic seconds.
        aws_request_id: Id of the invocation.
        function_name: Name of the function.
        function_version: Its version.
        memory_limit_in_mb: Its memory in MiB.
        invoked_function_arn: The ARN by which it was invoked.
    """

    deadline: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    aws_request_id: str = _REQUEST_ID
    function_name: str = _FUNCTION
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = f"arn:aws:lambda:us-east-1:111122223333:function:{_FUNCTION}"

    @classmethod
    def starting_now(
        cls,
        timeout_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        aws_request_id: str = _REQUEST_ID,
    ) -> Self:
        """Return the context of an invocation that begins now.

        Args:
            timeout_seconds: The function's timeout.
            clock: Monotonic seconds.
            aws_request_id: Id of the invocation.
        """
        return cls(clock() + timeout_seconds, clock, aws_request_id)

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the deadline; 0 after it, as in Lambda."""
        return max(0, int((self.deadline - self.clock()) * 1000))
