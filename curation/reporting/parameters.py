"""The parameters as the report shows them."""

import json
from collections.abc import Sequence
from typing import Any

from curation.params.schema import EXECUTION_KEYS, Params
from curation.reporting.inputs import Parameter


def flat_parameters(params: Params) -> dict[str, Parameter]:
    """Return the parameters by dotted key, in the order of `params.yaml`, but those of speed.

    Lists become tuples, and mappings in them text; mappings become tuples of such text.
    """
    sections = params.model_dump()
    return {
        f"{section}.{key}": _flat(value)
        for section, keys in sections.items()
        for key, value in keys.items()
        if f"{section}.{key}" not in EXECUTION_KEYS
    }


def _flat(value: Any) -> Parameter:
    if isinstance(value, dict):
        return tuple(f"{name}: {each}" for name, each in value.items())
    flat: Parameter = _flat_list(value) if isinstance(value, list | tuple) else value
    return flat


def _flat_list(values: Sequence[Any]) -> tuple[str | int | float, ...]:
    """Return a list with its mappings as text, without the keys in them that are not set."""
    return tuple(
        json.dumps(_without_unset(value), ensure_ascii=False) if isinstance(value, dict) else value for value in values
    )


def _without_unset(content: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping of mappings without what is None."""
    return {
        key: _without_unset(value) if isinstance(value, dict) else value
        for key, value in content.items()
        if value is not None
    }
