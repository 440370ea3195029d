"""Store what was prepared: renditions and cover as objects, the recording in the staging table.

Objects are named by content, so that storing twice is storing once. Nothing of it is visible before `publish`.
"""

from datasources.objects import artwork_object, audio_object
from datasources.sources import Sources
from datasources.staging import stage
from domain.recording import Cover, Recording, Rendition
from ingest.artwork import Artwork
from ingest.encode import Encoded
from ingest.prepare import Prepared
from ingest.together import together


async def store(sources: Sources, content_hash: bytes, prepared: Prepared) -> Recording:
    """The recording, once everything that belongs to it is stored durably. Raises Unavailable."""
    renditions = await together(
        store_rendition(sources, content_hash, encoded) for encoded in prepared.measured.renditions
    )
    recording = Recording(
        duration_ms=prepared.measured.duration_ms,
        loudness=prepared.measured.loudness,
        features=prepared.measured.features,
        renditions=tuple(renditions),
        cover=await store_cover(sources, prepared.artwork) if prepared.artwork else None,
    )
    await stage(sources, content_hash, recording)
    return recording


async def store_rendition(sources: Sources, content_hash: bytes, encoded: Encoded) -> Rendition:
    key = audio_object(content_hash.hex(), encoded.quality.name)
    await sources.objects.put_file(key, encoded.path, "audio/mp4")
    return Rendition(
        quality=encoded.quality,
        codec=encoded.codec,
        bitrate_kbps=encoded.bitrate_kbps,
        sample_rate_hz=encoded.sample_rate_hz,
        bit_depth=encoded.bit_depth,
        size_bytes=encoded.size_bytes,
        object_key=key,
        encoder_delay=encoded.encoder_delay,
        padding=encoded.padding,
        total_samples=encoded.total_samples,
    )


async def store_cover(sources: Sources, artwork: Artwork) -> Cover:
    await sources.objects.put(artwork_object(artwork.key), artwork.data, artwork.content_type)
    return Cover(artwork.key, artwork.content_type, artwork.width, artwork.height, artwork.dominant_color)
