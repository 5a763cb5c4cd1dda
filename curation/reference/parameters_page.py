"""The page `docs/reference/parameters.md`."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic.fields import FieldInfo

from curation.params import strategies, strategy_inputs
from curation.params.schema import PARAMETERS, SECTIONS, Parameter
from curation.params.section import Section
from curation.params.wording import in_words, limits_of
from curation.reference.texts import as_yaml

INTRODUCTION = """\
# Parameters

All parameters stand in `params.yaml`, one section per stage; a parameter that is missing there has its default.
`python -m curate params` lists those that differ from their defaults, and `python -m curate params select.n_samples`
explains one. With an editor that knows YAML schemas, keys are completed and checked by
[params.schema.json](params.schema.json).

*Read by* names the stages whose outputs depend on a parameter: these run again when it changes. The report shows every
parameter, so it is made again, too.
"""


def parameters_page() -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION]
    for section, model in SECTIONS.items():
        parts.append(f"## {section}\n\n{model.__doc__}\n")
        parts += [_entry(parameter) for parameter in PARAMETERS if parameter.section == section]
        if section == "select":
            parts.append(_strategies())
    return "\n".join(parts)


def _entry(parameter: Parameter) -> str:
    """Return the paragraphs on one parameter."""
    values = [f"- `{value}`: {meaning}" for value, meaning in parameter.about.values.items()]
    read_by = "" if parameter.about.is_execution else f" Read by {_quoted(parameter.read_by)}."
    execution = " It has no influence on results." if parameter.about.is_execution else ""
    lines = [
        f"### `{parameter.key}`",
        "",
        parameter.description,
        "",
        *([*values, ""] if values else []),
        f"{limits_of(parameter)} Default: `{as_yaml(parameter.default)}`.{read_by}{execution}",
        "",
    ]
    return "\n".join(lines)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _strategies() -> str:
    """Return the section on what the entries of `select.strategies` hold."""
    inputs = get_args(get_args(strategy_inputs.Input)[0])
    kinds = get_args(strategies.StrategyParams.model_fields["strategy"].annotation)
    lines = [
        "### Entries of `select.strategies`",
        "",
        "Each entry is a mapping with the keys `input`, what to look at, and `strategy`, what to do with it. Both have",
        "a `type`, on which their other keys depend. [Strategies](../strategies.md) explains how they combine.",
        "",
        "| `input.type` | what it is | further keys |",
        "| --- | --- | --- |",
        *(f"| `{_type(model)}` | {_first_line(model)} | {_keys(model)} |" for model in inputs),
        "",
        "| `strategy.type` | what it prefers, or keeps | takes | further keys |",
        "| --- | --- | --- | --- |",
        *(
            f"| `{_type(model)}` | {_first_line(model)} | {_quoted(strategies.INPUTS[_type(model)])} | {_keys(model)} |"
            for model in kinds
        ),
        "",
    ]
    return "\n".join(lines)


def _type(model: type[Section]) -> str:
    """Return the `type` by which an input or strategy is named."""
    return str(get_args(model.model_fields["type"].annotation)[0])


def _first_line(model: type[Section]) -> str:
    return (model.__doc__ or "").partition("\n")[0]


def _keys(model: type[Section]) -> str:
    """Say for each key besides `type` what it holds, and its default, as the cell of a table."""
    properties = model.model_json_schema()["properties"]
    return "<br>".join(
        f"`{name}`: {field.description} {_limits(properties[name], field)}"
        for name, field in model.model_fields.items()
        if name != "type"
    )


def _limits(schema: Mapping[str, Any], field: FieldInfo) -> str:
    words = in_words(schema).removesuffix(", or null")
    default = "" if field.is_required() or field.default is None else f" Default: `{as_yaml(field.default)}`."
    return f"{words[0].upper()}{words[1:]}.{default}"
