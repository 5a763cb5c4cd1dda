"""The drives that the demo's clips show."""

from dataclasses import dataclass

import numpy as np

from demo.view import LANE_WIDTH, SLICE, Color, Drive, Thing, Weather

FRAMES_PER_SECOND = 12

CAR_COLORS: tuple[Color, ...] = (
    (168, 36, 38),
    (232, 232, 228),
    (40, 70, 128),
    (52, 54, 58),
    (188, 190, 192),
    (206, 150, 48),
)
FACADES: tuple[Color, ...] = ((186, 158, 128), (172, 110, 88), (204, 196, 180), (142, 148, 156), (198, 172, 112))


@dataclass(frozen=True)
class Encoding:
    """The compression of a clip: always by one thread, which makes the bytes depend on the pictures alone."""

    codec: str
    options: tuple[tuple[str, str], ...]
    bit_rate: int | None = None


@dataclass(frozen=True)
class Clip:
    """One clip: where the file lies, how it is compressed, and the drive that it shows."""

    path: str
    encoding: Encoding
    drive: Drive
    positions: tuple[float, ...]  # metres driven, one a frame
    green_from: int = 0  # frame in which traffic lights turn green


def _steady(frames: int, speed: float) -> tuple[float, ...]:
    """Positions at constant speed (m/s)."""
    return tuple(frame * speed / FRAMES_PER_SECOND for frame in range(frames))


def _stop_and_go(approach: int, standing: int, leaving: int, distance: float) -> tuple[float, ...]:
    """Positions of a car that brakes to a stop after `distance` metres, stands, and drives off; numbers of frames."""
    braking = distance * (1 - (1 - np.arange(approach) / approach) ** 1.8)
    starting = distance + 0.5 * 2.6 * (np.arange(1, leaving + 1) / FRAMES_PER_SECOND) ** 2 * 1.6
    return (*braking.tolist(), *([distance] * standing), *starting.tolist())


def _pick(rng: np.random.Generator, colors: tuple[Color, ...]) -> Color:
    return colors[int(rng.integers(len(colors)))]


def _between(s: float, limits: tuple[float, float] | None) -> bool:
    """Return whether `s` lies inside `limits`; where there are none it does not."""
    return limits is not None and limits[0] < s < limits[1]


def _city(rng: np.random.Generator, length: float, trees: tuple[Color, ...]) -> list[Thing]:
    """Houses, trees, lamps and parked cars on both sides of `length` metres of a street with one lane a way."""
    things: list[Thing] = []
    for side in (-1, 1):
        s = -20.0
        while s < length:
            variant = int(rng.integers(0, 9))
            height = float(rng.uniform(7, 16))
            things.append(Thing("building", s, side * (LANE_WIDTH + 5.2), height, _pick(rng, FACADES), variant=variant))
            s += 9.0 + 3 * (variant % 3) + float(rng.choice([0.3, 0.3, 5.0]))
        for s in np.arange(6, length, 24):
            things.append(Thing("lamp", float(s) + 6 * side, side * (LANE_WIDTH + 0.9)))
        for s in np.arange(0, length, 13):
            if rng.random() < 0.6:
                size = float(rng.uniform(4.2, 6.2))
                things.append(Thing("tree", float(s) + 3, side * (LANE_WIDTH + 2.7), size, _pick(rng, trees)))
            elif rng.random() < 0.6:
                color = _pick(rng, CAR_COLORS)
                things.append(Thing("car", float(s) + 5, side * (LANE_WIDTH + 1.4), color=color))
    return things


def _red_light(rng: np.random.Generator) -> Clip:
    weather = Weather(
        sky_top=(70, 130, 202),
        sky_bottom=(196, 220, 236),
        haze=(198, 214, 226),
        haze_distance=190,
        ground=((112, 146, 82), (104, 138, 76)),
        asphalt=(92, 94, 98),
        ambient=(1.0, 1.0, 0.97),
        clouds=0.85,
        sun=(0.72, 0.12, 0.035, (255, 250, 228)),
        hills=((158, 176, 192), (140, 158, 172)),
        skyline=True,
    )
    stop = 44.0
    things = _city(rng, 230, ((78, 128, 58), (96, 146, 66), (66, 112, 62)))
    light = stop + 11.5
    clear = {"car": (stop - 4, light + 8), "tree": (stop + 1, light + 6), "lamp": (stop + 1, light + 4)}
    things = [thing for thing in things if not _between(thing.s, clear.get(thing.kind))]
    things += [
        Thing("traffic light", light, LANE_WIDTH + 0.7),
        Thing("sign", 26, LANE_WIDTH + 0.8, variant=1),
        Thing("car", 40, -LANE_WIDTH / 2, color=(206, 150, 48), speed=-8),
        Thing("car", 86, LANE_WIDTH / 2, color=(188, 44, 40), speed=0.3),
    ]
    positions = _stop_and_go(approach=32, standing=48, leaving=16, distance=stop)
    return Clip("batch1/city/red_light.mp4", H264, Drive(weather, tuple(things), sidewalk=True), positions, 80)


def _rain(rng: np.random.Generator) -> Clip:
    weather = Weather(
        sky_top=(104, 114, 126),
        sky_bottom=(160, 168, 174),
        haze=(152, 160, 168),
        haze_distance=62,
        ground=((84, 98, 76), (78, 92, 72)),
        asphalt=(66, 70, 76),
        ambient=(0.68, 0.72, 0.78),
        headlights=0.12,
        lamps_on=True,
        rain=True,
        clouds=1.0,
        hills=((144, 152, 160), (130, 138, 146)),
        skyline=True,
    )
    things = _city(rng, 270, ((70, 102, 60), (84, 116, 66)))
    things += [
        Thing("car", 17, LANE_WIDTH / 2, color=(44, 74, 132), speed=9.2),
        *(Thing("car", 60 + 62 * n, -LANE_WIDTH / 2, color=_pick(rng, CAR_COLORS), speed=-7) for n in range(4)),
    ]
    drive = Drive(weather, tuple(things), bends=(0.004, 150), sidewalk=True)
    return Clip("batch1/city/rain.webm", VP9, drive, _steady(80, 11.0))


def _dusk(rng: np.random.Generator) -> Clip:
    weather = Weather(
        sky_top=(52, 58, 112),
        sky_bottom=(250, 156, 88),
        haze=(226, 148, 106),
        haze_distance=130,
        ground=((124, 112, 66), (114, 104, 62)),
        asphalt=(96, 88, 90),
        ambient=(0.78, 0.6, 0.56),
        headlights=0.15,
        lamps_on=True,
        clouds=0.7,
        sun=(0.44, 0.4, 0.05, (255, 232, 160)),
        hills=((148, 92, 98), (92, 62, 78)),
    )
    things = [
        Thing("rail", float(s), x) for s in np.arange(0, 520, SLICE) for x in (-LANE_WIDTH - 1.1, 2 * LANE_WIDTH + 1.1)
    ]
    for s in np.arange(0, 520, 11):
        for side in (-1, 1):
            if rng.random() < 0.65:
                middle = 2.2 if side > 0 else 1.2
                x = side * (middle * LANE_WIDTH + float(rng.uniform(2.5, 14)))
                color = _pick(rng, ((74, 92, 50), (92, 104, 52), (60, 80, 56)))
                things.append(Thing("tree", float(s), x, float(rng.uniform(4, 9)), color, variant=int(rng.integers(2))))
    things += [
        Thing("sign", 120, 1.5 * LANE_WIDTH, color=(26, 78, 156)),
        Thing("sign", 300, 1.5 * LANE_WIDTH, color=(26, 78, 156)),
        Thing("car", 22, 1.5 * LANE_WIDTH, color=(206, 206, 202), speed=24, variant=2),
        Thing("car", 46, 0.5 * LANE_WIDTH, color=(152, 36, 40), speed=28),
        Thing("car", 70, 1.5 * LANE_WIDTH, color=(188, 190, 192), speed=22),
        Thing("car", 6, -0.5 * LANE_WIDTH, color=(40, 70, 128), speed=34),
    ]
    drive = Drive(weather, tuple(things), lanes=(1, 2), bends=(0.0016, 260), bonnet=(34, 30, 40))
    return Clip("batch1/highway/dusk.mkv", H264, drive, _steady(84, 27.0))


def _autumn(rng: np.random.Generator) -> Clip:
    weather = Weather(
        sky_top=(122, 164, 206),
        sky_bottom=(232, 232, 220),
        haze=(228, 226, 214),
        haze_distance=95,
        ground=((152, 136, 72), (142, 128, 66)),
        asphalt=(108, 104, 100),
        ambient=(1.0, 0.96, 0.88),
        clouds=0.5,
        hills=((168, 164, 150), (150, 118, 76)),
    )
    leaves = ((204, 112, 36), (188, 76, 38), (214, 160, 52), (150, 128, 52), (172, 58, 44))
    things: list[Thing] = []
    for s in np.arange(0, 330, 7):
        for side in (-1, 1):
            if rng.random() < 0.78:
                x = side * (LANE_WIDTH + float(rng.choice([2.4, 3.6, 7.0, 11.0])))
                things.append(Thing("tree", float(s), x, float(rng.uniform(5, 9)), _pick(rng, leaves)))
            if s % 28 == 0:
                things.append(Thing("post", float(s) + 2, side * (LANE_WIDTH + 0.9)))
    for place, side in ((58, 1), (150, -1), (214, 1), (222, -1)):
        things.append(Thing("building", place, side * (LANE_WIDTH + 9), 6.5, _pick(rng, FACADES), variant=place % 4))
    things += [
        Thing("sign", 96, LANE_WIDTH + 1.2, variant=1),
        Thing("car", 84, -LANE_WIDTH / 2, color=(232, 232, 228), speed=-12),
        Thing("car", 190, -LANE_WIDTH / 2, color=(206, 150, 48), speed=-12, variant=2),
        Thing("car", 34, LANE_WIDTH / 2, color=(62, 96, 74), speed=17),
    ]
    drive = Drive(weather, tuple(things), bends=(0.0055, 170))
    return Clip("batch2/country/autumn.avi", MPEG4, drive, _steady(76, 18.0))


def _night(rng: np.random.Generator) -> Clip:
    weather = Weather(
        sky_top=(6, 8, 22),
        sky_bottom=(34, 38, 66),
        haze=(22, 24, 40),
        haze_distance=105,
        ground=((70, 82, 58), (64, 76, 54)),
        asphalt=(104, 104, 110),
        ambient=(0.2, 0.22, 0.32),
        headlights=0.95,
        lamps_on=True,
        stars=True,
        sun=(0.66, 0.16, 0.028, (232, 234, 240)),
        hills=((20, 22, 40), (14, 16, 28)),
    )
    tunnel = (196.0, 336.0)
    things = [Thing("tunnel", float(s), variant=int(s == tunnel[0])) for s in np.arange(*tunnel, SLICE)]
    for s in np.arange(0, 560, 14):
        if tunnel[0] - 6 < s < tunnel[1] + 4:
            continue
        things += [Thing("post", float(s), x) for x in (-LANE_WIDTH - 1.1, 2 * LANE_WIDTH + 1.1)]
        for side in (-1, 1):
            if rng.random() < 0.6:
                middle = 2.2 if side > 0 else 1.2
                x = side * (middle * LANE_WIDTH + float(rng.uniform(2, 9)))
                things.append(Thing("tree", float(s), x, float(rng.uniform(5, 9)), (78, 98, 66), variant=1))
    things += [Thing("lamp", float(s), 2 * LANE_WIDTH + 1.6) for s in (20, 60, 100, 140)]
    things += [
        Thing("sign", 84, 1.5 * LANE_WIDTH, color=(22, 66, 140)),
        Thing("car", 24, 1.5 * LANE_WIDTH, color=(188, 190, 192), speed=24),
        Thing("car", 52, 0.5 * LANE_WIDTH, color=(232, 232, 228), speed=26),
        *(Thing("car", 150 + 130 * n, -0.5 * LANE_WIDTH, color=(60, 62, 66), speed=-25) for n in range(4)),
    ]
    drive = Drive(weather, tuple(things), lanes=(1, 2), bends=(0.0009, 320), noise=2.4, bonnet=(14, 15, 20))
    return Clip("batch2/highway/night.mkv", VP8, drive, _steady(88, 26.0))


CLIPS = (_red_light, _rain, _dusk, _autumn, _night)


H264 = Encoding("libx264", (("crf", "21"), ("preset", "veryfast"), ("x264-params", "threads=1:cpu-independent=1")))


# Not the deadline "realtime": it gives pictures the effort that the machine's load leaves, so bytes differ.
VP8 = Encoding("libvpx", (("deadline", "good"), ("cpu-used", "5"), ("crf", "12")), 1_600_000)


VP9 = Encoding("libvpx-vp9", (("deadline", "good"), ("cpu-used", "5"), ("crf", "30"), ("row-mt", "0")), 1_500_000)


MPEG4 = Encoding("mpeg4", (("qmin", "3"), ("qmax", "6")), 3_000_000)
