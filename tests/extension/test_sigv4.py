"""Signatures are those of botocore."""

from calendar import timegm

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from extension.sigv4 import Credentials, Scope, signed
from tests.support.properties import examples

KEY = "AKIDEXAMPLE"
SCOPE = Scope("us-east-1", "service", timegm((2015, 8, 30, 12, 36, 0)))


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
