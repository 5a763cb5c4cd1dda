"""What the figures mean, in words."""

from curation.reporting.compute.names import visible
from curation.reporting.contents.cleaning import Cleaning
from curation.reporting.contents.embeddings import Training
from curation.reporting.contents.report import Datapool
from curation.reporting.contents.selection import Selection
from curation.reporting.inputs import ReportInputs
from curation.selection.distance import short_distance

_MANY_CORRUPT = 0.05


def verdict(selection: Selection, datapool: Datapool) -> str:
    """Say in one sentence what the iteration did."""
    if selection.selected == 0:
        united = f", united from {datapool.united} datapools" if datapool.united > 1 else ""
        return f"No sample was added; the datapool holds {datapool.size_after:,} samples{united}."
    start = f"{selection.selected:,} of {selection.candidates:,} candidates selected"
    before, after = selection.coverage_radius_before, selection.coverage_radius_after
    mean = selection.distance_to_datapool.mean if selection.distance_to_datapool else None
    if mean is None or before is None or after is None:
        if after is None or selection.selected == selection.candidates:
            return f"{start} as the first datapool."
        farthest = short_distance(after)
        return f"{start} as the first datapool; no candidate is farther than {farthest} from a selected sample."
    words = short_distance(before), short_distance(after)
    change = f"fell from {words[0]} to {words[1]}" if words[0] != words[1] else f"stayed at {words[1]}"
    return f"{start}; they lie on average {short_distance(mean)} from the datapool, and the coverage radius {change}."


def notes(cleaning: Cleaning, training: Training, selection: Selection) -> list[str]:
    """Return what a reader should look at before accepting the iteration."""
    result = []
    if training.collapsed:
        result.append(
            "The embeddings hardly differ from each other, so distances mean little. Train longer (train.epochs, "
            "train.max_steps), or take another checkpoint (train.checkpoint)."
        )
    seen, corrupt = cleaning.samples.seen, cleaning.samples.corrupt
    if seen and corrupt / seen > _MANY_CORRUPT:
        result.append(f"{corrupt / seen:.0%} of the samples that came in are corrupt: see the reasons in chapter 1.")
    if selection.n_samples is not None and selection.n_samples > selection.candidates > 0:
        result.append(
            f"{selection.n_samples:,} samples were asked for; there were {selection.candidates:,} candidates."
        )
    if selection.selected < _limit(selection) and _nothing_else_is_far_enough(selection):
        result.append(
            f"The selection ended at {selection.selected:,} samples because every other candidate is nearer than "
            f"select.min_distance ({selection.min_distance:g}) to a selected one."
        )
    return result


def history_notes(inputs: ReportInputs) -> list[str]:
    """Return what uniting datapools, or taking samples out, did to what was accepted before."""
    result = []
    exact = [pair for pair in inputs.united if pair[2] is None]
    near = [pair for pair in inputs.united if pair[2] is not None]
    if exact:
        first = exact[0]
        result.append(
            f"{len(exact):,} samples of the datapools that were united have the pixels of another and came in once: "
            f"{visible(first[0])} is {visible(first[1])}, for one."
        )
    if near:
        first = min(near, key=lambda pair: (pair[2], pair[0]))
        done = "both stay" if inputs.near_duplicates == "keep" else "the former was dropped"
        result.append(
            f"{len(near):,} samples of the datapools that were united are nearer to another than select.min_distance: "
            f"{visible(first[0])} to {visible(first[1])}, for one, at {first[2]:.4g}; {done} (base.near_duplicates)."
        )
    if inputs.taken_out:
        result.append(f"{len(inputs.taken_out):,} samples were taken out of the datapool for good (base.removed_file).")
    return result


def _nothing_else_is_far_enough(selection: Selection) -> bool:
    """Return whether `min_distance` left nothing to pick; strategies and sequences have other reasons to end."""
    radius = selection.coverage_radius_after
    return selection.min_distance is not None and radius is not None and radius < selection.min_distance


def _limit(selection: Selection) -> int:
    """Return how many samples could have been selected at most."""
    if selection.n_samples is not None:
        return min(selection.n_samples, selection.candidates)
    if selection.proportion_samples is not None:
        return int(selection.candidates * selection.proportion_samples)
    return selection.candidates
