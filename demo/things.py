"""What stands beside a road and drives on it, and how each is painted."""

from collections.abc import Callable

import numpy as np

from demo.view import LANE_WIDTH, NEAREST, SLICE, Thing, View, tint


def _building(frame: View, thing: Thing, z: float) -> None:
    """A house with its front along the road: `size` is its height, `x` its edge towards the road."""
    outward = 1.0 if thing.x > 0 else -1.0
    depth, height, floors = 9.0 + 3 * (thing.variant % 3), thing.size, max(1, int(thing.size / 3))
    far = z + depth
    near = max(z, NEAREST)
    if z > NEAREST:
        edges = sorted((thing.x, thing.x + outward * 12))
        frame.upright(frame.lit(tint(thing.color, 0.72), z), z, edges[0], edges[1], 0, height)
    frame.side(frame.lit(thing.color, (near + far) / 2), thing.x, near, far, 0, height)
    frame.side(frame.lit(tint(thing.color, 0.5), near), thing.x, near, far, height - 0.5, height)
    if near > 75:
        return
    for floor in range(floors):
        bottom = 0.9 + 3.0 * floor
        for column in range(int(depth / 3)):
            start = z + 0.8 + 3.0 * column
            if start < NEAREST or bottom + 1.6 > height:
                continue
            number = floor * 7 + column * 3 + thing.variant
            shining = frame.drive.weather.lamps_on and number % 5 < 2
            glass = (236, 200, 120) if shining else frame.lit(((70, 92, 112), (92, 116, 138))[number % 2], start)
            frame.side(glass, thing.x, start, start + 1.5, bottom, bottom + 1.6)


def _tree(frame: View, thing: Thing, z: float) -> None:
    """A leaf tree (even variant) or a conifer."""
    if z < NEAREST:
        return
    height, x = thing.size, thing.x
    frame.disc(frame.lit(tint(frame.drive.weather.ground[0], 0.68), z), x + 0.3, 0.02, z, 0.22 * height, 0.1)
    frame.upright(frame.lit((84, 62, 46), z), z, x - 0.035 * height, x + 0.035 * height, 0, 0.5 * height)
    if thing.variant % 2:
        for step in range(4):
            base, half = height * (0.16 + 0.2 * step), height * (0.27 - 0.055 * step)
            color = tint(thing.color, 0.78 + 0.12 * step)
            top = frame.at(x, base + 0.42 * height, z)
            frame.fill(frame.lit(color, z), frame.at(x - half, base, z), top, frame.at(x + half, base, z))
            frame.fill(frame.lit(tint(color, 0.78), z), frame.at(x, base, z), top, frame.at(x + half, base, z))
        return
    blobs = ((0.0, 0.62, 0.27, 0.8), (-0.17, 0.6, 0.19, 0.92), (0.18, 0.66, 0.18, 0.74), (-0.05, 0.8, 0.2, 1.08))
    for offset, up, radius, brightness in (*blobs, (-0.12, 0.75, 0.1, 1.25), (0.08, 0.87, 0.08, 1.2)):
        color = frame.lit(tint(thing.color, brightness), z)
        frame.disc(color, x + offset * height, up * height, z, radius * height, 0.92)


def _lamp(frame: View, thing: Thing, z: float) -> None:
    """A street lamp whose arm reaches over the road."""
    if z < NEAREST:
        return
    metal, inward = frame.lit((96, 100, 104), z), -1.0 if thing.x > 0 else 1.0
    frame.upright(metal, z, thing.x - 0.07, thing.x + 0.07, 0, 6.5)
    edges = sorted((thing.x, thing.x + inward * 1.8))
    frame.upright(metal, z, edges[0], edges[1], 6.4, 6.55)
    edges = sorted((thing.x + inward * 1.3, thing.x + inward * 2.0))
    shining = frame.drive.weather.lamps_on
    frame.upright((255, 226, 170) if shining else frame.lit((200, 204, 206), z), z, edges[0], edges[1], 6.25, 6.4)
    if shining:
        frame.glow((255, 190, 110), thing.x + inward * 1.6, 6.2, z, 1.7)


def _post(frame: View, thing: Thing, z: float) -> None:
    """A white delineator post with a reflector."""
    if z < NEAREST:
        return
    frame.upright(frame.lit((226, 228, 226), z), z, thing.x - 0.07, thing.x + 0.07, 0, 1.0)
    frame.upright(frame.lit((30, 30, 32), z), z, thing.x - 0.07, thing.x + 0.07, 0.72, 0.9)
    if frame.drive.weather.headlights:
        frame.glow((230, 230, 220), thing.x, 0.8, z, 0.16)


def _rail(frame: View, thing: Thing, z: float) -> None:
    """One slice of a crash barrier."""
    near, far = max(z, NEAREST), z + SLICE
    if far <= NEAREST:
        return
    frame.side(frame.lit((172, 178, 182), near), thing.x, near, far, 0.45, 0.8)
    frame.side(frame.lit((112, 118, 124), near), thing.x, near, far, 0.58, 0.65)
    if z > NEAREST:
        frame.upright(frame.lit((120, 124, 128), z), z, thing.x - 0.06, thing.x + 0.06, 0, 0.6)


def _sign(frame: View, thing: Thing, z: float) -> None:
    """A gantry over a motorway (variant 0) or a round sign at the road."""
    if z < NEAREST:
        return
    if thing.variant == 0:
        metal = frame.lit((120, 124, 128), z)
        for x in (thing.x - 11, thing.x + 5):
            frame.upright(metal, z, x - 0.15, x + 0.15, 0, 7.2)
        frame.upright(metal, z, thing.x - 11, thing.x + 5, 6.9, 7.2)
        for left in (thing.x - 8.6, thing.x - 1.8):
            frame.upright(frame.lit((236, 238, 240), z), z, left, left + 5, 4.9, 7.5)
            frame.upright(frame.lit(thing.color, z), z, left + 0.12, left + 4.88, 5.02, 7.38)
            for row in (5.5, 6.2, 6.8):
                frame.upright(frame.lit((226, 232, 236), z), z, left + 0.6, left + 3.2 + row / 5, row, row + 0.22)
        return
    frame.upright(frame.lit((128, 130, 134), z), z, thing.x - 0.05, thing.x + 0.05, 0, 2.4)
    for color, radius in (((196, 38, 40), 0.48), ((240, 240, 238), 0.36), ((24, 24, 26), 0.12)):
        frame.disc(frame.lit(color, z), thing.x, 2.5, z, radius)


def _traffic_light(frame: View, thing: Thing, z: float) -> None:
    """A signal with its stop line and crossing; `variant` 0 is red, 1 green."""
    right = LANE_WIDTH * frame.drive.lanes[1]
    white = (222, 222, 216)
    if z > NEAREST + 0.5:
        frame.flat(frame.lit(white, z), max(z - 2.0, NEAREST), z - 1.5, 0.15, right - 0.1)
    for stripe in range(-6, 7):
        if z + 3 > NEAREST:
            frame.flat(frame.lit(white, z), max(z, NEAREST), z + 3, stripe - 0.25, stripe + 0.25)
    if z < NEAREST:
        return
    metal = frame.lit((70, 74, 78), z)
    for x in (thing.x, -thing.x):
        frame.upright(metal, z, x - 0.09, x + 0.09, 0, 5.6)
    frame.upright(metal, z, thing.x - 3.6, thing.x, 5.45, 5.6)
    for x, y in ((thing.x, 2.5), (thing.x - 3.4, 4.6), (-thing.x, 2.5)):
        frame.upright(frame.lit((26, 28, 30), z), z, x - 0.24, x + 0.24, y, y + 1.25)
        for place, (color, name) in enumerate((((70, 214, 120), 1), ((120, 92, 30), 2), ((255, 54, 44), 0))):
            shining = name == thing.variant
            height = y + 0.22 + 0.4 * place
            frame.disc(color if shining else frame.lit(tint(color, 0.25), z), x, height, z, 0.15)
            if shining:
                frame.glow(tint(color, 0.75), x, height, z, 0.75)


def _tunnel(frame: View, thing: Thing, z: float) -> None:
    """One slice of a tunnel; variant 1 is its portal."""
    left, right, top = -LANE_WIDTH * frame.drive.lanes[0] - 1.6, LANE_WIDTH * frame.drive.lanes[1] + 1.6, 5.6
    near, far = max(z, NEAREST), z + SLICE
    if far <= NEAREST:
        return
    if thing.variant == 1 and z > NEAREST:
        stone = frame.lit((150, 146, 138), z)
        for edges in ((left - 14, left), (right, right + 14)):
            frame.upright(stone, z, *edges, 0, top + 3.4)
        frame.upright(stone, z, left - 14, right + 14, top, top + 3.4)
        frame.upright(frame.lit((96, 94, 90), z), z, left - 14, right + 14, top + 2.9, top + 3.4)
    bright = 0.85 + 0.3 * (round(thing.s / SLICE) % 2)
    shade = float(np.exp(-near / 70))
    frame.flat(tint((64, 60, 56), bright * shade + 0.1), near, far, left, right, top)
    for x in (left, right):
        frame.side(tint((150, 128, 88), bright * shade + 0.12), x, near, far, 0, top)
        frame.side(tint((188, 178, 150), bright * shade + 0.12), x, near, far, 0, 1.1)
        frame.side((250, 214, 140), x, max(z + 1.2, NEAREST), max(z + 2.8, NEAREST), 4.3, 4.7)
        if z > NEAREST:
            frame.glow((170, 112, 50), x, 4.5, z + 2, 0.9)


def _car(frame: View, thing: Thing, z: float) -> None:
    """A car from behind, or from the front where it is oncoming; variant 2 is a lorry."""
    if z < NEAREST + 0.6:
        return
    x, oncoming, weather = thing.x, thing.speed < 0, frame.drive.weather
    wide, high = (1.25, 3.1) if thing.variant == 2 else (0.92, 1.42)
    body, dark = frame.lit(thing.color, z), frame.lit(tint(thing.color, 0.6), z)
    frame.disc(frame.lit((18, 18, 20), z), x, 0.03, z, wide * 1.12, 0.16)
    for wheel in (-0.78, 0.78):
        frame.upright(frame.lit((22, 22, 24), z), z, x + wheel * wide - 0.13, x + wheel * wide + 0.13, 0, 0.42)
    if thing.variant == 2:
        frame.upright(body, z, x - wide, x + wide, 0.45, high)
        frame.upright(dark, z, x - wide, x + wide, 0.45, 0.75)
        frame.upright(dark, z, x - 0.02, x + 0.02, 0.75, high - 0.1)
    else:
        frame.upright(dark, z, x - wide, x + wide, 0.26, 0.55)
        frame.upright(body, z, x - wide, x + wide, 0.5, 0.96)
        for color, low, half_low, top, half_top in (
            (body, 0.94, 0.9, high, 0.68),
            (frame.lit((46, 62, 76), z), 0.98, 0.76, 1.34, 0.6),
        ):
            outline = ((-half_low, low), (-half_top, top), (half_top, top), (half_low, low))
            frame.fill(color, *(frame.at(x + share * wide, y, z) for share, y in outline))
        frame.upright(frame.lit((226, 226, 214), z), z, x - 0.26, x + 0.26, 0.56, 0.7)
    shining = weather.lamps_on or weather.rain
    lamp = (255, 246, 220) if oncoming else (255, 48, 40) if shining else (176, 28, 30)
    for place in (-0.78, 0.78):
        at = x + place * wide
        frame.upright(lamp if shining else frame.lit(lamp, z), z, at - 0.16, at + 0.16, 0.66, 0.84)
        if shining:
            frame.glow((220, 205, 165) if oncoming else (150, 24, 18), at, 0.75, z, 0.95 if oncoming else 0.55)


PAINTERS: dict[str, Callable[[View, Thing, float], None]] = {
    "building": _building,
    "car": _car,
    "lamp": _lamp,
    "post": _post,
    "rail": _rail,
    "sign": _sign,
    "traffic light": _traffic_light,
    "tree": _tree,
    "tunnel": _tunnel,
}
