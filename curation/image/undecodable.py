"""The errors of images that cannot be decoded."""


class UndecodableImageError(Exception):
    """The image cannot be decoded completely.

    Args:
        reason: for the user.
        limit: the parameter whose limit it exceeds; empty if it is damaged or no image.
    """

    def __init__(self, reason: str, limit: str = "") -> None:
        super().__init__(reason)
        self.limit = limit


class UnsupportedImageError(UndecodableImageError):
    """The image may be sound, but is of a kind that nothing here reads as it is meant; the reason says what would."""


def require_values(*, is_empty: bool) -> None:
    """Make sure that an image of more than 8 bits a channel shows anything; see `DecodedImage.is_empty`.

    Raises:
        UndecodableImageError: it does not.
    """
    if is_empty:
        raise UndecodableImageError("none of its pixels has a value: all are NaN, infinite, or stand for no data")


def require_pixels(width: int, height: int, max_pixels: int) -> None:
    """Make sure that an image has pixels, and not too many.

    Raises:
        UndecodableImageError: it has not.
    """
    if width * height > max_pixels:
        raise UndecodableImageError(
            f"{width} x {height} = {width * height} pixels, more than clean.max_pixels ({max_pixels})",
            limit="clean.max_pixels",
        )
    if width * height == 0:
        raise UndecodableImageError("the image has no pixels")
