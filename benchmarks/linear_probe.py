"""The default embedding's knowledge of classes that it never saw, beside pixels and random weights.

`python -m benchmarks.linear_probe --images FOLDER`
`python -m benchmarks.linear_probe --images FOLDER --set enabled=true --set epochs=20` for what training adds

The class of an image is the folder that it is in. For each seed the model of params.yaml is fitted to the images
without their classes, and trained on them if `train.enabled` says so, as the stage `train` does; then a linear
classifier (multinomial logistic regression) is fitted to the embeddings of four fifths of the images and applied to the
others, five times in turn and four times over with other folds. Beside it, the same for thumbnails of 8 x 8 pixels, and
for a network of the same shape with random weights, whose projection to the embedding is fitted to the images too.

Pretrained weights that are not trained further depend on no seed: the rows are equal then.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from benchmarks.labelled import Pictures, read_pictures
from benchmarks.probes import cross_validated, interval
from curation.model.agreement import wanted_architecture
from curation.model.embedding import decoded, embed_proxies
from curation.model.training.fit import TrainingSettings, fit_projection, initial_model, train_model
from curation.model.training.method import network_weights
from curation.model.weights import save_checkpoint
from curation.params.load import load_params
from curation.params.schema import Params

THUMBNAIL = 8
"""Pixels."""


def thumbnails(pictures: Pictures) -> NDArray[np.float32]:
    """Return the pictures at 8 x 8 pixels: (n, 192)."""
    jpegs = (pictures.source.jpeg(shard, member) for shard, member in pictures.members)
    small = np.array([decoded(jpeg, THUMBNAIL).ravel() for jpeg in jpegs])
    return np.asarray(small / 255, dtype=np.float32)


def with_values(settings: Sequence[str]) -> Params:
    """Return params.yaml with other values in section `train`, each given as `key=value`."""
    content = load_params(Path("params.yaml")).model_dump()
    for setting in settings:
        key, _, value = setting.partition("=")
        content["train"][key] = YAML(typ="safe", pure=True).load(value)
    return Params.model_validate(content)


def accuracies(params: Params, pictures: Pictures, checkpoint: Path, seed: int) -> tuple[list[float], str]:
    """Probe the embeddings of the model that params ask for, and of one of the same shape with random weights.

    Args:
        params: of the pipeline; section `train` says whether to train.
        pictures: to fit, to embed, and to classify.
        checkpoint: path for files.
        seed: of the models.

    Returns:
        Accuracy with random weights and a fitted projection, and of what was asked for; what the training did.
    """
    architecture = wanted_architecture(params.train)
    values = params.train.model_dump(include=set(TrainingSettings.__dataclass_fields__)) | {"seed": seed}
    asked = TrainingSettings(**values)
    found, said = [], ""
    for settings in (replace(asked, enabled=False, pretrained=False, weights=None), asked):
        model = initial_model(architecture, settings)
        wall, cpu = time.perf_counter(), time.process_time()
        losses = train_model(model, architecture, pictures.source, pictures.members, settings)
        rank = fit_projection(model, architecture, pictures.source, pictures.members)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        save_checkpoint(checkpoint, architecture, network_weights(model))
        embeddings = embed_proxies(
            pictures.source, pictures.members, checkpoint, params.embed.batch_size, settings.accelerator
        )
        found.append(cross_validated(embeddings, pictures.classes))
        curve = f"{losses[0].loss:.2f} -> {losses[-1].loss:.2f}" if losses else "no training"
        said = f"{curve:<18}{rank or 0:<17.1f}{wall:<9.1f}{cpu:.1f}"
    return found, said


@click.command()
@click.option("--images", required=True, type=click.Path(path_type=Path, exists=True), help="One folder a class.")
@click.option("--seeds", default=5, show_default=True, help="Models to probe.")
@click.option("--set", "settings", multiple=True, help="Another value in section `train`, e.g. epochs=20.")
def main(images: Path, seeds: int, settings: tuple[str, ...]) -> None:
    """Fit or train, embed, classify, and print one table."""
    params = with_values(settings)
    rows: list[list[float]] = []
    with TemporaryDirectory() as name:
        pictures = read_pictures(images, Path(name) / "proxies")
        classes = pictures.classes
        click.echo(f"{len(classes)} images, {classes.max() + 1} classes, largest {np.bincount(classes).max()}")
        train = params.train
        how = "pretrained" if train.pretrained or train.weights else "random weights"
        how += f", {train.epochs} epochs of {train.method}" if train.enabled else ", not trained"
        click.echo(f"model: {train.backbone} at {train.input_size} pixels, {train.embedding_dim} values, {how}")
        pixels = cross_validated(thumbnails(pictures), classes)
        click.echo("seed   8 x 8 pixels   random weights   model    loss              effective rank   wall s   cpu s")
        for seed in range(1, seeds + 1):
            found, said = accuracies(params, pictures, Path(name) / "a.ckpt", seed)
            rows.append([pixels, *found])
            click.echo(f"{seed:<7}{pixels:<15.3f}{found[0]:<17.3f}{found[1]:<9.3f}{said}")
    table = np.array(rows)
    click.echo(f"mean   {table[:, 0].mean():<15.3f}{table[:, 1].mean():<17.3f}{table[:, 2].mean():.3f}")
    for title, column in (("8 x 8 pixels", 0), ("random weights with a fitted projection", 1)):
        mean, low, high = interval(table[:, 2] - table[:, column])
        click.echo(f"model minus {title}: {mean:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")


if __name__ == "__main__":
    main()
