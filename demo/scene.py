"""Pictures of a drive: a road in perspective with what stands and moves beside it.

The world is flat. x is metres to the right of the camera, y metres above the road, z metres ahead; s is metres along
the road from the start of the drive. A picture is painted from far to near at twice its size and scaled down.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Color = tuple[int, int, int]
Point = tuple[float, float]

NEAREST, FARTHEST = 2.2, 190.0
"""Metres: nothing is painted nearer or farther."""
CAMERA_HEIGHT = 1.35
LANE_WIDTH = 3.6
SLICE = 4.0
"""Metres of road painted in one piece."""


@dataclass(frozen=True)
class Weather:
    """Light and air of a drive."""

    sky_top: Color
    sky_bottom: Color
    haze: Color
    haze_distance: float  # metres after which 63 % of a thing's colour is haze
    ground: tuple[Color, Color]  # beside the road, alternating
    asphalt: Color
    ambient: tuple[float, float, float]  # share of red, green and blue light that is there
    headlights: float = 0.0  # strength of the own ones
    lamps_on: bool = False
    rain: bool = False
    clouds: float = 0.0  # 0 to 1
    stars: bool = False
    sun: tuple[float, float, float, Color] | None = None  # x and y as shares of the picture, radius, colour
    hills: tuple[Color, Color] = ((120, 150, 160), (95, 130, 115))  # far and near ones
    skyline: bool = False  # towers instead of hills


@dataclass(frozen=True)
class Thing:
    """Something beside or on the road that stands at `s` or drives from there."""

    kind: str
    s: float
    x: float = 0.0  # metres to the right of the road's middle
    size: float = 1.0
    color: Color = (128, 128, 128)
    speed: float = 0.0  # metres a second along the road; negative: oncoming
    variant: int = 0


@dataclass(frozen=True)
class Drive:
    """The scene: the weather, the things, and the road."""

    weather: Weather
    things: tuple[Thing, ...]
    lanes: tuple[int, int] = (1, 1)  # to the left of the dividing line, to the right of it
    bends: tuple[float, float] = (0.0, 90.0)  # curvature at most (1/m), metres from one bend to the next
    sidewalk: bool = False
    noise: float = 1.6  # standard deviation of the sensor's noise, grey levels
    bonnet: Color = (38, 42, 50)


@dataclass
class _Frame:
    """The picture that is being painted, and where the camera is."""

    drive: Drive
    width: int  # pixels, of the large picture
    height: int
    s: float
    horizon: float  # pixels from the top
    image: Image.Image
    pen: ImageDraw.ImageDraw
    glows: list[tuple[float, float, float, Color]] = field(default_factory=list)  # x, y, radius in pixels, colour

    @property
    def focal(self) -> float:
        return 0.82 * self.width

    def bend(self, z: float) -> float:
        """Metres by which the road has moved to the side `z` metres ahead."""
        curvature, period = self.drive.bends
        ahead = curvature * np.sin((self.s + 0.5 * z) / period * 2 * np.pi)
        return float(ahead * z * z / 2)

    def at(self, x: float, y: float, z: float) -> Point:
        """Pixel of a point whose x counts from the road's middle."""
        z = max(z, NEAREST)
        own_lane = LANE_WIDTH / 2
        u = self.width / 2 + self.focal * (x - own_lane + self.bend(z)) / z
        return u, self.horizon + self.focal * (CAMERA_HEIGHT - y) / z

    def lit(self, color: Color, z: float) -> Color:
        """Colour of a thing `z` metres ahead in this light and air."""
        weather = self.drive.weather
        own_light = weather.headlights * float(np.exp(-z / 22))
        clear = float(np.exp(-z / weather.haze_distance))
        mixed = (
            clear * part * min(1.25, share + own_light) + (1 - clear) * haze
            for part, share, haze in zip(color, weather.ambient, weather.haze, strict=True)
        )
        red, green, blue = (int(min(255, max(0, part))) for part in mixed)
        return red, green, blue

    def fill(self, color: Color, *points: Point) -> None:
        """Paint a polygon."""
        self.pen.polygon(points, fill=color)

    def upright(self, color: Color, z: float, left: float, right: float, bottom: float, top: float) -> None:
        """Paint a rectangle that faces the camera; edges in metres."""
        self.fill(
            color, self.at(left, bottom, z), self.at(left, top, z), self.at(right, top, z), self.at(right, bottom, z)
        )

    def flat(self, color: Color, near: float, far: float, left: float, right: float, height: float = 0.0) -> None:
        """Paint a rectangle that lies on the road; edges in metres."""
        self.fill(
            color,
            self.at(left, height, near),
            self.at(left, height, far),
            self.at(right, height, far),
            self.at(right, height, near),
        )

    def side(self, color: Color, x: float, near: float, far: float, bottom: float, top: float) -> None:
        """Paint a wall along the road; edges in metres."""
        self.fill(color, self.at(x, bottom, near), self.at(x, top, near), self.at(x, top, far), self.at(x, bottom, far))

    def disc(self, color: Color, x: float, y: float, z: float, radius: float, squash: float = 1.0) -> None:
        """Paint a disc that faces the camera; position and radius in metres."""
        u, v = self.at(x, y, z)
        across = self.focal * radius / z
        self.pen.ellipse((u - across, v - across * squash, u + across, v + across * squash), fill=color)

    def glow(self, color: Color, x: float, y: float, z: float, radius: float) -> None:
        """Add light around a point; position and radius in metres."""
        u, v = self.at(x, y, z)
        pixels = min(self.focal * radius / z, self.width / 5)
        if pixels >= 2 and -pixels < u < self.width + pixels:
            dimmed = float(np.exp(-z / (2 * self.drive.weather.haze_distance)))
            red, green, blue = (int(part * dimmed) for part in color)
            self.glows.append((u, v, pixels, (red, green, blue)))


def tint(color: Color, factor: float) -> Color:
    """Make a colour darker (below 1) or brighter (above 1)."""
    red, green, blue = (int(min(255, part * factor)) for part in color)
    return red, green, blue


def _building(frame: _Frame, thing: Thing, z: float) -> None:
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


def _tree(frame: _Frame, thing: Thing, z: float) -> None:
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


def _lamp(frame: _Frame, thing: Thing, z: float) -> None:
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


def _post(frame: _Frame, thing: Thing, z: float) -> None:
    """A white delineator post with a reflector."""
    if z < NEAREST:
        return
    frame.upright(frame.lit((226, 228, 226), z), z, thing.x - 0.07, thing.x + 0.07, 0, 1.0)
    frame.upright(frame.lit((30, 30, 32), z), z, thing.x - 0.07, thing.x + 0.07, 0.72, 0.9)
    if frame.drive.weather.headlights:
        frame.glow((230, 230, 220), thing.x, 0.8, z, 0.16)


def _rail(frame: _Frame, thing: Thing, z: float) -> None:
    """One slice of a crash barrier."""
    near, far = max(z, NEAREST), z + SLICE
    if far <= NEAREST:
        return
    frame.side(frame.lit((172, 178, 182), near), thing.x, near, far, 0.45, 0.8)
    frame.side(frame.lit((112, 118, 124), near), thing.x, near, far, 0.58, 0.65)
    if z > NEAREST:
        frame.upright(frame.lit((120, 124, 128), z), z, thing.x - 0.06, thing.x + 0.06, 0, 0.6)


def _sign(frame: _Frame, thing: Thing, z: float) -> None:
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


def _traffic_light(frame: _Frame, thing: Thing, z: float) -> None:
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


def _tunnel(frame: _Frame, thing: Thing, z: float) -> None:
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


def _car(frame: _Frame, thing: Thing, z: float) -> None:
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


_PAINTERS: dict[str, Callable[[_Frame, Thing, float], None]] = {
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


def backdrop(weather: Weather, width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """Paint what is too far to move: sky, clouds, sun, stars, hills or a skyline. Half as wide again as a picture."""
    wide = width * 3 // 2
    horizon = int(0.47 * height)
    down = np.clip(np.arange(height) / horizon, 0, 1)[:, None, None] ** 1.3
    top, bottom = np.array(weather.sky_top), np.array(weather.sky_bottom)
    sky = np.broadcast_to(top + (bottom - top) * down, (height, wide, 3)).astype(np.float64)
    if weather.sun:
        across, up, radius, color = weather.sun
        rows, columns = np.mgrid[:height, :wide]
        distance = np.hypot(columns - across * wide, rows - up * height) / height
        shine = np.exp(-((distance / (3.5 * radius)) ** 2)) * 0.55 + (distance < radius)
        sky = sky + (np.array(color) - sky) * np.clip(shine, 0, 1)[..., None]
    if weather.clouds:
        cover = np.zeros((height, wide))
        for cells, share in ((5, 0.5), (11, 0.3), (23, 0.2)):
            grid = Image.fromarray((rng.random((cells, 2 * cells)) * 255).astype(np.uint8))
            cover += share * np.asarray(grid.resize((wide, height), Image.Resampling.BICUBIC)) / 255
        veil = np.clip((cover - 0.62 + 0.25 * weather.clouds) * 4, 0, 1) * weather.clouds * (1 - 0.5 * down[..., 0])
        brightness = 0.5 * bottom + 0.5 * np.array([250, 250, 252]) * np.array(weather.ambient)
        sky = sky + (brightness - sky) * veil[..., None]
    image = Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    if weather.stars:
        for _ in range(90):
            x, y, light = (int(rng.integers(*limits)) for limits in ((0, wide), (0, int(horizon * 0.8)), (90, 220)))
            pen.ellipse((x, y, x + 1, y + 1), fill=(light, light, min(255, light + 20)))
    if weather.skyline:
        for layer, color in enumerate(weather.hills):
            left = 0
            while left < wide:
                across, tall = int(rng.integers(24, 64)), int(height * rng.uniform(0.05, 0.19 - 0.05 * layer))
                pen.rectangle((left, horizon - tall, left + across, horizon), fill=color)
                for _ in range(6 if weather.lamps_on else 0):
                    x, y = left + int(rng.integers(4, across - 4)), horizon - int(rng.integers(2, tall))
                    pen.rectangle((x, y, x + 2, y + 2), fill=(206, 176, 106))
                left += across
    else:
        columns = np.arange(wide)
        for layer, color in enumerate(weather.hills):
            ridge = sum(
                np.sin(columns / wide * 2 * np.pi * waves + rng.uniform(0, 6)) / waves for waves in (2, 3, 5, 9, 17)
            )
            tops = horizon - height * (0.075 - 0.03 * layer + 0.022 * np.asarray(ridge))
            outline = list(zip(columns.tolist(), tops.tolist(), strict=True))
            pen.polygon([(0, horizon), *outline, (wide, horizon)], fill=color)
    return image


def _road(frame: _Frame) -> None:
    """Ground, road, lines, far to near."""
    drive, weather = frame.drive, frame.drive.weather
    left, right = -LANE_WIDTH * drive.lanes[0], LANE_WIDTH * drive.lanes[1]
    first = int(np.floor(frame.s / SLICE))
    for number in range(first + int(FARTHEST / SLICE), first - 1, -1):
        near, far = max(number * SLICE - frame.s, NEAREST), (number + 1) * SLICE - frame.s
        if far <= NEAREST:
            continue
        v_near, v_far = frame.at(0, 0, near)[1] + 1, frame.at(0, 0, far)[1]
        if near == NEAREST:
            v_near = frame.height
        ground = frame.lit(weather.ground[number // 2 % 2], near)
        frame.pen.rectangle((0, min(v_far, v_near), frame.width, v_near), fill=ground)
        if drive.sidewalk:
            paving = ((150, 148, 144), (142, 140, 137))[number % 2]
            frame.flat(frame.lit(paving, near), near, far, left - 3.4, right + 3.4)
            frame.flat(frame.lit((178, 176, 170), near), near, far, left - 0.35, right + 0.35)
        else:
            frame.flat(frame.lit(tint(weather.asphalt, 0.85), near), near, far, left - 0.9, right + 0.9)
        frame.flat(frame.lit(tint(weather.asphalt, 1 + 0.03 * (number // 3 % 2)), near), near, far, left, right)
        paint = frame.lit((226, 226, 218), near)
        for edge in (left + 0.25, right - 0.25):
            frame.flat(paint, near, far, edge - 0.07, edge + 0.07)
    separators = [LANE_WIDTH * lane for lane in range(1 - drive.lanes[0], drive.lanes[1])]
    start = np.floor(frame.s / 9) * 9
    for dash in np.arange(start + 9 * 13, start - 1, -9):
        near, far = max(dash - frame.s, NEAREST), dash + 3.5 - frame.s
        for separator in separators if far > NEAREST else []:
            frame.flat(frame.lit((230, 228, 214), near), near, far, separator - 0.08, separator + 0.08)


def _add_glows(image: Image.Image, glows: list[tuple[float, float, float, Color]]) -> None:
    """Add light around lamps, in place; positions are those of the picture at twice its size."""
    for u, v, radius, color in glows:
        half = max(2, int(radius / 2))
        box = (int(u / 2) - half, int(v / 2) - half, int(u / 2) + half, int(v / 2) + half)
        light = Image.merge("RGB", [_SPRITE.point([level * part // 255 for level in range(256)]) for part in color])
        light = light.resize((2 * half, 2 * half), Image.Resampling.BILINEAR)
        image.paste(ImageChops.add(image.crop(box), light), box[:2])


def _glow_sprite(side: int = 64) -> Image.Image:
    """A round spot of light that fades outwards."""
    rows, columns = np.mgrid[:side, :side]
    distance = np.hypot(rows - side / 2 + 0.5, columns - side / 2 + 0.5) / (side / 2)
    level = np.clip(1 - distance, 0, 1) ** 2.4
    return Image.fromarray((level * 255).astype(np.uint8))


_SPRITE = _glow_sprite()


def _rain(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Wet road, streaks and drops on the windscreen."""
    width, height = image.size
    horizon = int(0.47 * height)
    mirrored = image.crop((0, 0, width, horizon)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirrored = mirrored.resize((width, height - horizon)).filter(ImageFilter.GaussianBlur(3))
    below = (0, horizon, width, height)
    image.paste(Image.blend(image.crop(below), mirrored, 0.3), below)
    pen = ImageDraw.Draw(image, "RGBA")
    for _ in range(110):
        x, y, length = rng.uniform(0, width), rng.uniform(-10, height), rng.uniform(5, 17)
        pen.line((x, y, x - 0.14 * length, y + length), fill=(214, 222, 232, int(rng.integers(30, 85))))
    return image


def _drops(image: Image.Image, places: NDArray[np.float64]) -> None:
    """Drops on the windscreen show the scene upside down; x, y, radius as shares of the width, in place."""
    width, height = image.size
    for x, y, size in places:
        radius = max(2, int(size * width))
        box = (int(x * width) - radius, int(y * height) - radius, int(x * width) + radius, int(y * height) + radius)
        seen = image.crop((box[0] - 8, box[1] - 8, box[2] + 8, box[3] + 8)).transpose(Image.Transpose.ROTATE_180)
        lens = seen.resize((2 * radius, 2 * radius)).point([min(255, int(level * 1.18)) for level in range(256)] * 3)
        mask = Image.new("L", (2 * radius, 2 * radius))
        ImageDraw.Draw(mask).ellipse((0, 0, 2 * radius - 1, 2 * radius - 1), fill=205)
        image.paste(lens, box[:2], mask)


def paint(
    drive: Drive,
    far_scene: Image.Image,
    size: tuple[int, int],
    s: float,
    time_s: float,
    rng: np.random.Generator,
    drops: NDArray[np.float64] | None = None,
) -> Image.Image:
    """Paint one picture.

    Args:
        drive: What there is to see.
        far_scene: From `backdrop`, for twice `size`.
        size: Width and height in pixels.
        s: Metres driven.
        time_s: Seconds since the start: says where the other cars are.
        rng: For rain and for the sensor's noise.
        drops: Shape (n, 3), shares of the width: rain drops on the windscreen.

    Returns:
        An RGB picture.
    """
    width, height = 2 * size[0], 2 * size[1]
    image = Image.new("RGB", (width, height))
    horizon = 0.47 * height + 1.2 * np.sin(s * 0.9)
    frame = _Frame(drive, width, height, s, float(horizon), image, ImageDraw.Draw(image))
    heading = frame.bend(120.0) / 120.0
    offset = int(np.clip(width / 4 + heading * width * 0.6, 0, width / 2))
    image.paste(far_scene.crop((offset, 0, offset + width, height)), (0, int(horizon - 0.47 * height)))
    _road(frame)
    ahead = ((thing.s + thing.speed * time_s - s, thing) for thing in drive.things)
    seen = [(z, thing) for z, thing in ahead if -14 < z < FARTHEST]
    for z, thing in sorted(seen, key=lambda item: -item[0]):
        _PAINTERS[thing.kind](frame, thing, z)
    frame.pen.ellipse((0.08 * width, 0.93 * height, 0.92 * width, 1.3 * height), fill=drive.bonnet)
    frame.pen.ellipse((0.12 * width, 0.945 * height, 0.88 * width, 1.3 * height), fill=tint(drive.bonnet, 1.22))
    small = image.reduce(2)
    _add_glows(small, frame.glows)
    if drive.weather.rain:
        small = _rain(small, rng)
        if drops is not None:
            _drops(small, drops)
    return _develop(small, drive.noise, rng)


def _develop(image: Image.Image, noise: float, rng: np.random.Generator) -> Image.Image:
    """Add what a camera adds: darker corners and noise."""
    width, height = image.size
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    corners = (1 - 0.16 * (across + down))[..., None]
    levels = np.asarray(image, dtype=np.float32) * corners
    levels += noise * rng.standard_normal((height, width, 1), dtype=np.float32)
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
