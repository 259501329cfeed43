"""AWS Signature Version 4 for a POST to `/`, which is all that the secret stores need.

Steps and names: "Create a signed AWS API request" (IAM User Guide).
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import NamedTuple

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """What a request is signed with; the token is empty if the key is a user's own."""

    key: str
    secret: str
    token: str


def signed(
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    service: str,
    region: str,
    now: float,
) -> dict[str, str]:
    """Return the headers of a POST to `/`, signed at a time in seconds since 1970.

    All `headers` are signed: their names have to be in lower case, with `host` among them.
    """
    time_stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    result = {**headers, "x-amz-date": time_stamp}
    if credentials.token:
        result["x-amz-security-token"] = credentials.token
    canonical_headers = "".join(f"{n}:{' '.join(result[n].split())}\n" for n in sorted(result))
    names = ";".join(sorted(result))
    canonical = f"POST\n/\n\n{canonical_headers}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    credential_scope = f"{time_stamp[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{time_stamp}\n{credential_scope}\n{digest}"
    key = f"AWS4{credentials.secret}".encode()
    for part in credential_scope.split("/"):
        key = _hmac(key, part)
    result["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.key}/{credential_scope}, "
        f"SignedHeaders={names}, Signature={_hmac(key, to_sign).hex()}"
    )
    return result


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
