"""Stage `code`: one digest of the code of each stage that runs before an iteration's code is known, such as `ingest`.

Reads the code, `dvc.yaml`, `params.yaml` and git's HEAD; writes `data/early_code.json`. The other stages' digests come
from `resolve_base`, which knows whether HEAD's iteration is made again. It runs at every `dvc repro`, so it imports
nothing heavy.
"""

import json

import click

from curation.core.atomic import write_json
from curation.history.code_record import digests_now, early_code
from curation.history.dvc_lock import stages_at
from curation.history.workspace import current_pipeline, default_values
from curation.params.load import load_params, read_yaml
from curation.pipeline import paths
from curation.pipeline.command import ClearCommand, with_clear_errors


@click.command(name="code", cls=ClearCommand)
@click.option("--now", is_flag=True, help="Only print the digests of all stages' code as it is now, as JSON.")
def main(now: bool) -> None:
    r"""Write one digest of the code of each stage that runs before an iteration's code is known.

    \b
    Reads   the code, dvc.yaml, params.yaml, git's HEAD
    Writes  data/early_code.json
    """
    paths.enter_project()
    with_clear_errors("code", _print_now if now else _write)


main.help = (main.help or "").replace("\\b", "\b")


def _print_now() -> None:
    click.echo(json.dumps(digests_now(current_pipeline(), paths.CODE), sort_keys=True))


def _write() -> None:
    load_params(paths.PARAMS)
    pipeline = current_pipeline()
    head = stages_at("HEAD", paths.DVC_LOCK)
    digests = early_code(pipeline, head, read_yaml(paths.PARAMS), default_values())
    write_json(paths.EARLY_CODE, dict(digests))
    click.echo(f"code: digests of the code of {', '.join(digests) or 'no stage'}; resolve_base takes the others")


if __name__ == "__main__":
    main()
