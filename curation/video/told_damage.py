"""Damage that a decoder of FFmpeg only writes a line about, while it hands the frame out as if nothing had happened.

Such lines are taken for damage where they can mean nothing else. Others are harmless, as that the data of a frame ends
a few bits early, which many cameras write. Since these decoders have one thread, a line is about the packet that is
being decoded.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import av
import av.logging

_CERTAIN = {
    "mjpeg": re.compile(r"error (y=|count: |dc\b)|bad vlc|huffman table decode error|bitstream end in yuv_scan"),
    "ffv1": re.compile("slice CRC mismatch|bytestream end mismatching|Cannot decode non-keyframe"),
}
"""What damage is called, by FFmpeg's name of the format."""


class ToldError(Exception):
    """A decoder told of damage."""


@contextmanager
def damage_told(context: av.VideoCodecContext) -> Iterator[Callable[[], ToldError | None]]:
    """Listen to a decoder while it decodes.

    Args:
        context: the decoder.

    Returns:
        What gives the damage that it told of so far, if it did.
    """
    certain = _CERTAIN.get(context.codec.canonical_name)
    if certain is None:
        yield lambda: None
        return
    level, skips = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as lines:

            def told() -> ToldError | None:
                words = next((line.strip() for _, _, line in lines if certain.search(line)), None)
                return None if words is None else ToldError(words)

            yield told
    finally:
        av.logging.set_skip_repeated(skips)
        av.logging.set_level(level)
