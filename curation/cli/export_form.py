"""The form that exported pictures have, as the options of `export` ask for it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

import click

from curation.export.batches import PictureFormat
from curation.export.images import scaled_size
from curation.image.proxies import proxy_dimensions
from curation.params.schema import Params


class Form(NamedTuple):
    """The form that pictures have.

    Attributes:
        picture_format: of their files.
        size: short side in pixels that they are scaled down to; None = full size.
        is_proxy: whether they are the pipeline's own small files.
    """

    picture_format: PictureFormat
    size: int | None
    is_proxy: bool


def form_of(picture_format: str | None, size: int | None, *, proxies: bool) -> Form:
    """Return the form that pictures are asked for in.

    Raises:
        UsageError: the options contradict each other.
    """
    if proxies:
        if picture_format is not None or size is not None:
            raise click.UsageError("--proxies have a format and a size: leave --format and --size away")
        return Form("jpg", None, True)
    chosen = cast(PictureFormat, picture_format or "original")
    if size is not None and chosen == "original":
        raise click.UsageError("--size needs --format png or jpg, since original files stay as they are")
    return Form(chosen, size, False)


def scale_of(form: Form, params: Params) -> Callable[[int, int], tuple[int, int]]:
    """Return what tells the size of a picture in a form, from width and height of its sample."""
    if form.is_proxy:
        return partial(proxy_dimensions, proxy_size=params.clean.proxy_size)
    return partial(scaled_size, size=form.size)
