"""Which of the files that FFmpeg can open we take, and what they say about their sound."""

import re
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container.input import InputContainer

from domain.renditions import SourceFormat
from ingest.completeness import size_without_ape_tag

# Only what can be checked for completeness. It also keeps playlists out, which would have FFmpeg open other files and
# addresses.
CONTAINERS = "mp3,aac,flac,ogg,mov,wav,w64,aiff"
OPTIONS = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file,subfile"}
MAX_CHANNELS = 8
# 24 bits are what a 32-bit float resolves, and the most that a rendition keeps.
FLOAT_BITS = 24


class Undecodable(Exception):
    """The file cannot be taken. The message is a sentence for the person who owns it, without the file's name."""


def open_container(path: Path) -> InputContainer:
    """The file by its content, whatever its ending. The caller closes it."""
    try:
        # With its scheme, so that a colon in a file name is not taken for one.
        return av.open(f"subfile,,start,0,end,{size_without_ape_tag(path)},,:file:{path}", options=OPTIONS)
    except av.FFmpegError as error:
        raise Undecodable("This is not an audio file of a kind known here, or its beginning is damaged.") from error


def audio_stream(container: InputContainer) -> AudioStream:
    """The one stream that is heard; pictures and films beside it are ignored."""
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream):
        raise Undecodable("The file holds no sound.")
    # A stream whose decoder is not known has no context at all, whatever the type says.
    if getattr(stream, "codec_context", None) is None:
        raise Undecodable("The file's sound is in a form that is not known here.")
    # Frame threads of FLAC cost more than they gain while every core already works on a file of its own.
    stream.codec_context.thread_count = 1
    if stream.codec_context.name == "flac":
        # Every FLAC frame carries a checksum, which FFmpeg passes over unless asked.
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
    return stream


def source_format(path: Path, stream: AudioStream, first: AudioFrame) -> SourceFormat:
    """What the stream holds. Rate and channels come from the first frame: only HE-AAC's decoder knows its real rate."""
    channels = first.layout.nb_channels
    if channels > MAX_CHANNELS:
        raise Undecodable(f"The sound has {channels} channels; at most {MAX_CHANNELS} can be kept.")
    codec = stream.codec_context.codec
    return SourceFormat(
        codec=codec.canonical_name,
        lossless=codec.lossless,
        sample_rate_hz=first.sample_rate,
        bit_depth=bit_depth(stream, first) if codec.lossless else None,
        channels=channels,
        bitrate_kbps=bitrate_kbps(path),
    )


def bit_depth(stream: AudioStream, frame: AudioFrame) -> int:
    """Bits that carry sound in a lossless stream: FFmpeg hands 24 of them out as 32."""
    context = stream.codec_context
    header = context.extradata or b""
    match context.name:
        case "flac":
            # RFC 9639, 8.2: after 16 + 16 + 24 + 24 bits come rate (20), channels (3), depth - 1 (5), samples (36).
            return (int.from_bytes(header[10:18], "big") >> 36 & 0x1F) + 1
        case "alac":
            # ALACSpecificConfig behind the 12 bytes of its box: frame length (4), version (1), depth (1).
            return header[17]
        case name if linear := re.match(r"pcm_[su](\d+)", name):
            return int(linear[1])
    return FLOAT_BITS if frame.format.name.startswith(("flt", "dbl")) else min(FLOAT_BITS, 8 * frame.format.bytes)


def flac_samples(stream: AudioStream) -> int:
    """How many samples STREAMINFO promises; 0 where the encoder did not know."""
    return int.from_bytes((stream.codec_context.extradata or b"")[10:18], "big") & (1 << 36) - 1


def bitrate_kbps(path: Path) -> int:
    """The average of the sound alone: a cover picture can weigh more than a song of 128 kbps.

    It takes a pass over the packets, without decoding, because headers hold a nominal rate, or none.
    """
    with open_container(path) as container:
        stream = audio_stream(container)
        size = duration = 0
        try:
            for packet in container.demux(stream):
                size += packet.size
                duration += packet.duration or 0
        except av.FFmpegError:
            pass  # Decoding meets the same damage and reports it.
        seconds = duration * (stream.time_base or Fraction(0))
        return round(size * 8 / seconds / 1000) if seconds else 0
