"""What a checkpoint, the files that are given and the parameters must agree in."""

from pathlib import Path

from curation.core.errors import CheckpointError
from curation.core.hashing import sha256_of_file
from curation.model.architecture import GIVEN_EMBEDDINGS, Architecture
from curation.model.checkpoint import read_origin
from curation.params.train import TrainParams

FIXED = ("backbone", "embedding_dim", "input_size")
"""The parameters that must stay while a datapool lives on one checkpoint. `projection_dim` matters in training only."""

SHAPES = ("backbone", "embedding_dim", "projection_dim")
"""The parameters that must be equal for one network's weights to fit another."""


def wanted_architecture(params: TrainParams) -> Architecture:
    """Return the architecture that the parameters ask for."""
    return Architecture.of(params.backbone, params.embedding_dim, params.projection_dim, params.input_size)


def check_fit(architecture: Architecture, params: TrainParams, checkpoint: Path) -> None:
    """Refuse a checkpoint that is not what the parameters describe.

    Raises:
        CheckpointError: backbone, embedding dimension or input size differ.
    """
    differing = wanted_architecture(params).differences(architecture, FIXED)
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
