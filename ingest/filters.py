"""A straight line of FFmpeg filters: frames in, frames out, nothing kept but what the filters themselves need."""

from errno import EAGAIN
from fractions import Fraction

import av
from av.audio.fifo import AudioFifo
from av.audio.format import AudioFormat
from av.audio.frame import AudioFrame
from av.filter import Graph

# What the channels of a file are that does not say so, by their number; the orders that ALAC knows
# (FFmpeg's names), so that such a file stays exact.
DEFAULT_LAYOUTS = {
    1: "mono",
    2: "stereo",
    3: "3.0",
    4: "4.0",
    5: "5.0",
    6: "5.1",
    7: "6.1(back)",
    8: "7.1(wide)",
}


class FilterChain:
    """`filters` are (name, arguments) in order. The chain takes its input format from the first frame it sees."""

    def __init__(self, *filters: tuple[str, str]) -> None:
        self._filters = filters
        self._graph: Graph | None = None

    def push(self, frame: AudioFrame) -> list[AudioFrame]:
        """Everything that can be given out once `frame` is in; often nothing."""
        self._graph = self._graph or self._build(frame)
        # Timestamps of sources jump and start anywhere; samples are counted instead, from zero.
        frame.pts = None
        self._graph.push(frame)
        return self._pull(self._graph)

    def finish(self) -> list[AudioFrame]:
        """What the filters still held."""
        if self._graph is None:
            return []
        self._graph.push(None)
        return self._pull(self._graph)

    def _build(self, frame: AudioFrame) -> Graph:
        graph = Graph()
        source = graph.add(
            "abuffer",
            sample_rate=str(frame.sample_rate),
            sample_fmt=frame.format.name,
            channel_layout=known_layout(frame),
            time_base=str(Fraction(1, frame.sample_rate)),
        )
        filters = [graph.add(name, arguments or None) for name, arguments in self._filters]
        graph.link_nodes(source, *filters, graph.add("abuffersink")).configure()
        return graph

    @staticmethod
    def _pull(graph: Graph) -> list[AudioFrame]:
        frames: list[AudioFrame] = []
        while True:
            try:
                frame = graph.pull()
            except EOFError:
                return frames
            except av.FFmpegError as error:
                if error.errno != EAGAIN:
                    raise
                return frames
            assert isinstance(frame, AudioFrame)
            frames.append(frame)


def known_layout(frame: AudioFrame) -> str:
    """The frame's channel layout by name; the usual one for the number of channels where the file names none."""
    # FFmpeg writes an unknown order as "2 channels", which no filter negotiates.
    layout = frame.layout
    return DEFAULT_LAYOUTS.get(layout.nb_channels, layout.name) if layout.name.endswith(" channels") else layout.name


def first_samples(frame: AudioFrame, count: int) -> AudioFrame:
    """The first `count` samples of `frame`, at least one."""
    if count >= frame.samples:
        return frame
    # Not by way of numpy: PyAV 18.1 reads past the planes of a planar frame of eight channels, and crashes.
    frame.pts = None
    queue = AudioFifo()
    queue.write(frame)
    cut = queue.read(count)
    assert cut is not None
    return cut


def silence(sample_format: str, layout: str, rate: int, samples: int) -> AudioFrame:
    """A frame of nothing in a signed or float `sample_format`."""
    frame = AudioFrame(AudioFormat(sample_format).packed, layout, samples)
    frame.sample_rate = rate
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    return FilterChain(("aformat", f"sample_fmts={sample_format}")).push(frame)[0]
