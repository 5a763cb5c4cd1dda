"""Stage `train`: the checkpoint that defines the embedding space of this iteration.

Reads `data/base/` (checkpoint and number of samples) and, where it trains, `data/clean/samples.parquet` and
`data/clean/proxies/`; writes `data/train/checkpoint.ckpt` and `data/train/loss.csv`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from stages import paths
from stages.command import stage_command
from stages.datapool import store
from stages.errors import CheckpointError
from stages.files.atomic import atomic_file, link_or_copy
from stages.files.tables import empty_frame, read_parquet, write_csv
from stages.media.proxies import ProxyReader
from stages.model.architecture import Architecture
from stages.model.checkpoint import read_architecture
from stages.params.schema import Params, TrainParams

if TYPE_CHECKING:
    from stages.model.training import LossValue

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
    if differing:
        raise CheckpointError(
            f"params.yaml does not fit {checkpoint}: {'; '.join(f'train.{text}' for text in differing)} in the "
            "checkpoint. A datapool keeps the space of its embeddings: set the checkpoint's value, or train.retrain: "
            "true to train a new model and embed everything again"
        )


def train(params: Params) -> str:
    r"""Pass the base's checkpoint through; train one where there is none, or on train.retrain.

    \b
    Reads   data/clean/samples.parquet, data/clean/proxies/, data/base/
    Writes  data/train/checkpoint.ckpt, data/train/loss.csv

    Parameters: train.
    """
    base = paths.BASE / store.CHECKPOINT if (paths.BASE / store.CHECKPOINT).exists() else None
    base_has_samples = len(store.read_samples(paths.BASE)) > 0
    if base is not None and not params.train.retrain:
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
    losses, start, rank = train_checkpoint(members, params.train, base)
    write_csv(pd.DataFrame(losses, columns=LOSS.names), LOSS, paths.LOSS)
    return summary(params.train, len(members), losses, start, rank)


def train_checkpoint(
    members: Sequence[tuple[str, str]], params: TrainParams, base: Path | None
) -> tuple[Sequence["LossValue"], str, float | None]:
    """Train a model and write its checkpoint.

    Args:
        members: proxy shard and member of each sample, in the order of the samples' names.
        params: section `train`.
        base: checkpoint to start from; None: random weights.

    Returns:
        The loss of each step, from which weights the training started, in words, and the embedding's effective rank,
        None where there are too few samples to fit it.
    """
    # Imported here, because torch and Lightning take seconds that passing a checkpoint through need not cost.
    from stages.model.methods import network_weights
    from stages.model.training import TrainingSettings, fit_projection, initial_model, train_model
    from stages.model.weights import load_checkpoint, save_checkpoint

    architecture = wanted_architecture(params)
    if architecture.is_foreign:
        from stages.model.foreign import with_own_normalisation

        architecture = with_own_normalisation(architecture)
    former, weights = load_checkpoint(base) if base is not None else (None, {})
    differing = architecture.differences(former, _SHAPES) if former is not None else []
    continues = base is not None and not differing
    settings = TrainingSettings(**params.model_dump(include=set(TrainingSettings.__dataclass_fields__)))
    # The weights of the base are those that were pretrained, or come after them: nothing is to be fetched.
    model = initial_model(architecture, replace(settings, pretrained=settings.pretrained and not continues))
    start = f"from new weights ({'; '.join(differing)} in the base)" if differing else ""
    if base is not None and continues:
        model.start_from(weights, base)
        start = "from the weights of the base"
    source = ProxyReader(paths.PROXIES)
    losses = train_model(model, architecture, source, members, settings)
    rank = fit_projection(model, architecture, source, members)
    save_checkpoint(paths.CHECKPOINT, architecture, network_weights(model))
    return losses, start, rank


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
