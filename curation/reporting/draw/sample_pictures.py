"""Where the report's pictures of samples come from."""

from collections.abc import Callable, Collection, Mapping, Sequence

import pandas as pd
from PIL import Image

from curation.image.proxies import ProxyReader
from curation.reporting.draw.pictures import PictureReader

_RAW_FRAMES = 2_000
"""Frames that may be decoded again for the explorer's pictures of samples that have no proxy any more: seconds."""

_RAW_FRAMES_OF_A_VIDEO, _FRAMES_AN_IMAGE_IS_WORTH = 16, 10

RawReader = Callable[[Sequence[tuple[str, int]]], Sequence[Image.Image | None]]
"""Decodes samples, each a raw file's path and a frame index, from the raw files."""

KeptReader = Callable[[Collection[str]], Mapping[str, Image.Image]]
"""Decodes the full-size pictures that stayed with the datapool, of those samples that have one, by filename."""


def no_kept_picture(_: Collection[str]) -> Mapping[str, Image.Image]:
    """Return no picture: none stayed with the datapool."""
    return {}


def picture_reader(
    samples: pd.DataFrame,
    without_proxy: pd.DataFrame,
    proxies: ProxyReader,
    read_raw: RawReader,
    read_kept: KeptReader = no_kept_picture,
) -> PictureReader:
    """Return a reader that takes proxies where there are some, then what was kept, and decodes the raw file otherwise.

    Args:
        samples: columns of `curation.tables.samples.SAMPLES`: those with a proxy.
        without_proxy: further samples: `filename`, `raw_path` and `frame`.
        proxies: reads the shards.
        read_raw: decodes raw files.
        read_kept: decodes full-size pictures that stayed with the datapool.
    """

    def read(filenames: Sequence[str]) -> Mapping[str, Image.Image]:
        with_proxy = samples[samples["filename"].isin(filenames)]
        places = zip(with_proxy["filename"], with_proxy["shard"], with_proxy["member"], strict=True)
        pictures = {name: proxies.image(shard, member) for name, shard, member in places}
        if missing := set(filenames) - set(pictures):
            pictures.update(read_kept(missing))
        if missing := missing - set(pictures):
            rest = without_proxy[without_proxy["filename"].isin(missing)]
            decoded = read_raw(list(zip(rest["raw_path"], rest["frame"].astype(int), strict=True)))
            pictures.update({name: image for name, image in zip(rest["filename"], decoded, strict=True) if image})
        return pictures

    return read


def cheap_to_decode(samples: pd.DataFrame, kept: Collection[str] = ()) -> list[str]:
    """Choose samples without a proxy that can be decoded in a few seconds, cheapest files first.

    A video has to be decoded up to the last frame that is wanted of it.

    Args:
        samples: filename, raw_path, frame, time_s.
        kept: filenames of those whose picture stayed with the datapool; it costs what an image costs.
    """
    has_one = samples["filename"].isin(set(kept))
    costs = [(_FRAMES_AN_IMAGE_IS_WORTH, str(name), [str(name)]) for name in samples.loc[has_one, "filename"]]
    samples = samples[~has_one]
    for path, group in samples.sort_values("frame").groupby("raw_path", sort=True):
        first = group.head(_RAW_FRAMES_OF_A_VIDEO)
        is_image = first["time_s"].isna().any()
        cost = _FRAMES_AN_IMAGE_IS_WORTH if is_image else int(first["frame"].max()) + 1
        costs.append((cost, str(path), list(first["filename"])))
    result: list[str] = []
    left = _RAW_FRAMES
    for cost, _, names in sorted(costs):
        left -= cost
        if left < 0:
            break
        result += names
    return result
