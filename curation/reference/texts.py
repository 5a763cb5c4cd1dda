"""The text on a parameter, which comments, pages and the JSON schema share."""

from collections.abc import Mapping
from typing import Any

from curation.params.schema import Parameter
from curation.params.wording import limits_of


def text_of(parameter: Parameter) -> list[str]:
    """Return the whole text on a parameter: the description, a line for each value that has a meaning, the limits."""
    values = [f"  {value}: {meaning}" for value, meaning in parameter.about.values.items()]
    return [parameter.description, *values, limits_of(parameter)]


def as_yaml(value: Any) -> str:
    """Return a value of a parameter as YAML writes it on one line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {as_yaml(item)}' for key, item in value.items())}}}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
