"""`params`: what the parameters mean, which of them were changed, and the comments of `params.yaml`."""

from collections.abc import Mapping

import click

from curation.core.atomic import write_text
from curation.core.errors import ParamsError
from curation.params.load import load_params
from curation.params.schema import PARAMETERS, Parameter, Params
from curation.pipeline import paths
from curation.reference.params_yaml import documented
from curation.reference.texts import as_yaml, text_of


def value_of(parameter: Parameter, params: Params) -> object:
    """Return the value of a parameter as `params.yaml` writes it."""
    values: Mapping[str, object] = params.model_dump(mode="json", exclude_none=True)[parameter.section]
    return values.get(parameter.name)


def explanation(parameter: Parameter, params: Params) -> list[str]:
    """Return what a parameter does, may hold, and holds, in lines."""
    value, default = as_yaml(value_of(parameter, params)), as_yaml(parameter.default)
    is_changed = value_of(parameter, params) != parameter.default
    return [
        f"{parameter.key}: {value}{f' (default: {default})' if is_changed else ' (its default)'}",
        *(f"  {line}" for line in text_of(parameter)),
    ]


@click.command(name="params")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--write", is_flag=True, help="Renew the comments in params.yaml, and add the parameters that it lacks.")
def command(names: tuple[str, ...], write: bool) -> None:
    r"""List the parameters that differ from their defaults, or explain some.

    NAME is a parameter or a whole section.

    \b
    python -m curate params                     what this project has changed
    python -m curate params select.n_samples    what this parameter means
    python -m curate params --write             after an upgrade: new comments and parameters; values stay
    """
    if write:
        text = paths.PARAMS.read_text(encoding="utf-8")
        new = documented(text, paths.PARAMS)
        if new != text:
            write_text(paths.PARAMS, new)
        click.echo(f"params: {paths.PARAMS} is {'as it was' if new == text else 'renewed'}; no value was changed")
        return
    params = load_params(paths.PARAMS)
    if names:
        for parameter in _chosen(names):
            click.echo("\n".join(explanation(parameter, params)))
        return
    changed = [item for item in PARAMETERS if value_of(item, params) != item.default]
    for item in changed:
        click.echo(f"{item.key}: {as_yaml(value_of(item, params))} (default: {as_yaml(item.default)})")
    if not changed:
        click.echo("params: every parameter has its default")


def _chosen(names: tuple[str, ...]) -> list[Parameter]:
    """Return the parameters that are named, or in sections that are named, in the order of `params.yaml`."""
    for name in names:
        if not any(name in (item.key, item.section) for item in PARAMETERS):
            raise ParamsError(f"{name} is neither a parameter nor a section; docs/reference/parameters.md lists them")
    return [item for item in PARAMETERS if item.key in names or item.section in names]
