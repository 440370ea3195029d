"""One rendition of a recording, written while the recording is being decoded.

The file is an MP4 of one track, its index in front so that it streams, without tags and without an edit list: every
decoder gives exactly `encoder_delay + total_samples + padding` samples, and a player that plays gapless cuts them.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container.output import OutputContainer

from domain.renditions import RenditionPlan, SourceFormat, resampled_length
from domain.streaming import AudioQuality
from ingest.filters import DEFAULT_LAYOUTS, FilterChain, first_samples, silence

CONTAINER_OPTIONS = {"movflags": "+faststart", "use_editlist": "0", "fflags": "+bitexact"}
# RFC 6381: 40 is MPEG-4 audio, 2 its Low Complexity profile.
CODEC_NAMES = {"aac": "mp4a.40.2", "alac": "alac"}
# FFmpeg's AAC encoder begins one frame early; ALAC keeps nothing back.
AAC_FRAME = 1024
ALAC_FRAME = 4096
ALAC_SAFE_FRAME = 32
ENCODER_DELAYS = {"aac": AAC_FRAME, "alac": 0}
# The fast search takes 40 % of the time of the two-loop one and, by noise-to-mask ratio on synthetic music, is audible
# in fewer bands. Intensity stereo helps it at 128 kbps; at 256 it only adds noise (4 dB on decorrelated stereo).
AAC_OPTIONS = {"aac_coder": "fast"}
INTENSITY_STEREO_BELOW_KBPS = 192
# Measured at 96 to 48 and 48 to 44.1 kHz: flat within 0.05 dB to 20 kHz, images and aliases below -110 dB from 1 kHz
# above the new limit. (libsoxr, which others use here, is not in the FFmpeg that comes with PyAV.)
RESAMPLER = "filter_size=96:cutoff=0.96:kaiser_beta=12"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A finished rendition. `codec` is its RFC 6381 name, `bitrate_kbps` the measured average.

    Lengths are in samples per channel at `sample_rate_hz`: sample k of the recording is sample `encoder_delay + k` of
    the decoded file, which goes on for `padding` samples after the last.
    """

    quality: AudioQuality
    path: Path
    codec: str
    bitrate_kbps: int
    sample_rate_hz: int
    bit_depth: int | None
    channels: int
    size_bytes: int
    encoder_delay: int
    padding: int
    total_samples: int


class Encoder:
    """`add` every frame of `source`, then `finish` once. `discard`, or any error, leaves no file behind."""

    def __init__(self, plan: RenditionPlan, source: SourceFormat, path: Path) -> None:
        self._plan = plan
        self._source = source
        self._path = path
        self._layout = DEFAULT_LAYOUTS[plan.channels]
        self._converter = converter(plan, source)
        self._taken = 0
        self._given = 0
        self._packets = 0
        self._bytes = 0
        self._output = av.open(f"file:{path}", "w", format="ipod", container_options=CONTAINER_OPTIONS)
        self._stream = add_stream(self._output, plan)

    def add(self, frame: AudioFrame) -> None:
        with self._or_discard():
            self._taken += frame.samples
            for converted in self._converter.push(frame):
                self._encode(converted)

    def finish(self) -> Encoded:
        """Write what is left, close the file and say what it became."""
        with self._or_discard():
            total = resampled_length(self._taken, self._source.sample_rate_hz, self._plan.sample_rate_hz)
            for converted in self._converter.finish():
                if self._given < total:
                    self._encode(first_samples(converted, total - self._given))
            if missing := shortest(self._plan, total) - self._given:
                self._encode(silence(sample_format(self._plan), self._layout, self._plan.sample_rate_hz, missing))
            self._mux(None)
            self._output.close()
            return self._encoded(total)

    def discard(self) -> None:
        """Give up: close the file and remove it. Harmless when there is none any more."""
        # Closing writes the index, which fails again when the disk is full.
        with suppress(av.FFmpegError):
            self._output.close()
        self._path.unlink(missing_ok=True)

    @contextmanager
    def _or_discard(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.discard()
            raise

    def _encode(self, frame: AudioFrame) -> None:
        frame.pts, frame.time_base = self._given, Fraction(1, self._plan.sample_rate_hz)
        self._given += frame.samples
        self._mux(frame)

    def _mux(self, frame: AudioFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._packets += 1
            self._bytes += packet.size
            if self._plan.codec == "aac":
                # The encoder shortens the last packet to its sound; decoders that trust that would cut the padding.
                packet.duration = AAC_FRAME
            self._output.mux_one(packet)

    def _encoded(self, total: int) -> Encoded:
        plan = self._plan
        delay = ENCODER_DELAYS[plan.codec]
        decoded = self._packets * AAC_FRAME if plan.codec == "aac" else self._given
        return Encoded(
            quality=plan.quality,
            path=self._path,
            codec=CODEC_NAMES[plan.codec],
            bitrate_kbps=round(self._bytes * 8 * plan.sample_rate_hz / decoded / 1000),
            sample_rate_hz=plan.sample_rate_hz,
            bit_depth=plan.bit_depth,
            channels=plan.channels,
            size_bytes=self._path.stat().st_size,
            encoder_delay=delay,
            padding=decoded - delay - total,
            total_samples=total,
        )


def shortest(plan: RenditionPlan, total: int) -> int:
    """The least number of samples at or above `total` that the encoder takes; the difference is padding.

    A file needs one, even when a lower rate leaves none of the recording. And FFmpeg's ALAC encoder aborts the process
    when more than two channels end with a frame of one or two samples: it reckons one header for all of them.
    """
    total = max(1, total)
    tail = total % ALAC_FRAME
    if plan.codec == "alac" and plan.channels > 2 and 0 < tail < ALAC_SAFE_FRAME:
        return total - tail + ALAC_SAFE_FRAME
    return total


def add_stream(output: OutputContainer, plan: RenditionPlan) -> AudioStream:
    options = {}
    if plan.codec == "aac":
        options = dict(AAC_OPTIONS)
        if (plan.bitrate_kbps or 0) >= INTENSITY_STEREO_BELOW_KBPS:
            options["aac_is"] = "0"
    stream = output.add_stream(plan.codec, rate=plan.sample_rate_hz, options=options)
    assert isinstance(stream, AudioStream)
    stream.layout = DEFAULT_LAYOUTS[plan.channels]
    stream.format = sample_format(plan)
    if plan.bitrate_kbps is not None:
        stream.bit_rate = plan.bitrate_kbps * 1000
    # Without it the encoder signs its first frame with its version.
    stream.codec_context.flags |= Flags.bitexact
    return stream


def sample_format(plan: RenditionPlan) -> str:
    """What the encoder takes, in FFmpeg's names. 24-bit ALAC takes the upper bits of 32."""
    if plan.codec == "aac":
        return "fltp"
    return "s16p" if plan.bit_depth == 16 else "s32p"


def converter(plan: RenditionPlan, source: SourceFormat) -> FilterChain:
    """Rate, channels and sample format in one step; nothing is touched that the plan leaves as it is."""
    options = [RESAMPLER]
    resampled = plan.sample_rate_hz != source.sample_rate_hz
    if plan.bit_depth is not None and (resampled or plan.bit_depth < (source.bit_depth or 0)):
        # Rounding alone would leave distortion that follows the music; dither makes it steady noise.
        options.append(f"dither_method=triangular:output_sample_bits={plan.bit_depth}")
        if plan.bit_depth > 16:
            options.append("internal_sample_fmt=dblp")
    output = f"sample_fmts={sample_format(plan)}:sample_rates={plan.sample_rate_hz}"
    layout = DEFAULT_LAYOUTS[plan.channels]
    return FilterChain(("aresample", ":".join(options)), ("aformat", f"{output}:channel_layouts={layout}"))
