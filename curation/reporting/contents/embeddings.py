"""The report's figures of the model, of its embeddings, and of distances between them."""

from pydantic import Field

from curation.reporting.contents.figures import Count, Figures, OptionalReal, Real, Spread


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
