"""Stage `resolve_base`: decides which committed datapool this iteration builds on.

Reads `reports/ingest.json`, `params.yaml`, `dvc.yaml`, the code files listed there, and git's HEAD; writes
`base.json`. It runs at every `dvc repro`, so it imports nothing heavy.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from curation.core.atomic import write_json
from curation.core.errors import BaseError, CurationError, ParamsError
from curation.core.hashing import sha256_of_bytes, sha256_of_file
from curation.embeddings.given_files import KEY as EMBEDDINGS_KEY
from curation.embeddings.given_files import files_of, hash_of
from curation.history import git
from curation.history.accepted import check_range, check_workspace
from curation.history.base_rule import Decision, Layout, datapool_hash, decide_base, parse_base
from curation.history.dvc_lock import cached_outputs, parse_stages
from curation.history.inputs import Fingerprint, code_hashes, fingerprint
from curation.history.removal_list import removal_list_hash
from curation.history.repair import refuse_cut_off_files
from curation.params.load import load_params, read_yaml
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import parameters_line, with_clear_errors

LAYOUT = Layout(paths.BASE_JSON, paths.DVC_LOCK, paths.DATAPOOL, paths.BASE, paths.RAW_FILES, paths.FILES)


def current_fingerprint(params: Params) -> Fingerprint:
    """Return the fingerprint of the inputs as they lie in the workspace."""
    try:
        table = str(json.loads(paths.INGEST_METRICS.read_text())["table"])
    except (OSError, ValueError, KeyError):
        raise BaseError(f"{paths.INGEST_METRICS} is missing or damaged: `dvc repro --force ingest` makes it") from None
    stages = parse_stages(paths.DVC_YAML.read_text())
    return fingerprint(
        raw_files=table,
        params=read_yaml(paths.PARAMS),
        stages=stages,
        code=code_hashes(stages, Path()),
        given_checkpoint=given_file_hash(params.train.checkpoint, "checkpoint"),
        given_files=given_files_hash(params.select.given_files),
        given_weights=given_file_hash(params.train.weights, "weights"),
        given_embeddings=given_embeddings_hash(params.embed.embeddings_file),
        removed=removal_list_hash(params.base.removed_file),
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


def given_files_hash(given: Sequence[str]) -> str | None:
    """Return one hash of the files that the parameters of the selection name; None without any.

    Raises:
        ParamsError: a file is not there.
    """
    if not given:
        return None
    for path in given:
        if not Path(path).is_file():
            raise ParamsError(
                f"params.yaml, section select: there is no file {path!r}; give a path from the repository's root, and "
                "commit the file, so that every checkout has it"
            )
    hashes = [f"{path} {sha256_of_file(Path(path))}" for path in sorted(set(given))]
    return sha256_of_bytes("\n".join(hashes).encode())


def resolve_base(params: Params) -> Decision:
    """Apply the rule to the workspace and git's HEAD."""
    git.require_repository()
    return decide_base(
        params.base.datapool,
        current_fingerprint(params),
        LAYOUT,
        needs_new_data=not (params.select.process_all or params.train.retrain),
    )


def check(commits: str | None) -> list[str]:
    """Return one message for each way in which accepted samples would get lost."""
    from curation.history.dvc_cache import sample_names

    git.require_repository()
    if commits:
        return check_range(commits, LAYOUT, sample_names)
    refuse_cut_off_files()
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


@click.command(name="resolve_base", epilog=parameters_line("resolve_base"))
@click.option(
    "--check", "check_only", is_flag=True, help="Only check that no accepted sample gets lost; for hooks, CI."
)
@click.option("--range", "commits", metavar="A..B", help="With --check: check these commits instead of the workspace.")
@click.option(
    "--outputs", is_flag=True, help="With --check: the parameters must be valid, and the cache hold the outputs."
)
@click.option("--hash", "revision", metavar="REV", help="Only print the hash of the datapool committed at REV.")
def main(check_only: bool, commits: str | None, outputs: bool, revision: str | None) -> None:
    r"""Decide which committed datapool this iteration builds on.

    \b
    Reads   reports/ingest.json, params.yaml, dvc.yaml, the code files listed there, git's HEAD
    Writes  base.json
    """
    if revision:
        click.echo(datapool_hash(revision, LAYOUT))
    elif check_only:
        messages = check(commits) + (unready() if outputs else [])
        if messages:
            raise CurationError("\n".join(messages))
        click.echo("resolve_base: every accepted sample is kept")
    else:
        with_clear_errors("resolve_base", _write)


# The docstring is raw, so that click's mark of a paragraph that keeps its lines is two characters in it.
main.help = (main.help or "").replace("\\b", "\b")


def _write() -> None:
    refuse_cut_off_files()
    decision = resolve_base(load_params(paths.PARAMS))
    base = decision.base
    written = parse_base(paths.BASE_JSON.read_text()) if paths.BASE_JSON.is_file() else None
    if not decision.is_of_head and written == base:
        # The same decision keeps the commits that it was first made at: HEAD may have moved on since, in other files.
        base = written
    write_json(paths.BASE_JSON, base.to_json())
    names = ", ".join(datapool[:8] for datapool in decision.base.datapools) or "empty"
    click.echo(f"resolve_base: base {names} ({decision.reason})")


if __name__ == "__main__":
    main()
