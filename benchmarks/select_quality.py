"""The quality of the labels that each selection rule asks for, by the pipeline's own embedding.

`python -m benchmarks.select_quality` for the digits of two packages
`python -m benchmarks.select_quality --folder FOLDER [--test-folder FOLDER]` for pictures of your own, folder = class
`python -m benchmarks.select_quality --active` for active learning in rounds (`benchmarks.active_rounds`) instead

Pictures are decoded, brought to proxies and embedded as the pipeline does it with the values of params.yaml, the
projection being fitted to the candidates without their labels. Each rule selects; what it selected is labelled, and a
linear classifier is trained on it. What counts is its accuracy on pictures that were kept apart, the mean over classes:

- by the features of another network, which had no part in the selection, as a user's own model has none;
- by the features that the selection saw a projection of.

Tracks:

- balanced: all pictures that are not kept apart: as many of each class where the folder has as many;
- long tail: the most frequent class has 100 times as many as the rarest, in geometric steps, classes in random order;
- incremental: five batches, each with two classes more frequent than the others, 20 picks each, where each selection
  builds on those before;
- video: frames of scenes that drift slowly, made by the computer; how many distinct scenes are found.

Every rule gets the same data, split anew by each seed. Beside the mean over the budgets stands its difference to random
with a 95 % interval over paired seeds. A value of random is itself the mean of five draws. Small sets say little: a
set of 341 photographs leaves a long tail of some 90 candidates, of which half are selected at a budget of 50, and two
to six pictures of a class for the test. Handwritten digits are large enough but unlike the photographs that the
networks were trained on. A bar is to be judged where the interval is narrow: on long tails ten seeds leave about two
points either way, `--seeds 40` about one. Seeds split the same pictures anew, so an interval says nothing of others.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from benchmarks.active_rounds import run_rounds
from benchmarks.features import Floats, embedded, features
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
from benchmarks.probes import FewLabelsProbe
from benchmarks.select_speed import video_like
from benchmarks.selection_tracks import RULES, Results, judge, table
from curation.params.load import load_params

BUDGETS = (20, 50, 100, 200)
BATCHES, BATCH_SIZE, PICKS_A_BATCH, SKEW = 5, 260, 20, 8


def judge_of(backbone: str) -> str:
    """Return the network whose features judge the selections by another one."""
    return "efficientnet-lite0" if backbone == "efficientnet-lite2" else "efficientnet-lite2"


def batches(train: Rows, classes: Rows, rng: np.random.Generator) -> list[Rows]:
    """Draw five disjoint batches of rows; a fifth of the classes is eight times as likely as others in each."""
    kinds = rng.permutation(np.unique(classes))
    left = np.ones(len(train), dtype=bool)
    drawn = []
    size = min(BATCH_SIZE, len(left) // BATCHES)
    for favoured in np.array_split(kinds, BATCHES):
        places = np.flatnonzero(left)
        weight = np.where(np.isin(classes[train[places]], favoured), float(SKEW), 1.0)
        batch = np.sort(rng.choice(places, size, replace=False, p=weight / weight.sum()))
        left[batch] = False
        drawn.append(batch)
    return drawn


def run_incremental(
    embeddings: Floats, train: Rows, classes: Rows, probe: FewLabelsProbe, seed: int, results: Results
) -> None:
    """Select from batch after batch.

    Args:
        embeddings: (k, d), of `train`.
        train: (k,) rows.
        classes: (n,), of all rows.
        probe: judges in the end.
        seed: of the batches and the rules.
        results: are added to.
    """
    drawn = batches(train, classes, np.random.default_rng(seed))
    if len(drawn[0]) <= PICKS_A_BATCH:
        return
    for name, rule in RULES.items():
        chosen = np.empty(0, np.int64)
        for batch in drawn:
            picks = rule(embeddings[batch], embeddings[chosen], PICKS_A_BATCH, seed).picks
            chosen = np.concatenate([chosen, batch[picks]])
        results.add("incremental: accuracy by another network", name, len(chosen), probe.accuracy(train[chosen]))


def run_video(seed: int, results: Results) -> None:
    """Find scenes in 6,000 frames."""
    frames, scenes = video_like(6000, 64, seed), np.zeros(6000, np.int64)
    scenes[np.flatnonzero(((frames[1:] - frames[:-1]) ** 2).sum(axis=1) > 0.5) + 1] = 1
    scenes = np.cumsum(scenes)
    order = np.random.default_rng(seed).permutation(len(frames))
    for budget in (10, 50, 100):
        for name, rule in RULES.items():
            picks = order[rule(frames[order], frames[:0], budget, seed).picks]
            found = len(set(scenes[picks].tolist()))
            results.add("video: scenes found", name, budget, 100 * found / min(budget, int(scenes.max()) + 1))


def numbered_as(train: Pictures, test: Pictures) -> Pictures:
    """Return a test's pictures with their classes numbered as those of the others."""
    unknown = sorted(set(test.names) - set(train.names))
    if unknown:
        raise click.ClickException(f"the test folder has classes that the other lacks: {', '.join(unknown)}")
    numbers = np.array([train.names.index(name) for name in test.names], dtype=np.int64)
    return replace(test, classes=numbers[test.classes])


def run_seed(
    own: Floats,
    other: Floats,
    classes: Rows,
    test: Rows | None,
    dimension: int,
    budgets: Sequence[int],
    seed: int,
    *,
    rounds: bool,
) -> Results:
    """Run all tracks with labels for one seed.

    Args:
        own: (n, d), the features whose projection selects.
        other: (n, e), another network's.
        classes: (n,).
        test: rows to test on; None: a share of each class, drawn anew.
        dimension: of the embedding.
        budgets: numbers of picks.
        seed: of everything.
        rounds: whether the tracks are those of active learning.
    """
    results, rng = Results(), np.random.default_rng(seed)
    candidates = np.arange(len(classes)) if test is None else np.setdiff1d(np.arange(len(classes)), test)
    chosen, apart = split(classes[candidates], rng)
    train, tested = candidates[chosen], candidates[apart] if test is None else test
    pools = {"balanced": train, "long tail": long_tailed(train, classes, rng)}
    for track, pool in pools.items():
        embeddings = embedded(own, pool, dimension)
        probes = {
            "another network": FewLabelsProbe(other, classes, pool, tested),
            "the same network": FewLabelsProbe(own, classes, pool, tested),
        }
        if rounds:
            run_rounds(track, embeddings, pool, probes["another network"], seed, results)
            continue
        judge(track, embeddings, pool, classes, probes, budgets, seed, results)
        if track == "balanced":
            run_incremental(embeddings, pool, classes, probes["another network"], seed, results)
    return results


def run(
    pictures: Pictures, test: Pictures | None, kept: Path | None, seeds: int, budgets: Sequence[int], *, rounds: bool
) -> Results:
    """Run all tracks of a set."""
    params = load_params(Path("params.yaml")).train
    other_name = judge_of(params.backbone)
    sets = [pictures] if test is None else [pictures, numbered_as(pictures, test)]
    own, other = (
        np.concatenate([features(part, name, size, kept) for part in sets])
        for name, size in ((params.backbone, params.input_size), (other_name, 224))
    )
    classes = np.concatenate([part.classes for part in sets])
    rows = None if test is None else np.arange(len(pictures.classes), len(classes))
    results = Results()
    for seed in range(seeds):
        found = run_seed(own, other, classes, rows, params.embedding_dim, budgets, seed, rounds=rounds)
        for key, values in found.scores.items():
            results.scores.setdefault(key, []).extend(values)
    click.echo(
        f"\n{pictures.name}: {len(pictures.classes)} pictures of {len(pictures.names)} classes, {seeds} seeds; "
        f"{params.backbone} at {params.input_size} pixels selects by {params.embedding_dim} values, {other_name} judges"
    )
    return results


@click.command()
@click.option(
    "--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Pictures, folder = class."
)
@click.option("--test-folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="To test on.")
@click.option("--set", "sets", multiple=True, type=click.Choice(BUILT_IN), help="Of a package. Default: all.")
@click.option("--seeds", default=10, show_default=True, help="Repetitions with other splits.")
@click.option("--budgets", default=",".join(map(str, BUDGETS)), show_default=True, help="Numbers of picks.")
@click.option("--active", "rounds", is_flag=True, help="Active learning in rounds instead.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder where features stay.")
def main(
    folder: Path | None,
    test_folder: Path | None,
    sets: tuple[str, ...],
    seeds: int,
    budgets: str,
    keep: Path | None,
    *,
    rounds: bool,
) -> None:
    """Compare selection rules by the labels that they ask for."""
    require_scikit_learn()
    numbers = [int(number) for number in budgets.split(",")]
    baselines = ("random", "coverage") if rounds else ("random",)
    with TemporaryDirectory() as name:
        place = Path(name)
        if folder is not None:
            test = None if test_folder is None else read_pictures(test_folder, place / "test")
            pictures = read_pictures(folder, place / "train")
            click.echo(table(run(pictures, test, keep, seeds, numbers, rounds=rounds), baselines))
            return
        for one in sets or BUILT_IN:
            click.echo(table(run(read_built_in(one, place), None, keep, seeds, numbers, rounds=rounds), baselines))
    if rounds:
        return
    video = Results()
    for seed in range(seeds):
        run_video(seed, video)
    click.echo(table(video))


if __name__ == "__main__":
    main()
