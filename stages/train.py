"""Stage `train`: the checkpoint that defines the embedding space of this iteration.

Reads `data/base/` (checkpoint and number of samples), `data/given_weights.txt` and, where it trains,
`data/clean/samples.parquet`, `data/clean/proxies/` and the file that `train.weights` names; writes
`data/train/checkpoint.ckpt` and `data/train/loss.csv`. Until then, `data/train/training.state` keeps how far it came.
"""

from pathlib import Path

import pandas as pd

from curation.core.errors import CheckpointError
from curation.datapool import store
from curation.image.proxies import ProxyReader
from curation.model.architecture import GIVEN_EMBEDDINGS
from curation.model.checkpoint import read_architecture
from curation.model.passing_on import pass_on, without_model
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.tables.files import empty_frame, read_parquet, write_csv
from curation.tables.training import LOSS


def run(params: Params) -> str:
    r"""Pass the base's checkpoint through; train one where there is none, or on train.retrain.

    \b
    Reads   data/clean/samples.parquet, data/clean/proxies/, data/base/, data/given_weights.txt,
            data/given_embeddings.txt
    Writes  data/train/checkpoint.ckpt, data/train/loss.csv
    """
    base = paths.BASE / store.CHECKPOINT if (paths.BASE / store.CHECKPOINT).exists() else None
    file, retrain = params.embed.embeddings_file, params.train.retrain
    losses = empty_frame(LOSS)
    if file is not None:
        given = paths.GIVEN_EMBEDDINGS.read_text().strip()
        said = without_model(file, given, base, paths.CHECKPOINT, retrain=retrain)
    else:
        has_samples = len(store.read_samples(paths.BASE)) > 0
        weights = (paths.GIVEN_WEIGHTS.read_text().strip() or None) if params.train.weights is not None else None
        if base is not None and not retrain:
            said = pass_on(base, params.train, weights, paths.CHECKPOINT, has_samples=has_samples)
        elif has_samples and not retrain:
            raise CheckpointError(
                f"the datapool to build on holds samples but no {store.CHECKPOINT}: restore it with `dvc checkout`, or "
                "set train.retrain: true to train a new model and embed everything again"
            )
        else:
            said, losses = train(params, base, weights)
    write_csv(losses, LOSS, paths.LOSS)
    return said


def train(params: Params, base: Path | None, weights: str | None) -> tuple[str, pd.DataFrame]:
    """Train a checkpoint on the samples of stage `clean`.

    Args:
        params: section `train`.
        base: the datapool's checkpoint, None where there is none.
        weights: hash of the file that `train.weights` names, None without one.

    Returns:
        What was done, in words, and the loss of each step, columns `LOSS`.
    """
    # Imported here, because torch and Lightning take seconds that passing a checkpoint through need not cost.
    from curation.model.training.new_checkpoint import summary, train_checkpoint

    if base is not None and read_architecture(base).backbone == GIVEN_EMBEDDINGS:
        base = None  # There are no weights to go on with.
    samples = read_parquet(paths.SAMPLES, columns=["filename", "shard", "member"]).sort_values("filename")
    members = list(zip(samples["shard"], samples["member"], strict=True))
    source = ProxyReader(paths.PROXIES)
    losses, start, rank = train_checkpoint(
        members, params.train, base, weights, source, paths.TRAINING_STATE, paths.CHECKPOINT
    )
    said = summary(params.train, len(members), losses, start, rank)
    return said, pd.DataFrame(losses, columns=LOSS.names)


main = stage_command(run)

if __name__ == "__main__":
    main()
