"""The smallest box around a mask in COCO's run-length encoding, without unpacking the mask.

Runs go down the columns, from the left to the right, and begin with background. As text they are written as in
`maskApi.c` of the COCO API: five bits a character, from 48 up, and from the fourth run on the difference to the last
but one (https://github.com/cocodataset/cocoapi).
"""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from curation.labels.given import Box, LabelFileError


def box_of_mask(mask: Mapping[str, Any], name: str) -> Box | None:
    """Return the box around a mask; None around an empty one.

    Args:
        mask: `size` (height and width in pixels) and `counts`.
        name: of the picture, for messages.

    Raises:
        LabelFileError: it is no such mask.
    """
    try:
        height, width = map(int, mask["size"])
        counts = mask["counts"]
        runs = runs_of_text(counts) if isinstance(counts, str) else [int(run) for run in counts]
    except (KeyError, TypeError, ValueError, OverflowError):
        runs, height, width = [], 0, 0
    if not runs or height < 1 or width < 1 or min(runs) < 0 or sum(runs) > height * width:
        raise LabelFileError(f"{name!r}: its segmentation is no mask in COCO's run-length encoding")
    ends = list(accumulate(runs))
    filled = [(ends[number - 1], ends[number]) for number in range(1, len(runs), 2) if runs[number]]
    if not filled:
        return None
    left, right = filled[0][0] // height, (filled[-1][1] - 1) // height
    # A run that goes on in the next column reaches the bottom of one and the top of the other.
    if any(start // height < (end - 1) // height for start, end in filled):
        top, bottom = 0, height - 1
    else:
        top, bottom = min(start % height for start, _ in filled), max((end - 1) % height for _, end in filled)
    return float(left), float(top), float(right - left + 1), float(bottom - top + 1)


def runs_of_text(text: str) -> list[int]:
    """Return the lengths of the runs that a text encodes.

    Raises:
        ValueError: it ends within a number.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    if shift:
        raise ValueError("cut off")
    return runs
