"""Grants: a signed URL for the rendition that a listener may hear now, and why it is not a better one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

import strawberry

from datasources import catalog
from datasources.metrics import STREAM_START, STREAMS
from datasources.sessions import Session
from domain.errors import BadInput, NotFound
from domain.streaming import (
    NETWORK_LIMIT,
    AudioQuality,
    Decision,
    NetworkType,
    QualityLimit,
    decide,
    subscription_limit,
)
from resolvers.context import Info

GRANT_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Grant:
    """One rendition, under a URL that plays until `expires_at`."""

    url: str
    expires_at: datetime
    quality: AudioQuality
    limited_by: tuple[QualityLimit, ...]
    rendition: Any
    """The row of audio_files."""
    loudness: Any | None
    """The row of audio_features, when there is something to hear."""
    mime_type: str = "audio/mp4"
    """Ingest writes every rendition into this container."""
    licence: None = None
    """Nothing is encrypted so far."""


async def stream(
    root: Any,
    info: Info,
    network: NetworkType | None = strawberry.UNSET,
    preferred: AudioQuality | None = strawberry.UNSET,
) -> Any:
    session = await info.context.signed_in()
    headers = info.context.connection.headers
    network = network or named_in(headers, "X-Network-Type", NetworkType, NETWORK_SPELLINGS) or NetworkType.WIFI
    return await grant(root, info, session, preferred, NETWORK_LIMIT[network])


async def download(root: Any, info: Info, preferred: AudioQuality | None = strawberry.UNSET) -> Any:
    session = await info.context.signed_in()
    return await grant(root, info, session, preferred, AudioQuality.HI_RES_LOSSLESS)


async def grant(
    track: Any, info: Info, session: Session, preferred: AudioQuality | None, network: AudioQuality
) -> Grant:
    """Decide, and sign. Raises NotFound when no rendition is good enough to exist and poor enough to be allowed."""
    headers = info.context.connection.headers
    renditions = {file.quality: file for file in await info.context.load(catalog.audio_files_of_track, track.id)}
    decision: Decision = decide(
        [AudioQuality(quality) for quality in renditions],
        preferred=preferred or named_in(headers, "X-Preferred-Quality", AudioQuality) or AudioQuality.HI_RES_LOSSLESS,
        subscription=subscription_limit(session.tier, session.role),
        network=network,
    )
    if decision.quality is None:
        raise NotFound("This track has no rendition that may be played under these limits.")
    features = await info.context.load(catalog.features_of_track, track.id)
    rendition = renditions[decision.quality]
    STREAMS.labels(decision.quality.name, session.tier.value).inc()
    STREAM_START.observe(time.perf_counter() - info.context.started)
    now = datetime.now(UTC).replace(microsecond=0)
    return Grant(
        url=info.context.sources.objects.signed_url(
            rendition.object_key, now=now, seconds=int(GRANT_LIFE.total_seconds())
        ),
        expires_at=now + GRANT_LIFE,
        quality=decision.quality,
        limited_by=decision.limited_by,
        rendition=rendition,
        loudness=features if features and features.integrated_lufs is not None else None,
    )


NETWORK_SPELLINGS = {"5G": "FIVE_G", "3G": "THREE_G", "4G": "LTE"}
"""What devices call their networks, besides the enum's names."""

E = TypeVar("E", bound=Enum)


def named_in(
    headers: Mapping[str, str], header: str, kind: type[E], spellings: Mapping[str, str] | None = None
) -> E | None:
    """The enum value that a header names; None when it is not there. Raises BadInput for any other word."""
    text = headers.get(header)
    if text is None:
        return None
    word = text.strip().upper()
    try:
        return kind[(spellings or {}).get(word, word)]
    except KeyError:
        raise BadInput(f"The header {header} is one of {', '.join(kind.__members__)}; it is {text[:40]!r}.") from None
