"""Every figure of the report. PDF, HTML, JSON, metrics and CSV files render these models and compute nothing."""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _finite(value: object) -> object:
    """Round to six significant digits, beyond which numbers differ between machines; NaN and infinity become None."""
    if value is None or not math.isfinite(float(str(value))):
        return None
    return float(f"{float(str(value)):.6g}")


Count = Annotated[int, Field(ge=0)]
Real = Annotated[float, BeforeValidator(_finite)]
OptionalReal = Annotated[float | None, BeforeValidator(_finite)]
SubsetSize = Annotated[Count | None, Field(exclude_if=lambda size: size is None)]
"""Samples of the seeded subset that a figure rests on; None, and not written, where it rests on all."""


class Figures(BaseModel):
    """Values that belong together and never change once computed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileCounts(Figures):
    """Raw files by what became of them. The states add up to `total`."""

    total: Count
    kept: Count
    corrupt: Count
    duplicate: Count
    near_duplicate: Count
    low_quality: Count
    over_limit: Count = Field(description="larger than a parameter allows")
    unsupported: Count = Field(description="of a kind that is not read; the reason says what would")
    ignored: Count = Field(description="no image or video, or not relevant")
    processed: Count = Field(description="in an earlier iteration")
    videos: Count = Field(description="among the kept ones")
    images: Count = Field(description="among the kept ones")


class SampleCounts(Figures):
    """Images and frames of the raw files that this iteration decoded. The states add up to `seen`."""

    seen: Count
    kept: Count
    corrupt: Count
    duplicate: Count = Field(description="equal decoded pixels")
    near_duplicate: Count = Field(description="alike, by their perceptual hash")
    low_quality: Count = Field(description="beyond a limit of the quality figures")
    over_limit: Count = Field(description="larger than a parameter allows")
    unsupported: Count = Field(description="of a kind that is not read; the reason says what would")
    skipped: Count = Field(description="frames left out on purpose: ingest.fps, ingest.max_frames_per_video")


DroppedStatus = Literal["corrupt", "low_quality", "duplicate", "near_duplicate", "over_limit", "unsupported", "ignored"]


class ReasonCount(Figures):
    """The number of samples or files that were dropped for a reason."""

    status: DroppedStatus
    reason: str
    count: Count


class NoteCount(Figures):
    """The number of files that stayed and of which there is something to say."""

    note: str
    count: Count
    example: str = Field(description="path of the first of them")


class DroppedExample(Figures):
    """A dropped sample, or a dropped file as a whole."""

    filename: str
    reason: str
    duplicate_of: str = Field(description="the name that stays in its place; empty where none does")
    figure: OptionalReal = Field(description="low quality: beyond its limit; near duplicates: differing bits")


class DroppedList(Figures):
    """Samples and files that were dropped for one kind of reason; all names are in `filenames/`."""

    status: DroppedStatus
    total: Count
    examples: tuple[DroppedExample, ...]


class Cleaning(Figures):
    """The raw files and samples that came in, and those that were dropped."""

    files: FileCounts
    samples: SampleCounts
    reasons: tuple[ReasonCount, ...] = Field(description="most frequent first")
    notes: tuple[NoteCount, ...] = Field(description="on files that stayed, most frequent first")
    dropped: tuple[DroppedList, ...] = Field(description="only states that occur")


class LossPoint(Figures):
    """The training loss at a step."""

    step: Count
    loss: OptionalReal


class Training(Figures):
    """The model that made the embeddings."""

    embeddings_file: str | None = Field(description="embed.embeddings_file, which took the place of a model")
    masked: Count = Field(description="samples that this file masks: they are not candidates")
    passed_through: bool = Field(description="the checkpoint was taken as it is, not trained in this iteration")
    steps: Count
    epochs: Count
    loss_first: OptionalReal
    loss_last: OptionalReal
    loss_curve: tuple[LossPoint, ...] = Field(description="evenly thinned")
    embedding_dim: Count
    embedding_std: OptionalReal = Field(description="mean standard deviation per value, times sqrt(dim): 0 = collapsed")
    effective_rank: OptionalReal = Field(description="dimensions in use, 0 to embedding_dim (Roy & Vetterli 2007)")
    examined: Count = Field(description="embeddings in these two figures: a seeded subset")
    collapsed: bool = Field(description="the embeddings hardly differ, so distances between them mean little")


class Spread(Figures):
    """Smallest, mean and largest of a set of distances."""

    min: OptionalReal
    mean: OptionalReal
    max: OptionalReal


class PickDistance(Figures):
    """The distance of a pick to everything selected before it."""

    rank: Count
    distance: OptionalReal


class RuleFigures(Figures):
    """The result of a rule with as many samples as were selected. Distances are to the datapool after it."""

    rule: Literal["chosen", "coreset", "random"]
    samples: Count
    coverage_radius: OptionalReal = Field(description="largest distance of a candidate to a selected sample")
    mean_distance: OptionalReal = Field(description="mean of these distances")
    smallest_distance: OptionalReal = Field(description="between two selected samples, at least one of them new")
    label_share: OptionalReal = Field(description="share of the candidates' weak labels among the selected")
    raw_file_share: OptionalReal = Field(description="share of the candidates' raw files that one was selected from")
    knee: Count = Field(description="samples after which more of them bring less: where the radius bends most")


class BudgetPoint(Figures):
    """The coverage of the candidates by the selection's first samples, and by as many of chance or greedy k-center."""

    budget: Count
    coverage_radius: OptionalReal
    coreset_coverage_radius: OptionalReal
    random_coverage_radius: OptionalReal
    mean_distance: OptionalReal
    coreset_mean_distance: OptionalReal
    random_mean_distance: OptionalReal


class ContributedValue(Figures):
    """The value of an objective, 0 to 1, at the moment of a pick."""

    rank: Count
    value: OptionalReal


class StrategyFigures(Figures):
    """The contribution of a strategy to the picks: the values of its objective, before `strength`."""

    strategy: Count = Field(description="place in select.strategies, 1 for the first")
    type: str
    input: str = Field(description="what it looks at, in short")
    spread: Spread = Field(description="over all picks")
    picks: tuple[ContributedValue, ...] = Field(description="evenly thinned")


class Selection(Figures):
    """The selection, its candidates, and its effect. Distances are Euclidean between unit-length embeddings, 0 to 2."""

    method: str = Field(description="select.method, or `strategies` where select.strategies are set")
    sentence: str = Field(description="what it picks")
    n_samples: int | None = Field(description="asked for")
    proportion_samples: OptionalReal = Field(description="asked for")
    min_distance: OptionalReal = Field(description="asked for")
    candidates: Count
    earlier_candidates: Count = Field(description="among them, left over from earlier iterations")
    selected: Count
    selected_frames: Count
    selected_images: Count
    raw_files: Count = Field(description="raw files that the selected samples come from")
    videos: Count = Field(description="videos among these")
    distance_to_datapool: Spread | None = Field(description="of the new samples to the base; null on an empty base")
    smallest_pairwise_distance: OptionalReal = Field(description="among the new samples")
    smallest_pairwise_examined: SubsetSize = Field(
        default=None, description="new samples whose nearest other one was searched; left out where these are all"
    )
    smallest_distance: OptionalReal = Field(description="among the new samples and between them and the base")
    coverage_radius_before: OptionalReal = Field(description="largest distance of a candidate to the base")
    coverage_radius_after: OptionalReal = Field(description="largest distance of a candidate to the datapool")
    candidate_distance_before: OptionalReal = Field(description="mean distance of a candidate to the base")
    candidate_distance_after: OptionalReal = Field(description="mean distance of a candidate to the datapool")
    pick_distances: tuple[PickDistance, ...] = Field(description="evenly thinned")
    budget_curve: tuple[BudgetPoint, ...] = Field(description="evenly thinned")
    comparison: tuple[RuleFigures, ...] = Field(description="the chosen rule, greedy k-center, chance")
    strategies: tuple[StrategyFigures, ...] = Field(
        description="what each of select.strategies contributed, but thresholds; none with a method"
    )


class Histogram(Figures):
    """Shares of a set of distances in the bins of its family."""

    samples: Count = Field(description="samples in the set")
    examined: Count = Field(description="of these, in the histogram: a seeded subset")
    shares: tuple[Real, ...] = Field(description="they add up to 1; empty where there are fewer than two samples")
    spread: Spread
    median: OptionalReal


class HistogramFamily(Figures):
    """Histograms over the same bins."""

    bin_edges: tuple[Real, ...]
    candidates: Histogram
    selected: Histogram
    datapool_before: Histogram
    datapool_after: Histogram


class Distances(Figures):
    """Distances within the sets of samples, before and after."""

    pairwise: HistogramFamily = Field(description="between every two samples of a set")
    nearest: HistogramFamily = Field(description="from each sample of a set to the nearest other one")


class MapFigures(Figures):
    """Maps of the embeddings: the plane of the two first principal components, and UMAPs; see plots/map.csv."""

    old: Count = Field(description="points of the base")
    new: Count = Field(description="points of the selection")
    not_selected: Count
    shown: Count = Field(description="points in the map: all of these, or a seeded subset with all new ones")
    variance: tuple[Real, Real] = Field(description="share of the variance on either axis of the plane")
    umap_neighbours: tuple[Count, ...] = Field(description="of each UMAP: neighbours that count as near")
    umap_shown: Count = Field(description="points in the UMAPs: all that are shown, or a subset with all new ones")


class Source(Figures):
    """A video, or the images of one folder."""

    name: str
    kind: Literal["video", "images"]
    files: Count
    seen: Count = Field(description="samples that this iteration decoded or should have")
    corrupt: Count
    duplicate: Count
    dropped: Count = Field(description="for these and all other reasons")
    candidates: Count
    selected: Count
    selected_before: Count = Field(description="samples of it in the base")
    positions: tuple[Real, ...] = Field(description="of selected frames in the video, 0 to 1")
    positions_before: tuple[Real, ...] = Field(description="of frames in the base")


class LabelCounts(Figures):
    """The number of samples that have a label."""

    name: str
    candidates: Count
    selected: Count
    datapool: Count = Field(description="samples in the datapool after this iteration")


class Label(LabelCounts):
    """A weak label: a top-level folder of the raw data."""

    label: int


class PredictedClass(LabelCounts):
    """A class that `select.predictions_file` gives as the most likely one; or that of samples without a prediction."""


class LabelledClass(Figures):
    """A class of imported labels."""

    name: str
    samples: Count = Field(description="of the datapool, that have it")


class LabelledTask(Figures):
    """A task with labels that `curate import-labels` has brought back."""

    task: str
    samples: Count = Field(description="of the datapool, that have labels, which may be none of any class")
    classes: tuple[LabelledClass, ...] = Field(description="most samples first")


class Sources(Figures):
    """The sources of the samples."""

    rows: tuple[Source, ...] = Field(description="most selected first")
    omitted: Count = Field(description="further sources that are not listed")
    omitted_candidates: Count
    omitted_selected: Count
    labels: tuple[Label, ...]
    predictions: tuple[PredictedClass, ...] = Field(description="most candidates first; empty without predictions")
    labelled: tuple[LabelledTask, ...] = Field(description="imported labels as the iteration began; empty without any")


class Iteration(Figures):
    """One iteration of the datapool's log."""

    iteration: Count
    raw_files: Count
    samples: Count
    corrupt: Count
    duplicate: Count
    near_duplicate: Count
    low_quality: Count
    skipped: Count
    candidates: Count
    selected: Count
    size_before: Count
    size_after: Count
    coverage_radius: OptionalReal


class Datapool(Figures):
    """The datapool's growth."""

    size_before: Count
    size_after: Count
    united: Count = Field(description="datapools that the base unites; 1 if it is one, 0 if empty")
    iterations: tuple[Iteration, ...]


class SelectedSample(Figures):
    """A sample of the selection."""

    filename: str
    rank: Count
    distance: OptionalReal = Field(description="when picked, to the nearest sample selected before")
    nearest: str = Field(description="that sample; empty for the first of a datapool")
    label_name: str


class ExamplePair(Figures):
    """A retained sample and the nearest one that was removed."""

    retained: str
    removed: str
    distance: Real
    group: Literal["closest", "farthest"]


class NearDuplicatePair(Figures):
    """A near duplicate, and the sample that stays in its place."""

    kept: str
    dropped: str
    bits: Count = Field(description="of 64, in which their perceptual hashes differ")


class Examples(Figures):
    """Samples that the report shows as pictures."""

    selected: tuple[SelectedSample, ...] = Field(description="highest rank first")
    pairs: tuple[ExamplePair, ...]
    pairs_examined: SubsetSize = Field(
        default=None, description="selected samples that the pairs were chosen from; left out where these are all"
    )
    near_duplicates: tuple[NearDuplicatePair, ...]
    low_quality: tuple[DroppedExample, ...]


class Savings(Figures):
    """The savings by not labelling the candidates that were not selected."""

    samples_left_out: Count
    share_left_out: OptionalReal
    labelling_cost_per_sample: Real
    currency: str
    co2_kg_per_sample: Real
    cost_saved: Real
    cost_spent: Real
    co2_kg_saved: Real


Setting = str | int | float | bool | tuple[str | int | float, ...] | None


class ChangedParameter(Figures):
    """A parameter that is not as the template has it."""

    key: str
    value: Setting
    default: Setting


class EquivalentDistance(Figures):
    """A distance in the former space, and the one in the new space that as many pairs of samples are nearer than."""

    share: Real = Field(description="share of the pairs that are nearer")
    former: Real
    new: Real


class Migration(Figures):
    """The difference between another model's space and the former one, by samples that have an embedding in both."""

    samples: Count = Field(description="with an embedding in both spaces")
    examined: Count = Field(description="of these, compared: a seeded subset")
    former_dim: Count
    new_dim: Count
    neighbours: Count = Field(description="nearest neighbours that are compared for each sample")
    neighbour_overlap: OptionalReal = Field(
        description="mean share of a sample's neighbours that are so in both spaces"
    )
    neighbour_overlap_by_chance: OptionalReal
    scale: OptionalReal = Field(description="median of the new distance of two samples divided by the former one")
    correlation: OptionalReal = Field(description="Spearman's rank correlation of former and new distances of pairs")
    distances: tuple[EquivalentDistance, ...]
    smallest_former: OptionalReal = Field(description="smallest distance between two samples of the base, former space")
    smallest_new: OptionalReal = Field(description="the select.min_distance of the new space that corresponds to it")


class Configuration(Figures):
    """The code, parameters and model that produced this iteration."""

    changed: tuple[ChangedParameter, ...] = Field(description="parameters that differ from the template's")
    parameters: dict[str, Setting]
    base_datapools: tuple[str, ...] = Field(description="DVC hashes of the datapools built on")
    base_commits: tuple[str | None, ...] = Field(
        description="the git commit at which each of them was read; null where only its hash was known"
    )
    fingerprint: str = Field(description="SHA-256 of the inputs' fingerprint in base.json")
    checkpoint_sha256: str


class Report(Figures):
    """The report of one iteration. Numbers are rounded to six significant digits; null means: does not exist."""

    schema_version: Literal[1] = 1
    title: str
    iteration: Count
    verdict: str = Field(description="one sentence")
    notes: tuple[str, ...] = Field(description="what to look at before accepting the iteration")
    cleaning: Cleaning
    training: Training
    without_embedding: Count = Field(description="samples of the datapool whose raw files were gone at a migration")
    migration: Migration | None = Field(description="null unless the datapool moved to another model")
    selection: Selection
    distances: Distances
    map: MapFigures
    sources: Sources
    datapool: Datapool
    examples: Examples
    savings: Savings
    configuration: Configuration
    subset_seed: Count = Field(description="of every subset the report draws")
    distance_subset: Count = Field(description="samples at most in a histogram")
