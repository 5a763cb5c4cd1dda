"""A checkpoint that is trained, or whose network is taken as it is and fitted to the samples."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from curation.core.atomic import remove
from curation.model.agreement import SHAPES, require_given_weights, wanted_architecture
from curation.model.architecture import Architecture
from curation.model.checkpoint import read_origin
from curation.model.networks.foreign import with_own_normalisation
from curation.model.proxy_source import ProxySource
from curation.model.training.callbacks import LossValue
from curation.model.training.fit import TrainingSettings, fit_projection, initial_model, train_model
from curation.model.training.method import Method, network_weights, without_head
from curation.model.weights import load_checkpoint, save_checkpoint
from curation.params.train import TrainParams

COLLAPSED = 1.5
"""An embedding of a lower effective rank tells samples apart along one direction only."""


class _Start(NamedTuple):
    """Where training begins.

    Attributes:
        model: with its first weights.
        architecture: of the checkpoint.
        origin: hash of the file that the first weights of all came from, if they came from one.
        continues: whether the weights are those of the base.
        words: which weights these are, in words.
    """

    model: Method
    architecture: Architecture
    origin: str | None
    continues: bool
    words: str


def train_checkpoint(
    members: Sequence[tuple[str, str]],
    params: TrainParams,
    base: Path | None,
    given: str | None,
    source: ProxySource,
    state: Path,
    target: Path,
) -> tuple[Sequence[LossValue], str, float | None]:
    """Train a model and write its checkpoint.

    Args:
        members: proxy shard and member of each sample, in the order of the samples' names.
        params: section `train`.
        base: checkpoint to start from; None: random weights.
        given: hash of the file that `train.weights` names, None without one.
        source: of the proxies.
        state: file that keeps how far training came, until it is done.
        target: where the checkpoint goes.

    Returns:
        The loss of each step, from which weights the training started, in words, and the embedding's effective rank,
        None where there are too few samples to tell.
    """
    settings = TrainingSettings(**params.model_dump(include=set(TrainingSettings.__dataclass_fields__)))
    start = _start(params, settings, base, given)
    losses = train_model(start.model, start.architecture, source, members, settings, state)
    rank = fit_projection(start.model, start.architecture, source, members)
    trained = network_weights(start.model)
    kept = trained if params.enabled or start.continues else without_head(trained)
    save_checkpoint(target, start.architecture, kept, start.origin)
    remove(state)
    return losses, start.words, rank


def _start(params: TrainParams, settings: TrainingSettings, base: Path | None, given: str | None) -> _Start:
    """Make the model with its first weights; see `train_checkpoint`."""
    architecture = wanted_architecture(params)
    if architecture.is_foreign:
        architecture = with_own_normalisation(architecture)
    former, weights = load_checkpoint(base) if base is not None else (None, {})
    differing = architecture.differences(former, SHAPES) if former is not None else []
    origin = read_origin(base) if base is not None else None
    if base is not None and given not in (None, origin):
        differing = [f"from {params.weights}", *differing]
    continues = base is not None and not differing
    if not continues:
        origin = given
        require_given_weights(params.weights, given)
    elif former is not None and former.input_size == architecture.input_size:
        architecture = former  # also where its images pass the first layers in another way
    # The weights of the base are those that were pretrained, or come after them: nothing is to be fetched.
    begun = replace(settings, pretrained=False, weights=None) if continues else settings
    model = initial_model(architecture, begun)
    words = f"from the weights of {params.weights}" if params.weights else ""
    if differing and not params.weights:
        words = f"from {'pretrained' if params.pretrained else 'new'} weights ({'; '.join(differing)} in the base)"
    if base is not None and continues:
        model.start_from(weights, base)
        words = "from the weights of the base"
    return _Start(model, architecture, origin, continues, words)


def summary(
    params: TrainParams, samples: int, losses: Sequence[LossValue], start: str, effective_rank: float | None
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
