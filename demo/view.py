"""The picture that is being painted of a drive, and where the camera is.

The world is flat. x is metres to the right of the camera, y metres above the road, z metres ahead; s is metres along
the road from the start of the drive.
"""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

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
class View:
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
        """The focal length in pixels."""
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
