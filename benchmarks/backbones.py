"""Networks, input sizes and lengths of embedding: how they suit the selection, and what they cost, in one table.

`python -m benchmarks.backbones --folder FOLDER` for pictures of your own, one folder a class
`python -m benchmarks.backbones --set mnist` for handwritten digits of a package

The pretrained networks of a package and the former default, a ResNet-18 with random weights, embed the pictures at
several sizes; the projection keeps several numbers of components, as they are or whitened: each divided by its standard
deviation (1) or the root of that (0.5). For each:

- probe: the accuracy of a linear classifier on the embeddings, cross-validated once; `benchmarks.linear_probe` does so
  four times. It scales all values to unit variance, so long embeddings of few pictures do badly;
- the rules: by how many points of accuracy the selection's labels are better than random ones, the mean over budgets,
  with a 95 % interval over paired seeds, judged by the features of another network: those of Lite2, for Lite2 those of
  Lite0. `benchmarks.select_quality` says more;
- images a second of one core, in fp32 and bf16, without decoding, and the cost in bf16, the first row being 1.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from benchmarks.features import Floats, features, images_a_second, projected, whitened
from benchmarks.labelled import (
    BUILT_IN,
    Pictures,
    Rows,
    long_tailed,
    read_built_in,
    read_pictures,
    require_scikit_learn,
    split,
)
from benchmarks.probes import FewLabelsProbe, cross_validated, difference
from benchmarks.select_quality import BUDGETS, judge_of
from benchmarks.selection_tracks import RULES, Results, judge
from curation.model.embedding import unit_length

NETWORKS = (
    "efficientnet-lite0:224",
    "efficientnet-lite0:192",
    "efficientnet-lite0:160",
    "efficientnet-lite1:224",
    "efficientnet-lite1:192",
    "efficientnet-lite1:160",
    "efficientnet-lite2:224",
    "efficientnet-lite2:192",
    "efficientnet-lite2:160",
    "resnet-18:64",
)
_FIGURE = "selection: accuracy by another network"


def variants(values: Floats, rows: Rows, dimensions: Sequence[int], whitenings: Sequence[float]) -> dict[str, Floats]:
    """Embed some pictures in several ways, by the words that a table has for them.

    Args:
        values: (n, feature_dim) features.
        rows: (k,) which pictures; the projection is fitted to them.
        dimensions: of embeddings; those that the features lack are left out.
        whitenings: see `whitened`.
    """
    fitting = [dimension for dimension in dimensions if dimension <= values.shape[1]]
    components = projected(values, rows, max(fitting))
    return {
        f"{dimension:>6}{amount:>7}": unit_length(whitened(components[:, :dimension], amount))
        for dimension in fitting
        for amount in whitenings
    }


def selections(
    own: Floats,
    other: Floats,
    classes: Rows,
    track: str,
    seeds: int,
    budgets: Sequence[int],
    dimensions: Sequence[int],
    whitenings: Sequence[float],
) -> dict[str, Results]:
    """Judge the selections by each variant of an embedding.

    Args:
        own: (n, d), the features whose projection selects.
        other: (n, e), another network's.
        classes: (n,).
        track: "long tail" or "balanced".
        seeds: how many.
        budgets: numbers of picks.
        dimensions: of embeddings.
        whitenings: see `whitened`.
    """
    found: dict[str, Results] = {}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        train, test = split(classes, rng)
        pool = long_tailed(train, classes, rng) if track == "long tail" else train
        probes = {"another network": FewLabelsProbe(other, classes, pool, test)}
        for name, embeddings in variants(own, pool, dimensions, whitenings).items():
            results = found.setdefault(name, Results())
            judge("selection", embeddings, pool, classes, probes, budgets, seed, results)
    return found


def compare(
    pictures: Pictures,
    kept: Path | None,
    networks: Sequence[str],
    track: str,
    seeds: int,
    budgets: Sequence[int],
    dimensions: Sequence[int],
    whitenings: Sequence[float],
) -> None:
    """Print the table; the arguments are those of the command."""
    rules = "".join(f"{name:>22}" for name in RULES)
    click.echo(f"{'network':<25}{'values':>7}{'whiten':>7}{'probe':>7}{rules}{'fp32/s':>8}{'bf16/s':>8}{'cost':>6}")
    parted = [(backbone, int(size)) for backbone, _, size in (network.partition(":") for network in networks)]
    speeds = np.array([images_a_second(parted, precision) for precision in ("fp32", "bf16")])
    everything = np.arange(len(pictures.classes))
    for place, (backbone, size) in enumerate(parted):
        own = features(pictures, backbone, size, kept)
        other = features(pictures, judge_of(backbone), 224, kept)
        found = selections(own, other, pictures.classes, track, seeds, budgets, dimensions, whitenings)
        for name, embeddings in variants(own, everything, dimensions, whitenings).items():
            accuracy = cross_validated(embeddings, pictures.classes, repeats=1)
            random = found[name].of(_FIGURE, "random")
            gaps = [difference(found[name].of(_FIGURE, rule), random) for rule in RULES if rule != "random"]
            line = "".join(f"{gap:>22}" for gap in gaps)
            fp32, bf16 = speeds[:, place]
            cost = f"{fp32:>8.0f}{bf16:>8.0f}{speeds[1, 0] / bf16:>6.2f}"
            click.echo(f"{networks[place]:<25}{name}{accuracy:>7.3f}{random.mean():>22.1f}{line}{cost}")


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


@click.command()
@click.option(
    "--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Pictures, folder = class."
)
@click.option(
    "--set", "built_in", type=click.Choice(BUILT_IN), default="mnist", show_default=True, help="Of a package."
)
@click.option("--track", type=click.Choice(["long tail", "balanced"]), default="long tail", show_default=True)
@click.option("--networks", default=",".join(NETWORKS), show_default=True, help="Each NETWORK:PIXELS.")
@click.option("--dimensions", default="32,64,128,256", show_default=True, help="Of embeddings.")
@click.option("--whitenings", default="0,0.5,1", show_default=True, help="Powers of the standard deviation.")
@click.option("--seeds", default=10, show_default=True, help="Repetitions with other splits.")
@click.option("--budgets", default=",".join(map(str, BUDGETS)), show_default=True, help="Numbers of picks.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder where features stay.")
def main(
    folder: Path | None,
    built_in: str,
    track: str,
    networks: str,
    dimensions: str,
    whitenings: str,
    seeds: int,
    budgets: str,
    keep: Path | None,
) -> None:
    """Compare networks, sizes and projections."""
    require_scikit_learn()
    with TemporaryDirectory() as name:
        place = Path(name)
        pictures = read_pictures(folder, place / "train") if folder is not None else read_built_in(built_in, place)
        click.echo(f"{pictures.name}: {len(pictures.classes)} pictures of {len(pictures.names)} classes, {seeds} seeds")
        whole = [int(number) for number in _numbers(dimensions)]
        picks = [int(number) for number in _numbers(budgets)]
        compare(pictures, keep, networks.split(","), track, seeds, picks, whole, _numbers(whitenings))


if __name__ == "__main__":
    main()
