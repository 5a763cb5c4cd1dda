"""Taking another project's datapool, or a file of embeddings, into the cache, to be united with this one's datapool."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.atomic import link_or_copy
from curation.core.errors import BaseError, CheckpointError
from curation.core.hashing import sha256_of_file
from curation.datapool import store
from curation.datapool.pictures import picture_path, read_pictures, write_pictures
from curation.embeddings.given import GivenEmbeddings, read_given
from curation.embeddings.shards import write_shards
from curation.history.dvc_cache import Cache, download
from curation.history.dvc_lock import output_hash
from curation.inspection.revision import Revision
from curation.model.architecture import GIVEN_EMBEDDINGS, Architecture
from curation.model.checkpoint import read_architecture, read_origin
from curation.pipeline import paths
from curation.raw.naming import label_indices, label_name
from curation.tables.datapool import COMBINED, ITERATIONS
from curation.tables.embeddings import embedding_schema

FILES = (".csv", ".parquet", ".npy")
"""Endings of files of embeddings: see `curation.embeddings.given`."""


def source_and_revision(text: str) -> tuple[str, str]:
    """Divide `PATH_OR_URL@REV`; without a revision it is HEAD.

    An `@` that belongs to a path, or to a URL such as `git@host:path`, divides nothing.
    """
    source, at, revision = text.rpartition("@")
    if not at or Path(text).exists() or not source or not revision or ":" in revision:
        return text, "HEAD"
    return source, revision


def taken_in(source: str, revision: str, cache: Cache) -> tuple[str, int]:
    """Bring the datapool of another repository into the cache.

    Args:
        source: path or URL of a git repository made from this template.
        revision: a commit, branch or tag of it.
        cache: of this project.

    Returns:
        DVC's hash of the datapool, and how many samples it holds.

    Raises:
        BaseError: there is no such repository or revision, or no datapool at it, or its files cannot be fetched.
    """
    with TemporaryDirectory(prefix="combine-", dir=cache.temporary_folder()) as folder:
        target = Path(folder) / paths.DATAPOOL.name
        download(source, revision, paths.DATAPOOL, target)
        if not (target / store.SAMPLES_CSV).is_file():
            raise BaseError(f"{source}@{revision}: its {paths.DATAPOOL} was not made by this template")
        leave_out_absent_pictures(target)
        return cache.add_folder(target), len(store.read_samples(target))


def leave_out_absent_pictures(datapool: Path) -> None:
    """Leave out of a datapool's list the pictures that it does not bring along: its former iterations have them."""
    table = read_pictures(datapool)
    places = zip(table["folder"], table["file"], strict=True)
    comes = [picture_path(datapool, folder, file).is_file() for folder, file in places]
    write_pictures(datapool, table[comes].reset_index(drop=True))


@dataclass(frozen=True)
class Combined:
    """A file of embeddings that became a datapool.

    Attributes:
        datapool: DVC's hash of it.
        samples: how many it holds.
        left_out: how many samples of the file were not selected, or masked.
    """

    datapool: str
    samples: int
    left_out: int


def is_file(source: str) -> bool:
    """Return whether a source is a file of embeddings, there or not, and no repository."""
    return Path(source).suffix.lower() in FILES and not Path(source).is_dir()


def combined(
    source: Path, checkpoint: Path | None, own: Revision, cache: Cache, *, embeddings_are_given: bool
) -> Combined:
    """Make a datapool of a file of embeddings, and put it into the cache.

    Args:
        source: the file. If it marks samples as selected, these come in, else all that are not masked.
        checkpoint: of the model that made the embeddings; None: another program made them, as it made this project's.
        own: this project's last iteration.
        cache: of this project.
        embeddings_are_given: whether this project takes its embeddings from a file (`embed.embeddings_file`).

    Raises:
        ParamsError: the file is not as `curation.embeddings.given` says.
        BaseError: no sample is left.
        CheckpointError: it is not known which model made the embeddings, or they cannot be its.
    """
    given = read_given(str(source), "combine")
    chosen = (given.selected if given.selected.any() else np.ones_like(given.selected)) & ~given.masked
    if not chosen.any():
        raise BaseError(f"combine: {source} masks all samples that it marks as selected; there is nothing to take in")
    with TemporaryDirectory(prefix="combine-", dir=cache.temporary_folder()) as folder:
        target = Path(folder) / paths.DATAPOOL.name
        target.mkdir()
        dimension = given.embeddings.shape[1]
        if checkpoint is None and embeddings_are_given and _own_checkpoint(own) is None:
            model = _checkpoint_of_none(Path(folder), dimension)
        else:
            model = _checkpoint(checkpoint, _own_checkpoint(own), source)
        has = read_architecture(model).embedding_dim
        if has != dimension:
            raise CheckpointError(
                f"combine: {source} has {dimension} values for each sample, and the checkpoint "
                f"{checkpoint or 'of the datapool'} makes {has}: these are not its embeddings"
            )
        write_combined(target, given, chosen, model, source.name)
        return Combined(cache.add_folder(target), int(chosen.sum()), int((~chosen).sum()))


def write_combined(
    folder: Path, given: GivenEmbeddings, chosen: NDArray[np.bool_], checkpoint: Path, name: str
) -> None:
    """Write a datapool of embeddings only: one iteration that selected them, in the order of the file.

    There is no raw file, so no ledger and no hash, nor a figure of any picture.

    Args:
        folder: an existing, empty one.
        given: the embeddings.
        chosen: (n,) bool: which of them come in.
        checkpoint: of the model that made them.
        name: of the file, for people.
    """
    filenames = [filename for filename, is_chosen in zip(given.names, chosen, strict=True) if is_chosen]
    embeddings, labels = given.embeddings[chosen], [label_name(filename) for filename in filenames]
    columns = embedding_schema(1)
    unknown = {field.name: "" if str(field.type) == "string" else np.nan for field in columns}
    rows = pd.DataFrame({"filename": filenames}).assign(**{key: unknown[key] for key in columns.names[1:-1]})
    rows = rows.assign(raw_path=f"{COMBINED}{name}", frame=0, width=0, height=0, label_name=labels)
    rows["label"] = [label_indices(set(labels), {})[label] for label in labels]
    samples = rows.assign(iteration=1, rank=range(len(rows)), distance=np.nan, nearest="")
    digest = sha256_of_file(checkpoint)
    log = dict.fromkeys(ITERATIONS.names, 0) | {"iteration": 1, "checkpoint_hash": digest, "coverage_radius": np.nan}
    log |= dict.fromkeys(("candidates", "selected", "size_after"), len(rows))
    link_or_copy(checkpoint, folder / store.CHECKPOINT)
    write_shards(folder / store.EMBEDDINGS_FOLDER, rows, embeddings, digest)
    store.write_samples(folder, samples)
    store.write_iterations(folder, pd.DataFrame([log]))
    store.write_embedded(folder, samples, rows, embeddings, set())


def _own_checkpoint(own: Revision) -> Path | None:
    """Return the checkpoint of this project's datapool."""
    has_one = output_hash(own.stages, paths.DATAPOOL) and store.CHECKPOINT in own.datapool_files
    return own.datapool_file(store.CHECKPOINT) if has_one else None


def _checkpoint_of_none(folder: Path, dimension: int) -> Path:
    """Write the checkpoint that stands for embeddings from files, as stage `train` will."""
    from curation.model.weights import save_checkpoint

    save_checkpoint(folder / store.CHECKPOINT, Architecture.of_given_embeddings(dimension), {})
    return folder / store.CHECKPOINT


def _checkpoint(given: Path | None, own: Path | None, source: Path) -> Path:
    """Find the checkpoint that made the embeddings of a file: the given one, or what this project's came from, too."""
    if given is not None:
        if not given.is_file():
            raise CheckpointError(f"--checkpoint: there is no file {given}; give the path of a checkpoint")
        # The datapool's may have been made from that of lightly: then they are the same model.
        began_with_it = own is not None and read_origin(own) == sha256_of_file(given)
        return own if own is not None and began_with_it else given
    if own is not None and read_architecture(own).backbone == GIVEN_EMBEDDINGS:
        return own
    raise CheckpointError(
        f"combine: {source} does not say which model made its embeddings, and those of two models cannot be compared: "
        "give its checkpoint with --checkpoint. It has to be this datapool's own (checkpoint_latest.ckpt, or the file "
        "of lightly that train.checkpoint named), unless train.retrain is true"
    )
