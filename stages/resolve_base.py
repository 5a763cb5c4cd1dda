"""Stage `resolve_base`: decides which committed datapool this iteration builds on, and which code it is made by.

Reads `reports/ingest.json`, `params.yaml`, `dvc.yaml`, the code, and git's HEAD; writes `base.json` and `code.json`. It
runs at every `dvc repro`, so it imports nothing heavy.
"""

from dataclasses import replace

import click

from curation.core.atomic import write_json
from curation.core.errors import CurationError
from curation.history import git
from curation.history.base_rule import Decision, datapool_hash, parse_base
from curation.history.code_record import digests_now, pinned_code, what_changed
from curation.history.dvc_lock import stages_at
from curation.history.label_hashes import label_hashes
from curation.history.layout import LAYOUT
from curation.history.repair import refuse_cut_off_files
from curation.history.workspace import (
    check,
    current_pipeline,
    default_values,
    needs_new_data,
    resolve_base,
    unready,
)
from curation.params.load import load_params, read_yaml
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import ClearCommand, parameters_line, with_clear_errors
from curation.pipeline.definition import Pipeline
from curation.raw.obstacles import hidden_names

_SHOWN = 3
"""Names that a warning gives as examples."""


@click.command(name="resolve_base", cls=ClearCommand, epilog=parameters_line("resolve_base"))
@click.option(
    "--check", "check_only", is_flag=True, help="Only check that no accepted sample gets lost; for hooks, CI."
)
@click.option("--range", "commits", metavar="A..B", help="With --check: check these commits instead of the workspace.")
@click.option(
    "--outputs", is_flag=True, help="With --check: the parameters must be valid, and the cache hold the outputs."
)
@click.option(
    "--staged", is_flag=True, help="With --check, in the hook: what is about to be committed, and not HEAD itself."
)
@click.option("--hash", "revision", metavar="REV", help="Only print the hash of the datapool committed at REV.")
def main(check_only: bool, commits: str | None, outputs: bool, staged: bool, revision: str | None) -> None:
    r"""Decide which committed datapool this iteration builds on, and which code it is made by.

    \b
    Reads   reports/ingest.json, params.yaml, dvc.yaml, the code, git's HEAD
    Writes  base.json, code.json
    """
    paths.enter_project()
    if revision:
        click.echo(datapool_hash(revision, LAYOUT))
    elif check_only:
        messages = check(commits, staged=staged)
        if messages := messages or (unready() if outputs else []):
            raise CurationError("\n".join(messages))
        click.echo(f"resolve_base: every accepted sample is kept{_unchecked(commits, staged=staged)}")
    else:
        with_clear_errors("resolve_base", _write)


# The docstring is raw, so that click's mark of a paragraph that keeps its lines is two characters in it.
main.help = (main.help or "").replace("\\b", "\b")


def _unchecked(commits: str | None, *, staged: bool) -> str:
    """Say that a shallow clone lacks what HEAD is compared with; empty where it does not."""
    if commits or staged or git.commit_of("HEAD") not in git.cut_off_commits():
        return ""
    return f"; but HEAD itself was compared with nothing: {git.missing_history()}"


def _write() -> None:
    refuse_cut_off_files()
    params, pipeline = load_params(paths.PARAMS), current_pipeline()
    decision = resolve_base(params, pipeline)
    base = decision.base
    written = parse_base(paths.BASE_JSON.read_text()) if paths.BASE_JSON.is_file() else None
    if not decision.is_of_head and written == base:
        # The same decision keeps the commits that it was first made at: HEAD may have moved on since, in other files.
        base = written
    if not decision.is_of_head:  # what HEAD's iteration counted stays as it was
        base = replace(base, labels=label_hashes(paths.LABELS))
    write_json(paths.BASE_JSON, base.to_json())
    names = ", ".join(datapool[:8] for datapool in decision.base.datapools) or "empty"
    told = _write_code(decision, params, pipeline)
    _tell_hidden_names()
    hold_pictures()
    click.echo(f"resolve_base: base {names} ({decision.reason}){told}")


def _tell_hidden_names() -> None:
    """Warn of raw files that nobody else tells of: DVC does not see them, nor does `ingest`."""
    if hidden := hidden_names(paths.RAW):
        shown = ", ".join(hidden[:_SHOWN]) + (", ..." if len(hidden) > _SHOWN else "")
        click.echo(
            f"resolve_base: warning: {len(hidden)} names in {paths.RAW} are not UTF-8: DVC cannot read them, and they "
            f"are left out: {shown}; `python -m curate doctor` says how to rename them",
            err=True,
        )


def hold_pictures() -> None:
    """Make the lists of kept pictures anew where they are not those of the base that is here: after `dvc exp apply`."""
    if any(paths.PICTURES.glob("*.dvc")) or (paths.BASE / "pictures.csv").exists():
        from curation.history.kept_lists import write_lists

        write_lists(paths.BASE, paths.PICTURES)


def _write_code(decision: Decision, params: Params, pipeline: Pipeline) -> str:
    """Write which code the iteration is made by, and say what is to be said about it."""
    now = digests_now(pipeline, paths.CODE)
    if not decision.is_accepted:
        write_json(paths.CODE, now)
        return ""
    head = stages_at("HEAD", paths.DVC_LOCK)
    code = pinned_code(pipeline, now, head, read_yaml(paths.PARAMS), default_values())
    write_json(paths.CODE, code)
    if (changed := what_changed(now, code, head)) is None:
        return ""
    ways = "with new data" if needs_new_data(params) else "with new data, or with base.round"
    return f"; {changed}: that takes effect {ways}"


if __name__ == "__main__":
    main()
