"""The report as a whole."""

from typing import Literal

from pydantic import Field

from curation.reporting.contents.cleaning import Cleaning, DroppedExample
from curation.reporting.contents.embeddings import Distances, MapFigures, Migration, Training
from curation.reporting.contents.figures import Count, Figures, OptionalReal, Real, SubsetSize
from curation.reporting.contents.selection import Selection
from curation.reporting.contents.sources import Sources


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
