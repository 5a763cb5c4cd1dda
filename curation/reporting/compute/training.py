"""Figures of the training."""

from curation.reporting.compute.distances import effective_rank, embedding_std, subset
from curation.reporting.compute.series import CURVE_POINTS, DISTANCE_SUBSET, thinned
from curation.reporting.contents.embeddings import LossPoint, Training
from curation.reporting.inputs import ReportInputs


def training_of(inputs: ReportInputs) -> Training:
    """Describe the loss, and check that the embeddings have not collapsed to one point."""
    loss = inputs.loss
    rows = subset(len(inputs.embeddings), DISTANCE_SUBSET)
    embeddings = inputs.embeddings[rows]
    enough = len(embeddings) >= JUDGED_FROM
    std = embedding_std(embeddings) if enough else None
    rank = effective_rank(embeddings) if enough else None
    return Training(
        embeddings_file=inputs.embeddings_file,
        masked=int(inputs.samples["filename"].isin(inputs.masked).sum()),
        passed_through=loss.empty,
        steps=int(loss["step"].nunique()),
        epochs=int(loss["epoch"].nunique()),
        loss_first=loss["loss"].iloc[0] if len(loss) else None,
        loss_last=loss["loss"].iloc[-1] if len(loss) else None,
        loss_curve=tuple(
            LossPoint(step=int(loss["step"].iloc[row]), loss=loss["loss"].iloc[row])
            for row in thinned(len(loss), CURVE_POINTS)
        ),
        embedding_dim=inputs.embeddings.shape[1],
        embedding_std=std,
        effective_rank=rank,
        examined=len(embeddings),
        collapsed=std is not None and rank is not None and (std < COLLAPSED_STD or rank < COLLAPSED_RANK),
    )


JUDGED_FROM = 10
"""Embeddings from which on collapse can be told: n of them have an effective rank below n, whatever the network."""

COLLAPSED_STD, COLLAPSED_RANK = 0.05, 1.5
