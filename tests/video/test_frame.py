"""One decoded frame of a video."""

import sys

import av
import numpy as np

from curation.video.frame import transpose_of


def test_looking_for_a_rotation_makes_no_cycle_of_references() -> None:
    """Frames in cycles wait for the garbage collector, hundreds of them, at some megabytes each."""
    frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
    before = sys.getrefcount(frame)
    assert transpose_of(frame) is None
    assert sys.getrefcount(frame) == before
