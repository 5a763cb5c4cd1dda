"""The report's figures of the selection."""

from typing import Literal

from pydantic import Field

from curation.reporting.contents.figures import Count, Figures, OptionalReal, Spread, SubsetSize


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
