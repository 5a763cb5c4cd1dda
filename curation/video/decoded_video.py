"""The result of decoding a video: the frames that came, those that did not, and whether it counts as corrupt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

from curation.image.decoded_sample import DecodedSample
from curation.image.view import Views
from curation.image.window import ValueRange, Window
from curation.video.evidence import Tally
from curation.video.sampling import FrameChoice


@dataclass(frozen=True)
class DecodedVideo:
    """The result of one pass over a video.

    Attributes:
        frames: the chosen ones of those that came out of the decoder.
        missing: chosen frames that should have come, but did not: of all lost frames as large a share as was chosen of
            the others.
        reason: why the whole video counts as corrupt; if it does not, how many frames are missing and what else there
            is to say of it; else empty.
        is_corrupt: whether the whole video counts as corrupt.
        limit: the parameter whose limit it exceeds, if it is refused for that; else empty.
        skipped: frames that were left out on purpose: all that are neither in `frames` nor missing.
        decoded: frames that came out of the decoder, or would have if they had not been left out.
        values: of frames whose values have no range of their own, the range of these; else None.
        window: through which these are seen in the proxies; None where that differs from frame to frame.
    """

    frames: Sequence[DecodedSample]
    missing: int
    reason: str
    is_corrupt: bool
    limit: str = ""
    skipped: int = 0
    decoded: int = 0
    values: ValueRange | None = None
    window: Window | None = None


def judged(
    frames: Sequence[DecodedSample], tally: Tally, choice: FrameChoice, corruption_threshold: float
) -> DecodedVideo:
    """Decide whether the video as a whole is corrupt."""
    lost = tally.missing()
    damaged = sum(bool(frame.fault) for frame in frames)
    details = f" (first error: {tally.first_error})" if tally.first_error else ""
    came = tally.decoded
    if not frames:
        reason = f"no frame can be decoded{details}"
        return DecodedVideo(frames, lost, reason, is_corrupt=True, skipped=came, decoded=came)
    lost_of_chosen = lost * len(frames) / came
    missing = _missing_of_chosen(len(frames), lost, tally, choice)
    skipped = came + lost - len(frames) - missing
    numbers = f"{damaged} damaged and {missing} missing of {len(frames) + missing} frames"
    if skipped:
        numbers = f"{damaged} of {len(frames)} chosen frames damaged, {lost} of all {came + lost} missing"
    reason = f"{numbers}{details}" if lost else ""
    share = (damaged + lost_of_chosen) / (len(frames) + lost_of_chosen)
    is_corrupt = share == 1 or share > corruption_threshold
    if is_corrupt:
        reason = f"{numbers}: {100 * share:.1f} %, more than clean.corruption_threshold{details}"
    return DecodedVideo(frames, missing, reason, is_corrupt, skipped=skipped, decoded=came)


def _missing_of_chosen(chosen: int, lost: int, tally: Tally, choice: FrameChoice) -> int:
    """Return how many more frames would have been chosen, had none been lost.

    Args:
        chosen: frames of those that came.
        lost: frames that did not come.
        tally: of the video.
        choice: of frames.
    """
    everything = tally.decoded + lost
    if choice.known is not None:
        return min(lost, max(0, len(choice.known) - chosen))
    wanted = everything
    if choice.fps is not None:
        wanted = min(everything, 1 + floor((everything - 1) * tally.distance() * Fraction(str(choice.fps))))
    wanted = wanted if choice.limit is None else min(wanted, choice.limit)
    return min(lost, max(0, wanted - chosen))


def noted(video: DecodedVideo, note: str, tracks: str = "") -> DecodedVideo:
    """Add what else there is to say: `note` to a sound video, `tracks` to a corrupt one, too."""
    parts = [video.reason, tracks] if video.is_corrupt else [video.reason, tracks, note]
    return replace(video, reason="; ".join(filter(None, parts)))


def with_views(video: DecodedVideo, views: Views) -> DecodedVideo:
    """Add what was seen of the frames of a video."""
    return noted(replace(video, values=views.values, window=views.window), views.told("frame"))
