"""Frames of high dynamic range as a usual screen shows them."""

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from curation.video.frame import small_picture, upright_image
from curation.video.tone_mapping import is_hdr, tone_mapped

PQ, HLG, BT709 = 16, 18, 1


def grey_frame(shares: list[float], transfer: int, *, primaries: int = 9, full: bool = False) -> av.VideoFrame:
    """Return a frame of 10 bits whose columns, 16 pixels wide, have these codes, from black (0) to white (1)."""
    frame = av.VideoFrame(16 * len(shares), 32, "yuv420p10le")
    low, span = (0, 1023) if full else (64, 876)
    codes = np.repeat([round(low + span * share) for share in shares], 16)
    for place, plane in enumerate(frame.planes):
        lines = np.full((plane.height, plane.line_size // 2), 512, np.uint16)
        if place == 0:
            lines[:, : plane.width] = codes
        plane.update(lines.tobytes())
    frame.color_trc, frame.colorspace, frame.color_primaries, frame.color_range = transfer, 9, primaries, 1 + full
    return frame


def shown(frame: av.VideoFrame) -> NDArray[np.int64]:
    """Return the grey of the middle of each column, which must be grey."""
    columns = np.asarray(upright_image(frame))[16, 8::16].astype(int)
    assert (np.ptp(columns, axis=1) <= 1).all()
    greys: NDArray[np.int64] = columns[:, 1]
    return greys


@pytest.mark.parametrize("primaries", [1, 2, 9, 12])
def test_what_the_recommendations_say_of_grey_white_and_peak(primaries: int) -> None:
    """BT.2408: grey card 26 cd/m2, 38 % of both; white 203 cd/m2, 58 % of PQ and 75 % of HLG; peak 1,000 cd/m2."""
    right = [0, 108, 230, 255]
    pq = shown(grey_frame([0, 0.3800, 0.5807, 0.7518], PQ, primaries=primaries))
    hlg = shown(grey_frame([0, 0.3800, 0.7500, 1.0000], HLG, primaries=primaries))
    assert np.abs(pq - right).max() <= 1
    assert np.abs(hlg - right).max() <= 2


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_brighter_is_never_darker_and_full_range_is_the_same(transfer: int) -> None:
    ramp = np.linspace(0, 1, 200).tolist()
    limited, full = (shown(grey_frame(ramp, transfer, full=full)) for full in (False, True))
    assert (np.diff(limited) >= 0).all()
    assert (limited[0], limited[-1]) == (0, 255)
    assert np.abs(limited - full).max() <= 2


def test_colours_keep_their_hue_and_its_primaries_decide() -> None:
    red = av.VideoFrame.from_ndarray(np.full((16, 16, 3), (520, 300, 300), np.uint16) * 64, format="gbrp16le")
    red.color_trc, red.color_primaries = PQ, 9
    wide = tone_mapped(red)[8, 8].astype(int)
    red.color_primaries = 1
    narrow = tone_mapped(red)[8, 8].astype(int)
    assert wide[0] > narrow[0] > narrow[1] == narrow[2] > 0
    assert max(wide[1], wide[2]) < narrow[1]


def test_proxies_and_pictures_in_full_size_agree_and_other_frames_stay_as_they_are() -> None:
    frame = grey_frame([0.1, 0.4, 0.6], PQ)
    greys = shown(frame)
    luma = small_picture(frame, (24, 16)).y[8, 4::8].astype(int)
    assert np.abs(luma - greys).max() <= 1
    frame.color_trc = BT709
    assert not is_hdr(frame)
    assert np.abs(shown(frame) - [26, 102, 153]).max() <= 1
