"""Stage `base`: brings the datapool that this iteration builds on into `data/base/`.

Reads `base.json`; writes `data/base/`: that datapool linked out of the DVC cache by its hash, fetched from the remote
if need be; the union of several; or an empty datapool before the first iteration. Beside it, `data/given_weights.txt`
and `data/given_embeddings.txt` say the hashes of the files that `train.weights` and `embed.embeddings_file` name, and
`data/given_predictions.txt` the one of the predictions whose objects are embedded, so that `train`, `embed` and `clean`
run again when these change.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import click

from curation.core.atomic import TEMPORARY_PREFIX, atomic_folder, write_text
from curation.core.errors import BaseError, CheckpointError
from curation.datapool.removal import KEY, by_samples, read_removal_list, take_out
from curation.datapool.store import CHECKPOINT, checkpoint_hash, mark_as_union, read_samples, write_empty_datapool
from curation.history import git
from curation.history.base_rule import Base, parse_base
from curation.history.dvc_cache import checkout
from curation.history.dvc_lock import output_hash, stages_at
from curation.history.kept_lists import write_lists
from curation.history.overlap import NearRule
from curation.history.removal_list import removal_list_hash
from curation.history.union import EVERYTHING_STAYS, unite
from curation.labels.given_files import object_tasks_text
from curation.model.checkpoint import read_origin
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.tables.given_lists import unmatched


def base(
    content: Base,
    recorded: str | None,
    target: Path,
    given: Path | None,
    *,
    embeddings_are_replaced: bool,
    near: NearRule = EVERYTHING_STAYS,
) -> str:
    """Materialise the base.

    Args:
        content: of `base.json`.
        recorded: hash that HEAD recorded for the very same base, None where it is not HEAD's.
        target: the folder to make.
        given: checkpoint file to use instead of training, None for none. Only an empty base needs it: the datapool of
            any other holds its checkpoint, and `base.json` the hash of the given one.
        embeddings_are_replaced: whether a union may have several checkpoints.
        near: what becomes of near duplicates in a union.

    Returns:
        What was done, in words.

    Raises:
        CheckpointError: the given checkpoint is not the one of the base.
    """
    if not content.datapools:
        with atomic_folder(target) as folder:
            write_empty_datapool(folder)
            if given is not None:
                if not given.is_file():
                    raise CheckpointError(f"train.checkpoint: there is no file {given}; give its path, or null")
                copyfile(given, folder / CHECKPOINT)
        return "empty: this is the first iteration"
    wanted = content.datapools if recorded is None else (recorded,)
    if len(wanted) == 1:
        fetched = checkout(wanted[0], target)
        how = f"{fetched} objects fetched from the remote" if fetched else "linked from the DVC cache"
    else:
        how = _unite(wanted, target, embeddings_are_replaced=embeddings_are_replaced, near=near)
    if given is not None and not holds(target, content.fingerprint.get("given_checkpoint")):
        raise CheckpointError(
            f"train.checkpoint: {given} is not the checkpoint of the datapool, whose embeddings it could not be "
            "compared with; set it to null to go on with the datapool's checkpoint, or start afresh with "
            "base.datapool: none"
        )
    return f"{len(read_samples(target))} samples, {how}"


def holds(datapool: Path, given_checkpoint: str | None) -> bool:
    """Return whether a datapool's checkpoint is the given one, or was made from it.

    Args:
        datapool: the folder.
        given_checkpoint: hash of the given file.
    """
    return given_checkpoint == checkpoint_hash(datapool) or (
        (datapool / CHECKPOINT).exists() and given_checkpoint == read_origin(datapool / CHECKPOINT)
    )


def _unite(datapools: Sequence[str], target: Path, *, embeddings_are_replaced: bool, near: NearRule) -> str:
    """Write the union of several datapools of the DVC cache, and say what they had in common."""
    with TemporaryDirectory(dir=target.parent, prefix=f"{TEMPORARY_PREFIX}{os.getpid()}-union-") as workspace:
        parts = [Path(workspace) / str(number) for number in range(len(datapools))]
        for part, datapool in zip(parts, datapools, strict=True):
            checkout(datapool, part)
        with atomic_folder(target) as folder:
            pairs = unite(parts, folder, embeddings_are_replaced=embeddings_are_replaced, near=near)
            mark_as_union(folder, datapools, pairs, near.choice)
    exact = sum(pair.distance is None for pair in pairs)
    found = [f"{exact} exact duplicates came in once"] if exact else []
    if exact < len(pairs):
        done = "kept" if near.choice == "keep" else "dropped"
        found.append(f"{len(pairs) - exact} nearer than select.min_distance {done} (base.near_duplicates)")
    return "; ".join([f"the union of {len(datapools)} datapools", *found])


def run(params: Params) -> str:
    r"""Bring the datapool that this iteration builds on into the workspace.

    \b
    Reads   base.json, the DVC cache, the DVC remote if need be
    Writes  data/base/: a datapool; with train.checkpoint an empty one holds that checkpoint already
            data/given_weights.txt: the hash of the file that train.weights names
            data/given_embeddings.txt: of what embed.embeddings_file names
            data/given_predictions.txt: of the predictions whose objects are embedded, and these
            pictures/*.dvc: by which DVC holds pictures of former iterations, where they are kept
    """
    content = parse_base(paths.BASE_JSON.read_text())
    if content is None:
        raise BaseError(f"{paths.BASE_JSON} is damaged: `git checkout {paths.BASE_JSON}`, then `dvc repro`")
    same_as_head = len(content.datapools) > 1 and content == parse_base(git.read_file("HEAD", paths.BASE_JSON))
    recorded = output_hash(stages_at("HEAD", paths.DVC_LOCK), paths.BASE) if same_as_head else None
    given = Path(params.train.checkpoint) if params.train.checkpoint else None
    write_text(paths.GIVEN_WEIGHTS, f"{content.fingerprint.get('given_weights') or ''}\n")
    write_text(paths.GIVEN_EMBEDDINGS, f"{content.fingerprint.get('given_embeddings') or ''}\n")
    tasks = object_tasks_text(params.select.object_predictions, content.fingerprint.get("given_objects"))
    write_text(paths.GIVEN_PREDICTIONS, tasks)
    if removal_list_hash(params.base.removed_file) != content.fingerprint.get("removed"):
        raise BaseError(f"{KEY}: {params.base.removed_file} was changed during the run: run `dvc repro` again")
    near = NearRule(params.select.min_distance, params.base.near_duplicates)
    done = base(content, recorded, paths.BASE, given, embeddings_are_replaced=params.train.retrain, near=near)
    listed, lost = by_samples(read_removal_list(params.base.removed_file), paths.BASE)
    names = set(listed["filename"])
    if (warning := unmatched(params.base.removed_file, names, names - lost)) is not None:
        click.echo(f"base: warning: {warning}", err=True)
    taken_out = take_out(paths.BASE, listed)
    write_lists(paths.BASE, paths.PICTURES)
    return f"{done}; {len(taken_out)} taken out for good" if taken_out else done


main = stage_command(run)

if __name__ == "__main__":
    main()
