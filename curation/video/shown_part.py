"""Cutting off what a container says is not to be shown of a video's frames."""

import av
from av.container import InputContainer
from av.filter import Graph

from curation.video.opening import number_in_file, opened_file
from curation.video.structure.hidden_sides import HiddenSides, hidden_sides_of


def shown_part_for(container: InputContainer, stream: av.VideoStream) -> "ShownPart":
    """Return what cuts the frames of a video to what its container says is to be shown."""
    size = stream.codec_context.width, stream.codec_context.height
    number = number_in_file(container, stream)
    return ShownPart(hidden_sides_of(opened_file(container), container.format.name, number, size))


class ShownPart:
    """Cuts frames, without a copy of their pixels.

    Args:
        sides: what to cut off; None = nothing.
    """

    def __init__(self, sides: HiddenSides | None) -> None:
        self._sides = sides
        self._graphs: dict[tuple[str, int, int], Graph] = {}

    def __call__(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return a frame as it is to be shown; one that is too small is returned as it is."""
        if self._sides is None:
            return picture
        width = picture.width - self._sides.left - self._sides.right
        height = picture.height - self._sides.top - self._sides.bottom
        if width <= 0 or height <= 0:
            return picture
        key = (picture.format.name, picture.width, picture.height)
        if key not in self._graphs:
            self._graphs = {key: self._graph(picture, width, height)}
        graph = self._graphs[key]
        graph.push(picture)
        shown = graph.pull()
        if not isinstance(shown, av.VideoFrame):
            raise TypeError("the filter that crops gave no frame")
        shown.pts = picture.pts
        return shown

    def _graph(self, picture: av.VideoFrame, width: int, height: int) -> Graph:
        if self._sides is None:
            raise RuntimeError("nothing is to be cut off")
        graph = Graph()
        source = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=picture.time_base
        )
        crop = graph.add("crop", f"{width}:{height}:{self._sides.left}:{self._sides.top}:exact=1")
        sink = graph.add("buffersink")
        source.link_to(crop)
        crop.link_to(sink)
        graph.configure()
        return graph
