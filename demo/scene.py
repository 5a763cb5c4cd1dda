"""Pictures of a drive: a road in perspective with what stands and moves beside it.

A picture is painted from far to near at twice its size and scaled down. What x, y, z and s are: see `demo.view`.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from demo.things import PAINTERS
from demo.view import FARTHEST, LANE_WIDTH, NEAREST, SLICE, Color, Drive, View, Weather, tint


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


def _road(frame: View) -> None:
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
    frame = View(drive, width, height, s, float(horizon), image, ImageDraw.Draw(image))
    heading = frame.bend(120.0) / 120.0
    offset = int(np.clip(width / 4 + heading * width * 0.6, 0, width / 2))
    image.paste(far_scene.crop((offset, 0, offset + width, height)), (0, int(horizon - 0.47 * height)))
    _road(frame)
    ahead = ((thing.s + thing.speed * time_s - s, thing) for thing in drive.things)
    seen = [(z, thing) for z, thing in ahead if -14 < z < FARTHEST]
    for z, thing in sorted(seen, key=lambda item: -item[0]):
        PAINTERS[thing.kind](frame, thing, z)
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
