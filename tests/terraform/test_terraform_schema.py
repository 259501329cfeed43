"""The stand-in for the AWS provider has its schema: Terraform refuses what does not fit it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.terraform_runs import terraform

pytestmark = pytest.mark.slow

URL = {"function_name": "f", "authorization_type": "NONE"}
FUNCTION = {"function_name": "f", "role": "r"}
LOGGING = {"log_format": "JSON"}
ENDPOINT = {"url": "https://example.org", "role_arn": "r"}
BUCKET = {"bucket_arn": "b", "role_arn": "r"}
STREAM = {"name": "s", "destination": "http_endpoint"}


@pytest.mark.parametrize(
    ("resource", "good", "bad"),
    [
        ("aws_lambda_function_url", URL, {"authorization_type": "NONE"}),
        ("aws_lambda_function_url", URL, URL | {"auth_type": "NONE"}),
        ("aws_lambda_function_url", URL, URL | {"function_url": "https://example.org"}),
        ("aws_lambda_function", FUNCTION, FUNCTION | {"timeout": "long"}),
        ("aws_lambda_function", FUNCTION, FUNCTION | {"layers": {"one": "two"}}),
        (
            "aws_lambda_function",
            FUNCTION | {"logging_config": [LOGGING]},
            FUNCTION | {"logging_config": [LOGGING, LOGGING]},
        ),
        (
            "aws_kinesis_firehose_delivery_stream",
            STREAM | {"http_endpoint_configuration": ENDPOINT | {"s3_configuration": BUCKET}},
            STREAM | {"http_endpoint_configuration": ENDPOINT},
        ),
    ],
    ids=[
        "a required argument",
        "an unknown argument",
        "what only AWS sets",
        "a wrong type",
        "a wrong collection",
        "a block that may not be repeated",
        "a required block",
    ],
)
def test_what_does_not_fit_the_schema_is_refused(
    environment: dict[str, str],
    tmp_path: Path,
    resource: str,
    good: dict[str, Any],
    bad: dict[str, Any],
) -> None:
    """Terraform accepts one, and not the other."""
    for one, fails in ((good, False), (bad, True)):
        text = json.dumps({"resource": {resource: {"one": one}}})
        (tmp_path / "main.tf.json").write_text(text, encoding="utf-8")
        terraform(tmp_path, environment, "init", "-input=false")
        terraform(tmp_path, environment, "validate", fails=fails)
