"""Videos decoded as one call, for tests that look at the result alone."""

from collections.abc import Callable
from pathlib import Path

from curation.image.window import WindowOf, own_window
from curation.video.decode import decode_video
from curation.video.decoded_video import DecodedVideo
from curation.video.sampling import EVERY_FRAME, FrameChoice

LIMIT = 100_000_000
"""Pixels of a frame at most."""


def decoded(path: Path, choice: FrameChoice = EVERY_FRAME, *, threshold: float = 0.1, threads: int = 1) -> DecodedVideo:
    """Return a decoded video without its proxies."""
    return decoded_with_proxies(path, choice, threshold=threshold, threads=threads)[0]


def decoded_with_proxies(
    path: Path,
    choice: FrameChoice = EVERY_FRAME,
    *,
    threshold: float = 0.1,
    threads: int = 1,
    max_pixels: int = LIMIT,
    proxy_size: int = 64,
    progress: Callable[[int], object] | None = None,
    window_of: WindowOf = own_window,
) -> tuple[DecodedVideo, dict[int, bytes]]:
    """Return a decoded video, and its proxies by the indices of their frames; for the arguments see `decode_video`."""
    proxies: dict[int, bytes] = {}
    video = decode_video(
        path,
        max_pixels=max_pixels,
        proxy_size=proxy_size,
        corruption_threshold=threshold,
        threads=threads,
        add_proxy=proxies.__setitem__,
        restart=proxies.clear,
        choice=choice,
        progress=progress,
        window_of=window_of,
    )
    return video, proxies
