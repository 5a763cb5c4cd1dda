"""What lies in the workspace, as the base rule and its checks see it: the inputs now, and what was made last."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.core.errors import BaseError, ParamsError
from curation.core.hashing import md5_of_file, sha256_of_bytes, sha256_of_file
from curation.embeddings.given_files import KEY as EMBEDDINGS_KEY
from curation.embeddings.given_files import files_of, hash_of
from curation.history import git
from curation.history.accepted import check_head, check_range, check_workspace
from curation.history.base_rule import Decision, decide_base, parse_base
from curation.history.dvc_lock import cached_outputs, parse_stages
from curation.history.inputs import Fingerprint, fingerprint
from curation.history.layout import LAYOUT
from curation.history.readable import faults_in_index, faults_in_workspace, is_as_committed, way_in_workspace
from curation.history.removal_list import removal_list_hash
from curation.history.repair import refuse_cut_off_files
from curation.labels.given_files import given_files_hash
from curation.params.load import load_params, read_yaml
from curation.params.schema import PARAMETERS, Params
from curation.pipeline import paths
from curation.pipeline.definition import Pipeline, ancestors, made_by, pipeline_of


def current_pipeline() -> Pipeline:
    """Return the stages of the `dvc.yaml` in the workspace."""
    stages = parse_stages(paths.DVC_YAML.read_text(encoding="utf-8"))
    return pipeline_of(stages, read_yaml(paths.PARAMS) or {}, paths.PARAMS.as_posix())


def default_values() -> Mapping[str, Any]:
    """Return the value of each parameter that a project has which does not name it, by `section.key`."""
    return {parameter.key: parameter.default for parameter in PARAMETERS}


def current_fingerprint(params: Params, pipeline: Pipeline) -> Fingerprint:
    """Return the fingerprint of the inputs as they lie in the workspace."""
    try:
        table = str(json.loads(paths.INGEST_METRICS.read_text())["table"])
    except (OSError, ValueError, KeyError):
        raise BaseError(f"{paths.INGEST_METRICS} is missing or damaged: `dvc repro --force ingest` makes it") from None
    return fingerprint(
        raw_files=table,
        params=read_yaml(paths.PARAMS),
        given_checkpoint=given_file_hash(params.train.checkpoint, "checkpoint"),
        given_files=given_files_hash(params.select.given_files),
        given_objects=given_files_hash(list(params.select.object_predictions.values())),
        given_weights=given_file_hash(params.train.weights, "weights"),
        given_embeddings=given_embeddings_hash(params.embed.embeddings_file),
        removed=removal_list_hash(params.base.removed_file),
        own_files=own_files_hash(pipeline),
    )


def given_file_hash(given: str | None, key: str) -> str | None:
    """Return the hash of the checkpoint, or the file of weights, that the parameters name.

    Where the file is not there (it need not be shared: the datapool holds what it gave), it is the one that HEAD knows.

    Args:
        given: path of the file; None: there is none.
        key: of the section `train`: checkpoint or weights.

    Raises:
        ParamsError: neither the file nor an earlier iteration with it is there.
    """
    if given is None:
        return None
    if Path(given).is_file():
        return sha256_of_file(Path(given))
    known = known_to_head(f"given_{key}")
    if known is None:
        raise ParamsError(f"train.{key}: there is no file {given!r}; give its path, or null")
    return known


def known_to_head(kind: str) -> str | None:
    """Return one hash of the fingerprint that HEAD recorded; None where there is none."""
    head = parse_base(git.read_file("HEAD", paths.BASE_JSON))
    return head.fingerprint.get(kind) if head else None


def given_embeddings_hash(given: str | None) -> str | None:
    """Return the hash of the embeddings that the parameters name: of the file, or the one that HEAD knows without it.

    Raises:
        ParamsError: neither the file nor an earlier iteration with it is there.
    """
    if given is None:
        return None
    found = hash_of(given) or known_to_head("given_embeddings")
    if found is None:
        wanted = " and ".join(repr(str(file)) for file in files_of(given))
        raise ParamsError(f"{EMBEDDINGS_KEY}: there is no file {wanted}; give its path, or null")
    return found


def own_files_hash(pipeline: Pipeline) -> str | None:
    """Return one hash of the files that stages on the way to the datapool depend on, and that no stage makes.

    What comes before this rule (the raw files) counts with the table that comes out of it. Of folders each file counts.
    """
    early = ancestors(pipeline, paths.BASE_JSON.as_posix())
    shaping = ancestors(pipeline, paths.DATAPOOL.as_posix()) - early
    known = {paths.PARAMS.as_posix(), paths.CODE.as_posix()}
    wanted = {
        path
        for name in shaping
        for path in (*pipeline[name].dependencies, *pipeline[name].parameters)
        if path not in known and made_by(pipeline, path) is None
    }
    files = {
        file
        for path in map(Path, sorted(wanted))
        for file in (path.rglob("*") if path.is_dir() else [path])
        if file.is_file()
    }
    hashes = [f"{file.as_posix()} {md5_of_file(file)}" for file in sorted(files)]
    return sha256_of_bytes("\n".join(hashes).encode()) if hashes else None


def resolve_base(params: Params, pipeline: Pipeline) -> Decision:
    """Apply the rule to the workspace and git's HEAD."""
    git.require_repository()
    return decide_base(
        params.base.datapool,
        current_fingerprint(params, pipeline),
        LAYOUT,
        default_values(),
        needs_new_data=needs_new_data(params),
    )


def needs_new_data(params: Params) -> bool:
    """Return whether an iteration on unchanged raw files could not select anything."""
    return not (params.select.process_all or params.train.retrain)


def check(commits: str | None, *, staged: bool = False) -> list[str]:
    """Return one message for each way in which accepted samples would get lost, and for each file that is unreadable.

    Args:
        commits: a range of commits to check; None: the workspace, and HEAD itself.
        staged: what is about to be committed, in place of HEAD, which may be what the commit repairs.
    """
    from curation.history.dvc_cache import sample_names

    git.require_repository()
    if commits:
        return check_range(commits, LAYOUT, sample_names)
    refuse_cut_off_files()
    # `git commit -a` has an index of its own, so what is staged does not tell all.
    head = [] if staged else check_head(LAYOUT, sample_names)
    if faults := (staged and faults_in_index()) or ([] if is_as_committed() else faults_in_workspace()):
        return [*faults, way_in_workspace(), *head]
    return head or unaccounted()


def unaccounted() -> list[str]:
    """Return one message for each commit that the workspace follows and whose accepted samples it would drop."""
    from curation.history.dvc_cache import sample_names

    lock = paths.DVC_LOCK.read_text() if paths.DVC_LOCK.exists() else None
    written = paths.BASE_JSON.read_text() if paths.BASE_JSON.exists() else None
    return check_workspace(parse_stages(lock), parse_base(written), LAYOUT, sample_names)


def unready() -> list[str]:
    """Return one message for each reason why what lies in the workspace is not fit to be committed."""
    from curation.history.dvc_cache import open_cache

    load_params(paths.PARAMS)
    if not paths.DVC_LOCK.exists():
        return []
    lock, pipeline = (parse_stages(path.read_text()) for path in (paths.DVC_LOCK, paths.DVC_YAML))
    with open_cache() as cache:
        absent = [path for path, value in cached_outputs(lock, pipeline).items() if not cache.has_whole(value)]
    return [f"the DVC cache does not hold {path}: `dvc commit`, or `dvc repro`, puts it there" for path in absent]
