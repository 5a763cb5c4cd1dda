"""Boxes around turned rectangles and ellipses."""

from math import cos, radians, sin

from curation.labels.given import Box, around


def turned(box: Box, degrees: float, *, about_centre: bool) -> Box:
    """Return the smallest upright box around a turned one.

    Args:
        box: before it is turned.
        degrees: clockwise, as seen on the picture.
        about_centre: around its centre, and else around its upper left corner.
    """
    if degrees % 360 == 0:
        return box
    left, top, width, height = box
    x, y = (left + width / 2, top + height / 2) if about_centre else (left, top)
    c, s = cos(radians(degrees)), sin(radians(degrees))
    corners = [(left + w, top + h) for w in (0.0, width) for h in (0.0, height)]
    return around([(x + (a - x) * c - (b - y) * s, y + (a - x) * s + (b - y) * c) for a, b in corners], "")


def around_ellipse(x: float, y: float, horizontal: float, vertical: float, degrees: float) -> Box:
    """Return the smallest upright box around an ellipse that is turned around its centre.

    Args:
        x: of the centre.
        y: of the centre.
        horizontal: half the width before it is turned.
        vertical: half the height before it is turned.
        degrees: clockwise, as seen on the picture.
    """
    c, s = cos(radians(degrees)), sin(radians(degrees))
    wide = ((horizontal * c) ** 2 + (vertical * s) ** 2) ** 0.5
    high = ((horizontal * s) ** 2 + (vertical * c) ** 2) ** 0.5
    return x - wide, y - high, 2 * wide, 2 * high
