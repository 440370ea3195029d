"""Object storage: any S3. Audio is written by ingest and read by listeners through signed URLs, never through us."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from domain.errors import NotFound, Unavailable
from domain.signing import Signer
from settings import Settings

CONFIG = Config(
    s3={"addressing_style": "path"},
    retries={"max_attempts": 3},
    connect_timeout=5,
    # Stores other than AWS' own may refuse the checksums that newer clients add.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class Objects:
    """One bucket."""

    def __init__(self, client: Any, bucket: str, signer: Signer) -> None:
        self._client = client
        self._bucket = bucket
        self._signer = signer

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Self]:
        """Connect to the store and see that the bucket is there; raises Unavailable."""
        assert settings.aws_access_key_id
        assert settings.aws_secret_access_key
        endpoint = str(settings.s3_endpoint_url).rstrip("/")
        secret = settings.aws_secret_access_key.get_secret_value()
        session = aioboto3.Session()
        async with session.client(
            "s3",
            endpoint_url=endpoint,
            region_name=settings.aws_region,
            aws_access_key_id=settings.aws_access_key_id,
            aws_secret_access_key=secret,
            config=CONFIG,
        ) as client:
            signer = Signer(
                endpoint=str(settings.s3_public_url or endpoint).rstrip("/"),
                bucket=settings.s3_bucket,
                region=settings.aws_region,
                key_id=settings.aws_access_key_id,
                secret=secret,
            )
            objects = cls(client, settings.s3_bucket, signer)
            await objects.ensure_bucket()
            yield objects

    async def ping(self) -> None:
        """See that the bucket answers. Raises Unavailable, or NotFound."""
        with unavailable_when_down():
            await self._client.head_bucket(Bucket=self._bucket)

    async def ensure_bucket(self) -> None:
        with unavailable_when_down():
            try:
                await self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                    raise
                await self._client.create_bucket(Bucket=self._bucket)

    async def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Store a file of any size, in parts when it is large."""
        with unavailable_when_down():
            await self._client.upload_file(str(path), self._bucket, key, ExtraArgs={"ContentType": content_type})

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        with unavailable_when_down():
            await self._client.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)

    async def get(self, key: str) -> bytes:
        """An object's bytes. For small ones; raises NotFound."""
        with unavailable_when_down():
            answer = await self._client.get_object(Bucket=self._bucket, Key=key)
            async with answer["Body"] as body:
                return bytes(await body.read())

    def signed_url(self, key: str, *, now: datetime, seconds: int) -> str:
        """A URL under which anyone can GET the object until it expires."""
        return self._signer.url(key, now=now, seconds=seconds)


@contextmanager
def unavailable_when_down() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            raise NotFound("There is no such object.") from error
        reason = error.response.get("Error", {}).get("Code", "no reason given")
        raise Unavailable(f"The object store refused a request ({reason}).", retry_after=5) from error
    except (BotoCoreError, OSError) as error:
        raise Unavailable("The object store does not answer just now; try again.", retry_after=2) from error


def artwork_object(key: str) -> str:
    """Where a picture's original is, by the hash of its bytes."""
    return f"artwork/{key}"


def audio_object(content_hash: str, quality: str) -> str:
    """Where a rendition is, by the hash of the file it was made from: making it again changes nothing."""
    return f"audio/{content_hash[:2]}/{content_hash}/{quality.lower()}.m4a"
