"""AWS Signature Version 4 for URLs: a GET that anyone who holds the URL may make until it expires.

The scheme is the one in "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" of the S3 API
reference. Everything but the key, the time and the last HMAC is the same for every URL of a day, so it is kept.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
LONGEST = 7 * 24 * 3600
"""Seconds: no S3 accepts a URL that is valid for longer."""


class Signer:
    """Signs GET URLs of one bucket, path style: `{endpoint}/{bucket}/{key}?X-Amz-…`."""

    def __init__(self, *, endpoint: str, bucket: str, region: str, key_id: str, secret: str) -> None:
        parts = urlsplit(endpoint)
        self._base = f"{parts.scheme}://{host_header(parts.scheme, parts.netloc)}"
        self._host = host_header(parts.scheme, parts.netloc)
        self._path = f"{parts.path.rstrip('/')}/{quote(bucket)}/"
        self._region = region
        self._key_id = key_id
        self._secret = secret

    def url(self, key: str, *, now: datetime, seconds: int) -> str:
        """A URL for the object at `key` that is valid for `seconds` from `now`."""
        if not 1 <= seconds <= LONGEST:
            raise ValueError(f"A signed URL is valid for 1 to {LONGEST} seconds, not {seconds}.")
        moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        path = self._path + quote(key, safe="/~")
        # In the order of their names, as the canonical request wants them.
        query = (
            f"X-Amz-Algorithm={ALGORITHM}"
            f"&X-Amz-Credential={quote(f'{self._key_id}/{scope}', safe='~')}"
            f"&X-Amz-Date={moment}"
            f"&X-Amz-Expires={seconds}"
            f"&X-Amz-SignedHeaders=host"
        )
        request = f"GET\n{path}\n{query}\nhost:{self._host}\n\nhost\nUNSIGNED-PAYLOAD"
        to_sign = f"{ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        day_key = signing_key(self._secret, moment[:8], self._region)
        signature = hmac.digest(day_key, to_sign.encode(), "sha256").hex()
        return f"{self._base}{path}?{query}&X-Amz-Signature={signature}"


@lru_cache(maxsize=8)
def signing_key(secret: str, day: str, region: str) -> bytes:
    """The key of one day, region and service. Four HMACs, made once a day."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def host_header(scheme: str, netloc: str) -> str:
    """What a client will send as Host: the port is left out when it is the scheme's own."""
    return netloc.removesuffix({"http": ":80", "https": ":443"}.get(scheme, ":"))
