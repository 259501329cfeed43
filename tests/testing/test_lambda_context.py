"""The stand-in for Lambda's context."""

import dataclasses

import pytest

from testing.lambda_context import LambdaContext


@pytest.mark.parametrize(
    ("now", "left"), [(100.0, 30_000), (129.5, 500), (129.9996, 0), (130.0, 0), (131.0, 0)]
)
def test_remaining_time(now: float, left: int) -> None:
    """The time that is left counts down to 0 on the clock that was given."""
    clock = iter([100.0, now])
    context = LambdaContext.starting_now(30.0, lambda: next(clock))
    assert context.get_remaining_time_in_millis() == left


def test_attributes() -> None:
    """The attributes that Powertools and the function read are there and do not change."""
    context = LambdaContext.starting_now(aws_request_id="one")
    assert context.aws_request_id == "one"
    assert context.invoked_function_arn.endswith(f":{context.function_name}")
    assert context.log_group_name.endswith(context.function_name)
    assert (context.memory_limit_in_mb, context.function_version) == (512, "$LATEST")
    assert context.log_stream_name
    with pytest.raises(dataclasses.FrozenInstanceError):
        context.function_name = "other"  # type: ignore[misc]
