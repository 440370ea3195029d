"""Signed URLs, byte for byte what botocore makes."""

from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.signing import LONGEST, Signer

KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ENDPOINTS = [
    "http://127.0.0.1:8333",
    "https://s3.example.com",
    "https://s3.example.com:443",
    "http://store.example:80",
    "https://cdn.example.com:8443/behind/a/path",
]

# Any key of S3's but those that begin with a slash, or have dots for a part of their path: we never make such.
keys = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(" +~/%&=?#'é音"), min_size=1, max_size=40
).filter(lambda key: not key.startswith("/") and not {".", ".."} & set(key.split("/")))
lives = st.integers(1, LONGEST)


@cache
def client(endpoint: str) -> Any:
    return Session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


class QueryAuthAt(S3SigV4QueryAuth):  # type: ignore[misc]
    """botocore's own signer, which reads the clock, at a moment of ours."""

    def __init__(self, moment: datetime, expires: int, *, region: str, key_id: str, secret: str) -> None:
        super().__init__(Credentials(key_id, secret), "s3", region, expires=expires)
        self.moment = moment

    def _modify_request_before_signing(self, request: Any) -> None:
        request.context["timestamp"] = self.moment.strftime("%Y%m%dT%H%M%SZ")
        super()._modify_request_before_signing(request)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
# The first example waits for botocore to load its models.
@settings(deadline=None)
@given(key=keys, seconds=lives)
def test_it_signs_what_botocores_client_signs(endpoint: str, key: str, seconds: int) -> None:
    signer = Signer(endpoint=endpoint, bucket="segue-music", region="eu-central-1", key_id=KEY_ID, secret=SECRET)
    theirs = client(endpoint).generate_presigned_url(
        "get_object", Params={"Bucket": "segue-music", "Key": key}, ExpiresIn=seconds
    )

    (moment,) = parse_qs(urlsplit(theirs).query)["X-Amz-Date"]
    ours = signer.url(key, now=datetime.strptime(moment + "+0000", "%Y%m%dT%H%M%SZ%z"), seconds=seconds)

    assert without_default_port(ours) == without_default_port(theirs)


secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
zones = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))


@given(
    moment=st.datetimes(datetime(2000, 1, 2), datetime(2099, 1, 1), timezones=zones),
    seconds=lives,
    region=st.sampled_from(["us-east-1", "eu-central-1", "local"]),
    key_id=secrets,
    secret=secrets,
)
def test_it_signs_as_botocore_at_any_time_with_any_keys(
    moment: datetime, seconds: int, region: str, key_id: str, secret: str
) -> None:
    request = AWSRequest("GET", "http://127.0.0.1:8333/segue/audio/a%20b.m4a")
    QueryAuthAt(moment.astimezone(UTC), seconds, region=region, key_id=key_id, secret=secret).add_auth(request)

    signer = Signer(endpoint="http://127.0.0.1:8333", bucket="segue", region=region, key_id=key_id, secret=secret)

    assert signer.url("audio/a b.m4a", now=moment, seconds=seconds) == request.url


@pytest.mark.parametrize("seconds", [0, -1, LONGEST + 1])
def test_a_life_that_no_store_accepts_is_refused(seconds: int) -> None:
    signer = Signer(endpoint="http://h", bucket="b", region="r", key_id=KEY_ID, secret=SECRET)

    with pytest.raises(ValueError, match="valid for 1 to 604800 seconds"):
        signer.url("key", now=datetime.now(UTC), seconds=seconds)


def without_default_port(url: str) -> str:
    """Clients leave the scheme's own port out of the Host header; both spellings are one address."""
    parts = urlsplit(url)
    port = {"http": ":80", "https": ":443"}[parts.scheme]
    return parts._replace(netloc=parts.netloc.removesuffix(port)).geturl()
