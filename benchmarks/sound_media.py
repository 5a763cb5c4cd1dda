"""Small sound images and videos from a seed, in many formats, to be damaged."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.media_files import VIDEO_FORMATS, moving_picture, write_video_as

FRAMES = 40
LARGE_FRAMES = 8
_VARIANTS = 4
"""Sound images of each format."""


IMAGE_FORMATS: dict[str, tuple[str, dict[str, object]]] = {
    "baseline.jpg": ("RGB", {"quality": 85}),
    "progressive.jpg": ("RGB", {"quality": 85, "progressive": True}),
    "cmyk.jpg": ("CMYK", {"quality": 85}),
    "grey.jpg": ("L", {"quality": 85}),
    "colour.png": ("RGB", {}),
    "transparent.png": ("RGBA", {}),
    "palette.png": ("P", {}),
    "grey16.png": ("I;16", {}),
    "still.gif": ("P", {}),
    "animated.gif": ("P", {"save_all": True}),
    "colour.bmp": ("RGB", {}),
    "colour.ppm": ("RGB", {}),
    "grey.pgm": ("L", {}),
    "raw.tif": ("RGB", {}),
    "lzw.tif": ("RGB", {"compression": "tiff_lzw"}),
    "deflate.tif": ("RGB", {"compression": "tiff_adobe_deflate"}),
    "jpeg.tif": ("RGB", {"compression": "jpeg"}),
    "lossy.webp": ("RGB", {"quality": 80}),
    "lossless.webp": ("RGBA", {"lossless": True}),
    "colour.avif": ("RGB", {"quality": 70, "speed": 10}),
    "colour.jp2": ("RGB", {}),
    "rle.tga": ("RGB", {"compression": "tga_rle"}),
}
"""Mode and options of Pillow's writers, by the end of the file's name."""


def write_sound_images(folder: Path, seed: int) -> list[str]:
    """Write the sound images; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number in range(_VARIANTS):
        for end, (mode, options) in IMAGE_FORMATS.items():
            size = (64 + 37 * number, 48 + 29 * number)
            pictures = [Image.fromarray(moving_picture(seed + number, index, *size)) for index in range(3)]
            if mode == "I;16":
                converted = [
                    Image.fromarray(np.asarray(each.convert("L")).astype(np.uint16) * 257) for each in pictures
                ]
            else:
                converted = [each.convert(mode) for each in pictures]
            more = {"append_images": converted[1:]} if "save_all" in options else {}
            name = f"{number}-{end}"
            converted[0].save(folder / name, **options, **more)  # type: ignore[arg-type]
            names.append(name)
    return names


def write_sound_videos(folder: Path, seed: int) -> list[str]:
    """Write the sound videos; returns their names."""
    for number, (name, form) in enumerate(VIDEO_FORMATS.items()):
        frames = FRAMES if form.size[0] < 500 else LARGE_FRAMES
        write_video_as(folder / name, form, frames=frames, seed=seed + number)
    return list(VIDEO_FORMATS)
