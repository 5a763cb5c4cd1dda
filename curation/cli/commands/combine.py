"""`combine`: the datapool of another project, or what was selected elsewhere, joins this one's."""

from pathlib import Path

import click

from curation.core.errors import BaseError
from curation.history import git
from curation.history.combine import combined, is_file, source_and_revision, taken_in
from curation.history.dvc_cache import open_cache
from curation.history.dvc_lock import output_hash, stages_at
from curation.inspection.revision import revision
from curation.params.load import load_params
from curation.pipeline import paths


@click.command(name="combine")
@click.argument("source", metavar="PATH_OR_URL[@REV]|FILE")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="Of a FILE: the model that made its embeddings. Not needed where this project's come from a file, too.",
)
def command(source: str, checkpoint: Path | None) -> None:
    r"""Bring another project's datapool, or what was selected elsewhere, into the cache, to unite it with this one.

    The other project is a git repository made from this template; REV is HEAD unless given. Both datapools need the
    same checkpoint, or train.retrain: true. Raw files are not copied.

    FILE (.csv, .parquet, .npy) holds embeddings, as lightly and its Datapool write them: columns filenames,
    embedding_0, ..., and perhaps labels, selected and masked. What it marks as selected, or all that it does not mask,
    then counts as selected already: it stands in the datapool without a picture, and new samples keep away from it.

    \b
    python -m curate combine ../other-project@main
    python -m curate combine datapool_latest.csv --checkpoint checkpoint_latest.ckpt
    """
    git.require_repository()
    with open_cache() as cache:
        if is_file(source):
            are_given = load_params(paths.PARAMS).embed.embeddings_file is not None
            own = revision("HEAD", cache)
            found = combined(Path(source), checkpoint, own, cache, embeddings_are_given=are_given)
            datapool, samples, left_out = found.datapool, found.samples, found.left_out
        else:
            if checkpoint is not None:
                raise BaseError("--checkpoint belongs to a file of embeddings; a datapool has its own")
            datapool, samples = taken_in(*source_and_revision(source), cache)
            left_out = 0
    has_one = output_hash(stages_at("HEAD", paths.DVC_LOCK), paths.DATAPOOL) is not None
    value = f"[HEAD, {datapool}]" if has_one else datapool
    others = f" ({left_out} others are left out: not selected, or masked)" if left_out else ""
    click.echo(
        f"combine: {samples} samples of {source} are in the cache{others}. To unite both datapools, set in params.yaml"
        f"\n\nbase:\n  datapool: {value}\n\n"
        "and run `dvc repro`. Once that is committed, set it back to auto when you add new files."
    )
