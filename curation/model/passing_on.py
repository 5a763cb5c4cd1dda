"""Checkpoints that are not trained here: the datapool's, one that was given, one without weights."""

from pathlib import Path

from curation.core.atomic import atomic_file, link_or_copy
from curation.core.errors import CheckpointError
from curation.core.hashing import sha256_of_file
from curation.model.agreement import check_fit, check_origin, wanted_architecture
from curation.model.architecture import Architecture
from curation.model.checkpoint import is_of_pipeline, read_architecture
from curation.params.train import TrainParams


def pass_on(base: Path, params: TrainParams, given: str | None, target: Path, *, has_samples: bool) -> str:
    """Write the checkpoint of the base as that of this iteration.

    Args:
        base: the checkpoint.
        params: section `train`.
        given: hash of the file that `train.weights` names, None without one.
        target: where it goes.
        has_samples: whether the base has samples; if not, the checkpoint is the one that `train.checkpoint` names.

    Returns:
        What was done, in words.

    Raises:
        CheckpointError: it is not what the parameters describe.
    """
    if params.checkpoint is not None and not is_of_pipeline(base.read_bytes()):
        return take_over(base, params, target)
    check_origin(base, params, given)
    check_fit(read_architecture(base), params, base)
    with atomic_file(target) as temporary:
        link_or_copy(base, temporary)
    return "checkpoint of the base reused" if has_samples else f"checkpoint {params.checkpoint} used"


def take_over(checkpoint: Path, params: TrainParams, target: Path) -> str:
    """Write a checkpoint of lightly as one of this pipeline.

    Args:
        checkpoint: a copy of the file that `train.checkpoint` names.
        params: section `train`.
        target: where it goes.

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
    save_checkpoint(target, architecture, weights, sha256_of_file(checkpoint))
    return f"checkpoint {given} of lightly used: {architecture.backbone}, {architecture.embedding_dim} values"


def without_model(embeddings_file: str, given: str, base: Path | None, target: Path, *, retrain: bool) -> str:
    """Write a checkpoint that holds no weights and says how many values the given embeddings have.

    Args:
        embeddings_file: what holds them.
        given: hash of that file when the iteration was decided on.
        base: the datapool's checkpoint, None where there is none.
        target: where the checkpoint goes.
        retrain: whether they replace all embeddings of the datapool.

    Returns:
        What was done, in words.

    Raises:
        ParamsError: the file is wrong, or has changed.
        CheckpointError: the datapool's embeddings are of a model, or have another number of values.
    """
    from curation.embeddings.given import read_given
    from curation.embeddings.given_files import KEY, require_unchanged
    from curation.model.weights import save_checkpoint

    require_unchanged(embeddings_file, given)
    dimension = read_given(embeddings_file, KEY).embeddings.shape[1]
    former = read_architecture(base) if base is not None and not retrain else None
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
    save_checkpoint(target, wanted, {})
    return f"no model, since {embeddings_file} gives the embeddings ({dimension} values each)"
