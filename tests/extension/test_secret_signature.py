"""Signatures are those of AWS's own test suite, and of botocore."""

from calendar import timegm

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from extension.sigv4 import Credentials, Scope, signed
from tests.support.properties import examples

# Of the suite aws-sig-v4-test-suite, for all of its cases.
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SCOPE = Scope("us-east-1", "service", timegm((2015, 8, 30, 12, 36, 0)))
HOST = {"host": "example.amazonaws.com"}
SESSION = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPf"
    "IeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ"
    "0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDr"
    "ypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)


@pytest.mark.parametrize(
    ("headers", "body", "token", "signature"),
    [
        # post-vanilla
        (HOST, b"", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        # post-header-key-sort
        (
            {**HOST, "my-header1": "value1"},
            b"",
            "",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        # post-x-www-form-urlencoded
        (
            {**HOST, "content-type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            "",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        # post-sts-header-before
        (HOST, b"", SESSION, "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
    ],
    ids=["post-vanilla", "post-header-key-sort", "post-x-www-form-urlencoded", "post-sts"],
)
def test_published(headers: dict[str, str], body: bytes, token: str, signature: str) -> None:
    """The signatures that AWS has published come out."""
    result = signed(headers, body, Credentials(KEY, SECRET, token), SCOPE)
    assert result["x-amz-date"] == "20150830T123600Z"
    assert result["authorization"].endswith(f", Signature={signature}")
    assert result["authorization"].startswith(
        f"AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/service/aws4_request, "
    )


@examples(100)
@given(
    st.binary(max_size=50),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40),
)
def test_like_botocore(body: bytes, secret: str, token: str, target: str) -> None:
    """Whatever is signed, botocore signs it the same way at the same moment."""
    headers = {"host": "ssm.eu-central-1.amazonaws.com", "x-amz-target": target}
    request = AWSRequest("POST", f"https://{headers['host']}/", dict(headers), body)
    result = signed(headers, body, Credentials(KEY, secret, token), SCOPE)
    request.context["timestamp"] = result["x-amz-date"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Date"] = result["x-amz-date"]
    auth = SigV4Auth(BotocoreCredentials(KEY, secret, token or None), "service", "us-east-1")
    expected = auth.signature(
        auth.string_to_sign(request, auth.canonical_request(request)), request
    )
    assert result["authorization"].endswith(f"Signature={expected}")
