"""Decoding files of several images: each wanted page once, one at a time in memory, and every page accounted for."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from curation.core.records import Records
from curation.image.crops import Cropping, WantedBox
from curation.image.decode import decode_page
from curation.image.decoded_sample import DecodedSample
from curation.image.pages import Page, page_count, read_pages
from curation.image.undecodable import UndecodableImageError, UnsupportedImageError, require_values
from curation.image.window import ValueRange, Window, WindowOf
from curation.video.frame_samples import FrameKeeper, Work
from curation.video.sampling import FrameChoice, thinned


@dataclass(frozen=True)
class DecodedPages:
    """The result of one pass over a file of several images.

    Attributes:
        samples: the chosen pages as far as the file was read, damaged ones among them.
        missing: chosen pages that come after what could be read.
        reason: why the whole file is refused, or what else there is to say; else empty.
        is_corrupt: whether it is refused.
        limit: the parameter whose limit it exceeds, if it is refused for that; else empty.
        is_unsupported: whether it is refused since a page is of a kind that is not read.
        skipped: pages that were left out on purpose.
        decoded: pages that the file has.
        values: of pages of more than 8 bits a channel, the range of their values; else None.
        window: through which these are seen in the proxies; None where that differs from page to page.
    """

    samples: Sequence[DecodedSample]
    missing: int
    reason: str
    is_corrupt: bool
    limit: str = ""
    is_unsupported: bool = False
    skipped: int = 0
    decoded: int = 0
    values: ValueRange | None = None
    window: Window | None = None


def decode_pages(
    path: Path,
    *,
    max_pixels: int,
    proxy_size: int,
    corruption_threshold: float,
    add_proxy: Callable[[int, bytes], None],
    progress: Callable[[int], None],
    choice: FrameChoice,
    cropping: Cropping,
    window_of: WindowOf,
) -> DecodedPages:
    """Decode a file of several images.

    Args:
        path: the file.
        max_pixels: a file with larger pages is refused.
        proxy_size: short side of the proxies in pixels.
        corruption_threshold: share of damaged and missing pages above which the whole file counts as corrupt. Without
            influence where pages are chosen that are known from before.
        add_proxy: takes index and JPEG bytes of each sound page whose pixels are new in this file.
        progress: takes the number of pages done since the last call.
        choice: of pages; they have no time stamps, so its rate has no influence.
        cropping: what to cut out of sound pages whose pixels are new in this file.
        window_of: says through which window values of more than 8 bits are seen.
    """
    pages = page_count(path)
    wanted = _chosen(pages, choice)
    keeper = _Keeper(FrameKeeper(add_proxy, cropping), cropping.boxes)
    try:
        for page in read_pages(path, wanted, max_pixels):
            keeper.keep(page, proxy_size, window_of)
            progress(1)
    except UndecodableImageError as error:
        is_unsupported = isinstance(error, UnsupportedImageError)
        return DecodedPages([], len(wanted), str(error), True, error.limit, is_unsupported, pages - len(wanted), pages)
    threshold = 1.0 if choice.known is not None else corruption_threshold
    skipped = max(0, pages - len(wanted))
    return replace(_judged(keeper, len(wanted), threshold), skipped=skipped, decoded=pages)


def _chosen(pages: int, choice: FrameChoice) -> Sequence[int]:
    """Return the indices of the pages to take, ascending."""
    if choice.known is not None:
        return sorted(choice.known)
    everything = range(pages)  # of which a damaged header may promise any number
    return everything if choice.limit is None or pages <= choice.limit else thinned(everything, choice.limit)


@dataclass
class _Keeper:
    """Takes each page in their order, and hands over the proxies.

    Attributes:
        frames: takes them as it takes the frames of a video.
        boxes: to be cut out of pages, by their index.
        samples: what is kept of the pages so far.
        first_fault: what is wrong with the first damaged page; empty where all are sound.
    """

    frames: FrameKeeper
    boxes: Mapping[int, Sequence[WantedBox]]
    samples: Records[DecodedSample] = field(default_factory=lambda: Records(DecodedSample))
    first_fault: str = ""

    def keep(self, page: Page, proxy_size: int, window_of: WindowOf) -> None:
        """Take the next page."""
        work = self._work(page, proxy_size, window_of)
        if work.fault:
            self.first_fault = self.first_fault or f"page {page.index}: {work.fault}"
        self.samples.append(self.frames.keep(page.index, math.nan, work))

    def _work(self, page: Page, proxy_size: int, window_of: WindowOf) -> Work:
        if page.stored is None:
            return Work(0, 0, page.fault)
        try:
            boxes = self.boxes.get(page.index, ())
            image = decode_page(page.stored, proxy_size=proxy_size, boxes=boxes, window_of=window_of)
            require_values(is_empty=image.is_empty)
        except UndecodableImageError as error:
            return Work(0, 0, str(error))
        work = Work(image.width, image.height, "", image.pixel_hash, image.proxy, image.quality, image.crops)
        return work._replace(values=image.values, window=image.window, note=image.note)


def _judged(keeper: _Keeper, wanted: int, corruption_threshold: float) -> DecodedPages:
    """Decide whether the file as a whole is corrupt."""
    damaged = sum(bool(sample.fault) for sample in keeper.samples)
    missing = wanted - len(keeper.samples)
    share = (damaged + missing) / wanted
    views = keeper.frames.views
    reason = views.told("page")
    if damaged or missing:
        reason = f"{damaged} damaged and {missing} missing of {wanted} pages (first error: {keeper.first_fault})"
    is_corrupt = share == 1 or share > corruption_threshold
    if is_corrupt:
        reason += f": {100 * share:.1f} %, more than clean.corruption_threshold"
    return DecodedPages(keeper.samples, missing, reason, is_corrupt, values=views.values, window=views.window)
