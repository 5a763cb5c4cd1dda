"""What Pillow keeps for the whole process, set as decoding here needs it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageFile

_SETTINGS_LOCK = threading.RLock()


@contextmanager
def own_pillow_settings() -> Iterator[None]:
    """Set it while images are decoded.

    Its own pixel limit is off, `max_pixels` stands in for it; cut files are errors, which WeasyPrint switches off.
    """
    with _SETTINGS_LOCK:
        former = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, False
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = former
