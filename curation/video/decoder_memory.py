"""Decoders that show memory which they never wrote, where a frame is damaged and nothing tells of it.

FFmpeg's decoder takes the memory of a frame from those that were given back. If it leaves a part of a damaged frame as
it is, one sees an earlier frame there: which one depends on the order in which frames were given back, and so on when
each thread was done. Such frames must look the same every time. So these decoders have one thread, and their frames
go back in the order of decoding: other threads work on copies.

Which decoders always write all of a frame was found with damaged videos (`python -m benchmarks.repeated_decoding`):
those that conceal damage, and some that refuse a damaged frame as a whole.
"""

from fractions import Fraction

import av
from av.filter import Graph

_WRITE_ALL = frozenset(
    {"h264", "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "flv1", "h263"}
    | {"vp9", "av1", "prores", "dnxhd", "png", "jpeg2000"}
)
"""FFmpeg's names of formats whose decoders leave no part of a frame as it was."""


def shows_old_memory(format_name: str) -> bool:
    """Return whether frames of a format may show memory that the decoder never wrote.

    Args:
        format_name: FFmpeg's name of the coding, such as `mjpeg`.
    """
    return format_name not in _WRITE_ALL


class Copies:
    """Copies frames with all that belongs to them, so that the memory of their decoder goes back at once."""

    def __init__(self) -> None:
        self._graphs: dict[tuple[str, int, int], Graph] = {}

    def __call__(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return a copy of a frame."""
        key = (picture.format.name, picture.width, picture.height)
        if key not in self._graphs:
            self._graphs = {key: _copying(picture)}
        graph = self._graphs[key]
        graph.push(picture)
        copy = graph.pull()
        if not isinstance(copy, av.VideoFrame):
            raise TypeError("the filter that copies gave no frame")
        copy.pts = picture.pts
        return copy


def _copying(picture: av.VideoFrame) -> Graph:
    graph = Graph()
    time_base = picture.time_base or Fraction(1, 1000)  # without influence
    source = graph.add_buffer(width=picture.width, height=picture.height, format=picture.format, time_base=time_base)
    copy, sink = graph.add("copy"), graph.add("buffersink")
    source.link_to(copy)
    copy.link_to(sink)
    graph.configure()
    return graph
