"""The verifier of signatures agrees with the example that AWS has published."""

import hashlib

import pytest

from testing.http_messages import Reply
from testing.receiver import Received
from testing.signatures import Key, Verifier, canonical_request, signature

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SCOPE = "20150830/us-east-1/iam/aws4_request"
SIGNED = ["content-type", "host", "x-amz-date"]
EXPECTED = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
# 2015-08-30, 12:36 UTC.
THEN = 1440938160.0


def request(
    authorization: str = "", target: str = "/?Version=2010-05-08&Action=ListUsers"
) -> Received:
    """Return the request of the example: "Signature Version 4 signing process", AWS reference."""
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "host": "iam.amazonaws.com",
        "x-amz-date": "20150830T123600Z",
        "authorization": authorization,
    }
    return Received(1, 1, "GET", target, headers, (), 0.0)


def verified(signed: str, target: str = "/?Version=2010-05-08&Action=ListUsers") -> Reply:
    """Return the answer to the request with a signature."""
    verifier = Verifier({"AKIDEXAMPLE": Key(SECRET)}, "us-east-1", "iam", now=lambda: THEN)
    names = ";".join(SIGNED)
    return verifier(
        request(
            f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{SCOPE}, SignedHeaders={names}, "
            f"Signature={signed}",
            target,
        )
    )


def test_example_of_aws() -> None:
    """The canonical request and the signature are those of the documentation."""
    text = canonical_request(request(), SIGNED)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert digest == "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
    assert signature(SECRET, SCOPE, "20150830T123600Z", text) == EXPECTED
    assert verified(EXPECTED).status == 204


@pytest.mark.parametrize(
    ("signed", "target"),
    [
        ("0" * 64, "/?Version=2010-05-08&Action=ListUsers"),
        (EXPECTED, "/?Version=2010-05-08&Action=ListGroups"),
        (EXPECTED, "/other?Version=2010-05-08&Action=ListUsers"),
    ],
)
def test_another_request_has_another_signature(signed: str, target: str) -> None:
    """A signature is of one request alone."""
    refused = verified(signed, target)
    assert refused.status == 403
    assert b"signature we calculated does not match" in refused.body
