"""How much the default self-trained embedding knows of classes that it never saw, beside random weights.

`python -m benchmarks.linear_probe --images FOLDER`

The class of an image is the folder that it is in. For each seed a model is trained on the images without their classes,
as the stage `train` does with the values of params.yaml, then a linear classifier (multinomial logistic regression) is
fitted to the embeddings of four fifths of the images and applied to the others, five times in turn and four times over
with other folds. Beside it, the same for two models of the same shape that saw no training: random weights throughout,
and random weights whose projection to the embedding is fitted to the images as the stage does it.
"""

from stages.model import torchvision_operators  # noqa: F401  (before all that imports torchvision)

# isort: split
import math
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from scipy.optimize import minimize
from scipy.stats import t

from stages.media.images import decode_image
from stages.media.proxies import ProxyReader, ShardWriter, member_name
from stages.model.embedding import embed_proxies
from stages.model.methods import Method, network_weights
from stages.model.training import TrainingSettings, fit_projection, initial_model, train_model
from stages.model.weights import save_checkpoint
from stages.params.load import load_params
from stages.params.schema import Params
from stages.train import wanted_architecture

FOLDS = 5
REPEATS = 4
PENALTY = 0.01
"""Factor of half the sum of squared weights in the classifier's loss, features having unit variance."""
SHARD = "all.zip"

MAX_PIXELS = 100_000_000


def folds(classes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Deal the images of each class out to the folds: (n,), the fold of each image."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(classes), np.int64)
    for name in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == name))
        fold[members] = (np.arange(len(members)) + rng.integers(FOLDS)) % FOLDS
    return fold


def fitted_classifier(features: NDArray[np.float64], classes: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Fit a multinomial logistic regression.

    Args:
        features: (n, d), the last column all ones.
        classes: (n,), 0 to `count` - 1.
        count: number of classes.

    Returns:
        (d, count).
    """
    targets = np.eye(count)[classes]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, count)
        scores = features @ weights
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        gradient = features.T @ (np.exp(logs) - targets) / len(features)
        gradient[:-1] += PENALTY * weights[:-1]
        return float(
            -(targets * logs).sum() / len(features) + PENALTY / 2 * (weights[:-1] ** 2).sum()
        ), gradient.ravel()

    found = minimize(loss, np.zeros(features.shape[1] * count), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    weights: NDArray[np.float64] = found.x.reshape(-1, count)
    return weights


def probe(embeddings: NDArray[np.float32], classes: NDArray[np.int64]) -> float:
    """Return the share of images that a linear classifier, fitted without them, puts into their class.

    Args:
        embeddings: (n, d).
        classes: (n,), 0 upwards.
    """
    right = 0
    for repeat in range(REPEATS):
        fold = folds(classes, repeat)
        for number in range(FOLDS):
            known = fold != number
            mean, deviation = embeddings[known].mean(axis=0), embeddings[known].std(axis=0)
            features = np.c_[(embeddings - mean) / np.maximum(deviation, 1e-12), np.ones(len(embeddings))]
            features = features.astype(np.float64)
            weights = fitted_classifier(features[known], classes[known], int(classes.max()) + 1)
            right += int(np.sum((features[~known] @ weights).argmax(axis=1) == classes[~known]))
    return right / (REPEATS * len(classes))


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of some differences and the ends of its 95 % interval (Student's t)."""
    mean, n = float(np.mean(differences)), len(differences)
    half = float(t.ppf(0.975, n - 1) * np.std(differences, ddof=1) / math.sqrt(n)) if n > 1 else math.inf
    return mean, mean - half, mean + half


def read_images(folder: Path, proxies: Path) -> tuple[list[tuple[str, str]], NDArray[np.int64]]:
    """Write the proxies of all images of a folder; return shard and member of each, and their classes, (n,)."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    with ShardWriter(proxies / SHARD) as shard:
        for index, file in enumerate(files):
            proxy = decode_image(file, max_pixels=MAX_PIXELS, proxy_size=256).proxy
            shard.add(member_name(index), proxy)
    classes = np.unique([file.parent.name for file in files], return_inverse=True)[1].astype(np.int64)
    return [(SHARD, member_name(index)) for index in range(len(files))], classes


def with_values(settings: Sequence[str]) -> Params:
    """Return params.yaml with other values in section `train`, each given as `key=value`."""
    content = load_params(Path("params.yaml")).model_dump()
    for setting in settings:
        key, _, value = setting.partition("=")
        content["train"][key] = YAML(typ="safe", pure=True).load(value)
    return Params.model_validate(content)


@click.command()
@click.option("--images", required=True, type=click.Path(path_type=Path, exists=True), help="One folder a class.")
@click.option("--seeds", default=5, show_default=True, help="Models to train.")
@click.option("--set", "settings", multiple=True, help="Another value in section `train`, e.g. epochs=20.")
def main(images: Path, seeds: int, settings: tuple[str, ...]) -> None:
    """Train, embed, classify, and print one table."""
    params = with_values(settings)
    architecture = wanted_architecture(params.train)
    rows: list[tuple[float, float, float]] = []
    with TemporaryDirectory() as name:
        members, classes = read_images(images, Path(name))
        source, checkpoint = ProxyReader(Path(name)), Path(name) / "a.ckpt"

        def accuracy(model: Method) -> float:
            save_checkpoint(checkpoint, architecture, network_weights(model))
            embeddings = embed_proxies(source, members, checkpoint, params.embed.batch_size, params.train.accelerator)
            return probe(embeddings, classes)

        click.echo(f"{len(members)} images, {classes.max() + 1} classes, largest {np.bincount(classes).max()}")
        click.echo("seed   random   random, fitted   trained    loss             effective rank   wall s   cpu s")
        for seed in range(1, seeds + 1):
            values = params.train.model_dump(include=set(TrainingSettings.__dataclass_fields__)) | {"seed": seed}
            training = TrainingSettings(**values)
            model = initial_model(architecture, training)
            random = accuracy(model)
            fit_projection(model, architecture, source, members)
            random_fitted = accuracy(model)
            model = initial_model(architecture, training)
            wall, cpu = time.perf_counter(), time.process_time()
            losses = train_model(model, architecture, source, members, training)
            rank = fit_projection(model, architecture, source, members)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            rows.append((random, random_fitted, accuracy(model)))
            click.echo(
                f"{seed:<7}{random:<9.3f}{random_fitted:<17.3f}{rows[-1][2]:<11.3f}"
                f"{losses[0].loss:.2f} -> {losses[-1].loss:<9.2f}{rank or 0:<17.1f}{wall:<9.1f}{cpu:.1f}"
            )
    table = np.array(rows)
    for title, column in (("random weights", 0), ("random weights with a fitted projection", 1)):
        mean, low, high = interval(table[:, 2] - table[:, column])
        click.echo(f"trained minus {title}: {mean:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")


if __name__ == "__main__":
    main()
