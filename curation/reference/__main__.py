"""`python -m curation.reference` writes what is made from the code, or says what is out of date."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click
from ruamel.yaml import YAML

from curation.core.atomic import write_text
from curation.core.errors import OutputError
from curation.explore import schema as explore
from curation.export.formats import registry as formats
from curation.labels.formats import registry as label_formats
from curation.model.training.methods import registry as methods
from curation.pipeline import paths
from curation.reference.cli_page import cli_page
from curation.reference.json_schema import json_schema
from curation.reference.parameters_page import parameters_page
from curation.reference.params_yaml import SCHEMA, documented
from curation.selection.rules import registry as rules
from curation.video.containers import registry as containers

PARAMETERS_PAGE = Path("docs/reference/parameters.md")
CLI_PAGE = Path("docs/reference/cli.md")
REGISTERED: Mapping[Path, Callable[[], str]] = {
    Path("docs/reference/rules.md"): rules.reference,
    Path("docs/reference/formats.md"): formats.reference,
    Path("docs/reference/label-formats.md"): label_formats.reference,
    Path("docs/reference/methods.md"): methods.reference,
    Path("docs/reference/containers.md"): containers.reference,
    Path("docs/reference/explore.md"): explore.reference,
}
"""Pages that describe what registries and the table of all samples hold, with what makes them."""


def texts() -> dict[Path, str]:
    """Return all files that are made from the code, as they should be, by path below the project's folder."""
    return {
        paths.PARAMS: documented(paths.PARAMS.read_text(encoding="utf-8"), paths.PARAMS),
        Path(SCHEMA): json_schema(),
        PARAMETERS_PAGE: parameters_page(),
        CLI_PAGE: cli_page(stage_names(paths.DVC_YAML.read_text(encoding="utf-8"))),
        **{path: page() for path, page in REGISTERED.items()},
    }


def stage_names(dvc_yaml: str) -> list[str]:
    """Return the stages that are modules of `stages`, in their order."""
    stages = YAML(typ="safe", pure=True).load(dvc_yaml)["stages"]
    return [name for name, stage in stages.items() if stage.get("cmd") == f"python -m stages.{name}"]


def outdated() -> dict[Path, str]:
    """Return what `texts` returns, but only files that hold something else now."""
    return {
        path: text for path, text in texts().items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


@click.command()
@click.option("--write", is_flag=True, help="Write the files; without it, only say which are out of date.")
def main(write: bool) -> None:
    """Make params.yaml's comments, its JSON schema and the pages of docs/reference from the code."""
    found = outdated()
    names = ", ".join(map(str, found))
    if not write and found:
        raise OutputError(f"out of date: {names}; `make reference` writes them")
    for path, text in found.items():
        write_text(path, text)
    click.echo(f"reference: wrote {names}" if found else "reference: everything is up to date")


if __name__ == "__main__":
    main(prog_name="python -m curation.reference")
