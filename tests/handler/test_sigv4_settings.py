"""The settings of REMOTE_WRITE_AUTH=sigv4: the region, the role, and what contradicts them."""

import pytest

from handler.errors import SettingsError
from handler.settings import read_settings
from handler.sigv4 import SigV4Auth, region_in

WORKSPACE = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
SIGV4 = {"REMOTE_WRITE_AUTH": "sigv4", "LOGZIO_METRICS_LISTENER": WORKSPACE}
ROLE = "arn:aws:iam::222233334444:role/path/writer"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("aps-workspaces.eu-west-1.amazonaws.com", "eu-west-1"),
        ("aps-workspaces.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("aps-workspaces.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("aps-workspaces.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("aps-workspaces.us-east-2.api.aws", "us-east-2"),
        ("vpce-1-x.aps-workspaces.us-east-2.vpce.amazonaws.com", "us-east-2"),
        ("prometheus.eu-west-1.example.com", ""),
        ("amazonaws.com", ""),
        ("[::1]", ""),
    ],
)
def test_region_in_the_url(host: str, region: str) -> None:
    """The region is read from the host names that AWS gives to endpoints."""
    assert region_in(f"https://{host}:8443/x.eu-south-1.amazonaws.com/w") == region


@pytest.mark.parametrize(
    ("changed", "region"),
    [
        ({}, "eu-west-1"),
        ({"SIGV4_REGION": "eu-north-1"}, "eu-north-1"),
        ({"LOGZIO_METRICS_LISTENER": "https://proxy.example/w"}, "us-east-1"),
    ],
)
def test_region(changed: dict[str, str], region: str) -> None:
    """What is signed for is SIGV4_REGION, else the URL's region, else the function's."""
    settings = read_settings({"AWS_REGION": "us-east-1", **SIGV4, **changed})
    auth = SigV4Auth.at(settings.listener, settings, None)
    assert auth.credential == f"sigv4 aps {region}"


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"SIGV4_REGION": "eu-west-1"}, "SIGV4_REGION needs REMOTE_WRITE_AUTH=sigv4"),
        ({"SIGV4_SERVICE": "aps"}, "SIGV4_SERVICE needs REMOTE_WRITE_AUTH=sigv4"),
        ({"SIGV4_ROLE_ARN": ROLE}, "SIGV4_ROLE_ARN needs REMOTE_WRITE_AUTH=sigv4"),
        ({"SIGV4_EXTERNAL_ID": "x1"}, "SIGV4_EXTERNAL_ID needs REMOTE_WRITE_AUTH=sigv4"),
        (SIGV4 | {"SIGV4_EXTERNAL_ID": "x1"}, "SIGV4_EXTERNAL_ID needs SIGV4_ROLE_ARN"),
        (SIGV4 | {"SIGV4_ROLE_ARN": "writer"}, "SIGV4_ROLE_ARN must be the ARN of a role"),
        (SIGV4 | {"SIGV4_REGION": "EU West"}, "SIGV4_REGION must be lower-case letters"),
        (
            SIGV4 | {"SIGV4_ROLE_ARN": ROLE, "SIGV4_EXTERNAL_ID": "a b"},
            "SIGV4_EXTERNAL_ID must be 2 to 1,224 letters",
        ),
        ({"REMOTE_WRITE_AUTH": "sigv4"}, "sigv4 needs LOGZIO_METRICS_LISTENER"),
        (
            {"REMOTE_WRITE_AUTH": "sigv4", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": WORKSPACE},
            "settings: REMOTE_WRITE_AUTH=sigv4 must not be set together with OTEL_EXPORTER_OTLP",
        ),
        (
            SIGV4 | {"AWS_REGION": "", "LOGZIO_METRICS_LISTENER": "https://proxy.example/w"},
            "SIGV4_REGION must be set: the URL names no AWS region",
        ),
        (
            SIGV4 | {"REMOTE_WRITE_HEADERS": '{"x-scope-orgid": "1"}'},
            "REMOTE_WRITE_HEADERS must not set X-Scope-OrgID: Amazon Managed Prometheus refuses it",
        ),
        (
            SIGV4 | {"REMOTE_WRITE_HEADERS": '{"X-Amz-Date": "1"}'},
            "REMOTE_WRITE_HEADERS must not set X-Amz-Date, which REMOTE_WRITE_AUTH sets",
        ),
    ],
)
def test_contradictions(environ: dict[str, str], problem: str) -> None:
    """Settings that cannot work, or would have no effect, are an error that names them."""
    with pytest.raises(SettingsError) as raised:
        read_settings({"AWS_REGION": "us-east-1", **environ})
    assert problem in str(raised.value)
