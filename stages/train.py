"""Stage `train`: the checkpoint that defines the embedding space of this iteration.

Reads `data/base/` (checkpoint and number of samples), `data/given_weights.txt` and, where it trains,
`data/clean/samples.parquet`, `data/clean/proxies/` and the file that `train.weights` names; writes
`data/train/checkpoint.ckpt` and `data/train/loss.csv`. Until then, `data/train/training.state` keeps how far it came.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from curation.core.atomic import atomic_file, link_or_copy, remove
from curation.core.errors import CheckpointError
from curation.core.hashing import sha256_of_file
from curation.datapool import store
from curation.image.proxies import ProxyReader
from curation.model.architecture import GIVEN_EMBEDDINGS, Architecture
from curation.model.checkpoint import is_of_pipeline, read_architecture, read_origin
from curation.params.schema import Params
from curation.params.train import TrainParams
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.tables.files import empty_frame, read_parquet, write_csv

if TYPE_CHECKING:
    from curation.model.training.fit import LossValue

LOSS = pa.schema({"step": pa.int64(), "epoch": pa.int64(), "loss": pa.float32()})
"""Columns of the loss curve; steps and epochs count from 1."""

COLLAPSED = 1.5
"""An embedding of a lower effective rank tells samples apart along one direction only."""

_FIXED = ("backbone", "embedding_dim", "input_size")
"""What must stay while a datapool lives on one checkpoint. `projection_dim` matters in training only."""
_SHAPES = ("backbone", "embedding_dim", "projection_dim")
"""What must be equal for one network's weights to fit another."""


def wanted_architecture(params: TrainParams) -> Architecture:
    """Return the architecture that the parameters ask for."""
    return Architecture.of(params.backbone, params.embedding_dim, params.projection_dim, params.input_size)


def check_fit(architecture: Architecture, params: TrainParams, checkpoint: Path) -> None:
    """Refuse a checkpoint that is not what the parameters describe.

    Raises:
        CheckpointError: backbone, embedding dimension or input size differ.
    """
    differing = wanted_architecture(params).differences(architecture, _FIXED)
    if architecture.backbone == GIVEN_EMBEDDINGS:
        raise CheckpointError(
            "the embeddings of the datapool came from a file, and embed.embeddings_file is null: name a file that "
            "holds the new samples, too, or set train.retrain: true to train a model and embed everything again"
        )
    if differing:
        raise CheckpointError(
            f"params.yaml does not fit {checkpoint}: {'; '.join(f'train.{text}' for text in differing)} in the "
            "checkpoint. A datapool keeps the space of its embeddings: set the checkpoint's value, or train.retrain: "
            "true to train a new model and embed everything again"
        )


def train(params: Params) -> str:
    r"""Pass the base's checkpoint through; train one where there is none, or on train.retrain.

    \b
    Reads   data/clean/samples.parquet, data/clean/proxies/, data/base/, data/given_weights.txt,
            data/given_embeddings.txt
    Writes  data/train/checkpoint.ckpt, data/train/loss.csv
    """
    if params.embed.embeddings_file is not None:
        return without_model(params.embed.embeddings_file, retrain=params.train.retrain)
    base = paths.BASE / store.CHECKPOINT if (paths.BASE / store.CHECKPOINT).exists() else None
    if base is not None and params.train.retrain and read_architecture(base).backbone == GIVEN_EMBEDDINGS:
        base = None  # There are no weights to go on with.
    base_has_samples = len(store.read_samples(paths.BASE)) > 0
    given = given_weights_hash(params.train)
    if base is not None and not params.train.retrain:
        if params.train.checkpoint is not None and not is_of_pipeline(base.read_bytes()):
            return take_over(base, params.train)
        check_origin(base, params.train, given)
        check_fit(read_architecture(base), params.train, base)
        with atomic_file(paths.CHECKPOINT) as temporary:
            link_or_copy(base, temporary)
        write_csv(empty_frame(LOSS), LOSS, paths.LOSS)
        return "checkpoint of the base reused" if base_has_samples else f"checkpoint {params.train.checkpoint} used"
    if base is None and not params.train.retrain and base_has_samples:
        raise CheckpointError(
            f"the datapool to build on holds samples but no {store.CHECKPOINT}: restore it with `dvc checkout`, or set "
            "train.retrain: true to train a new model and embed everything again"
        )
    samples = read_parquet(paths.SAMPLES, columns=["filename", "shard", "member"]).sort_values("filename")
    members = list(zip(samples["shard"], samples["member"], strict=True))
    losses, start, rank = train_checkpoint(members, params.train, base, given)
    write_csv(pd.DataFrame(losses, columns=LOSS.names), LOSS, paths.LOSS)
    return summary(params.train, len(members), losses, start, rank)


def without_model(embeddings_file: str, *, retrain: bool) -> str:
    """Write a checkpoint that holds no weights and says how many values the given embeddings have.

    Args:
        embeddings_file: what holds them.
        retrain: whether they replace all embeddings of the datapool.

    Raises:
        CheckpointError: the datapool's embeddings are of a model, or have another number of values.
    """
    from curation.embeddings.given import read_given
    from curation.embeddings.given_files import KEY, require_unchanged
    from curation.model.weights import save_checkpoint

    require_unchanged(embeddings_file, paths.GIVEN_EMBEDDINGS.read_text().strip())
    dimension = read_given(embeddings_file, KEY).embeddings.shape[1]
    base = paths.BASE / store.CHECKPOINT
    former = read_architecture(base) if base.exists() and not retrain else None
    wanted = Architecture.of_given_embeddings(dimension)
    if former is not None and former != wanted:
        has = (
            f"{former.embedding_dim} values each"
            if former.backbone == wanted.backbone
            else f"those of a model ({former.backbone})"
        )
        raise CheckpointError(
            f"{KEY}: {embeddings_file} has {dimension} values for each sample, but the embeddings of the datapool are "
            f"{has}, which these cannot be compared with: give embeddings of that kind, or set train.retrain: true to "
            "replace them all"
        )
    save_checkpoint(paths.CHECKPOINT, wanted, {})
    write_csv(empty_frame(LOSS), LOSS, paths.LOSS)
    return f"no model, since {embeddings_file} gives the embeddings ({dimension} values each)"


def given_weights_hash(params: TrainParams) -> str | None:
    """Return the hash of the file that `train.weights` names, as the stage `base` wrote it down; None without one."""
    return (paths.GIVEN_WEIGHTS.read_text().strip() or None) if params.weights is not None else None


def check_origin(base: Path, params: TrainParams, given: str | None) -> None:
    """Refuse weights that are not those which the checkpoint of the base began with.

    Args:
        base: the checkpoint.
        params: section `train`.
        given: hash of the file that `train.weights` names, None without one.

    Raises:
        CheckpointError: they are others.
    """
    if given is not None and read_origin(base) != given:
        raise CheckpointError(
            f"train.weights: the model of the datapool did not begin with the weights of {params.weights}. A datapool "
            "keeps the space of its embeddings: set train.weights to null, or train.retrain: true to begin a new model "
            "with them and embed everything again"
        )


def take_over(checkpoint: Path, params: TrainParams) -> str:
    """Write a checkpoint of lightly as one of this pipeline.

    Args:
        checkpoint: a copy of the file that `train.checkpoint` names.
        params: section `train`.

    Returns:
        What was done, in words.
    """
    from curation.model.networks.lightly_checkpoint import converted
    from curation.model.networks.weight_files import read_tensors
    from curation.model.weights import save_checkpoint

    given = Path(str(params.checkpoint))
    tensors = read_tensors(checkpoint, f"train.checkpoint ({given})")
    architecture, weights = converted(tensors, wanted_architecture(params), given)
    check_fit(architecture, params, given)
    save_checkpoint(paths.CHECKPOINT, architecture, weights, sha256_of_file(checkpoint))
    write_csv(empty_frame(LOSS), LOSS, paths.LOSS)
    return f"checkpoint {given} of lightly used: {architecture.backbone}, {architecture.embedding_dim} values"


def train_checkpoint(
    members: Sequence[tuple[str, str]], params: TrainParams, base: Path | None, given: str | None
) -> tuple[Sequence["LossValue"], str, float | None]:
    """Train a model and write its checkpoint.

    Args:
        members: proxy shard and member of each sample, in the order of the samples' names.
        params: section `train`.
        base: checkpoint to start from; None: random weights.
        given: hash of the file that `train.weights` names, None without one.

    Returns:
        The loss of each step, from which weights the training started, in words, and the embedding's effective rank,
        None where there are too few samples to tell.
    """
    # Imported here, because torch and Lightning take seconds that passing a checkpoint through need not cost.
    from curation.model.training.fit import TrainingSettings, fit_projection, initial_model, train_model
    from curation.model.training.methods import network_weights, without_head
    from curation.model.weights import load_checkpoint, save_checkpoint

    architecture = wanted_architecture(params)
    if architecture.is_foreign:
        from curation.model.networks.foreign import with_own_normalisation

        architecture = with_own_normalisation(architecture)
    former, weights = load_checkpoint(base) if base is not None else (None, {})
    differing = architecture.differences(former, _SHAPES) if former is not None else []
    origin = read_origin(base) if base is not None else None
    if base is not None and given not in (None, origin):
        differing = [f"from {params.weights}", *differing]
    continues = base is not None and not differing
    if not continues:
        origin = given
        require_given_weights(params.weights, given)
    elif former is not None and former.input_size == architecture.input_size:
        architecture = former  # also where its images pass the first layers in another way
    settings = TrainingSettings(**params.model_dump(include=set(TrainingSettings.__dataclass_fields__)))
    # The weights of the base are those that were pretrained, or come after them: nothing is to be fetched.
    begun = replace(settings, pretrained=False, weights=None) if continues else settings
    model = initial_model(architecture, begun)
    start = f"from the weights of {params.weights}" if params.weights else ""
    if differing and not params.weights:
        start = f"from {'pretrained' if params.pretrained else 'new'} weights ({'; '.join(differing)} in the base)"
    if base is not None and continues:
        model.start_from(weights, base)
        start = "from the weights of the base"
    source = ProxyReader(paths.PROXIES)
    losses = train_model(model, architecture, source, members, settings, paths.TRAINING_STATE)
    rank = fit_projection(model, architecture, source, members)
    trained = network_weights(model)
    kept = trained if params.enabled or continues else without_head(trained)
    save_checkpoint(paths.CHECKPOINT, architecture, kept, origin)
    remove(paths.TRAINING_STATE)
    return losses, start, rank


def require_given_weights(path: str | None, given: str | None) -> None:
    """Refuse to begin with another file than the one that this iteration was decided on.

    Args:
        path: `train.weights`.
        given: its hash when the iteration began.

    Raises:
        CheckpointError: the file is gone, or has changed.
    """
    if path is None:
        return
    if not Path(path).is_file():
        raise CheckpointError(f"train.weights: there is no file {path}; bring it back, or give the path of another")
    if sha256_of_file(Path(path)) != given:
        raise CheckpointError(f"train.weights: {path} has changed since this run began: run `dvc repro` again")


def summary(
    params: TrainParams, samples: int, losses: Sequence["LossValue"], start: str, effective_rank: float | None
) -> str:
    """Say in a line what was trained, with a warning where the embedding has collapsed."""
    backbone = params.backbone
    if not params.enabled:
        weights = start or f"from {'pretrained' if params.pretrained else 'new'} weights"
        rank = "" if effective_rank is None else f", effective rank {effective_rank:.1f} of {params.embedding_dim}"
        return f"{backbone} {weights} taken without training, fitted to {samples} samples{rank}"
    if not losses:
        return f"no training, since {samples} of at least 2 samples are there: {backbone} {start or 'from new weights'}"
    steps = f"{len(losses)} step{'s' if len(losses) > 1 else ''}"
    curve = f"loss {losses[0].loss:.2f} -> {losses[-1].loss:.2f}"
    rank = "" if effective_rank is None else f", effective rank {effective_rank:.1f} of {params.embedding_dim}"
    collapsed = effective_rank is not None and effective_rank < COLLAPSED
    warning = "; the embedding has collapsed: lower train.learning_rate" if collapsed else ""
    how = f"by {params.method} {start + ' ' if start else ''}on {samples} samples"
    return f"trained {backbone} {how}: {steps}, {curve}{rank}{warning}"


main = stage_command(train)

if __name__ == "__main__":
    main()
