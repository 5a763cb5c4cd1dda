"""The few modes that images of at most 8 bits a channel are brought to, and what others were brought to formerly."""

import numpy as np
from PIL import Image, ImageCms

from curation.image.stored import StoredImage, pixel_hash_of
from curation.image.values import Values


def normalised(image: Image.Image) -> Image.Image:
    """Convert an image of at most 8 bits a channel to `RGBA` or `RGB`, keeping what the file says about its pixels."""
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        shown = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        assert shown is not None
        return shown
    return image.convert("RGB")


def former_hash(image: Image.Image, orientation: int) -> str:
    """Return the hash that an image of more than 8 bits a channel had when of colours only the upper 8 counted.

    Args:
        image: not yet decoded.
        orientation: of EXIF, 1 to 8.
    """
    image.load()
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        pixels = np.array(image)
        if image.mode.startswith("I;16"):
            pixels = pixels.astype("<u2")
        if "transparency" not in image.info:
            return pixel_hash_of(StoredImage(Values(pixels), orientation))
    return pixel_hash_of(StoredImage(normalised(image), orientation))
