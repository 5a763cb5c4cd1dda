"""What the record of an iteration says about its parameters: those that shape the datapool and are not neutral.

An upgrade of the template that adds a parameter must change nothing about iterations that were made without it. So a
parameter is left out where it has its neutral value, under which everything comes out as it did before the parameter
was there. A parameter that is no more is left out, too.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from curation.params.schema import PARAMETERS, Parameter

SHAPING = tuple(item for item in PARAMETERS if not item.about.is_execution and item.section != "report")
"""The parameters that can change the datapool."""


def record(content: Mapping[str, Mapping[str, Any]], parameters: Iterable[Parameter] = SHAPING) -> dict[str, Any]:
    """Return the parameters that are not neutral, by `section.name`.

    Args:
        content: of a `params.yaml`, of this or an earlier state of the template.
        parameters: to look at, such as those that one stage reads.
    """
    return {
        item.key: value
        for item in parameters
        if (value := content.get(item.section, {}).get(item.name, item.neutral)) != item.neutral
    }
