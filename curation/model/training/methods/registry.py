"""All methods of training by name."""

from curation.core import markdown
from curation.core.registry import discover
from curation.model.training.method import TrainingMethod

METHODS = discover(__name__, "METHOD", TrainingMethod)
"""By the names that `train.method` takes."""


def reference() -> str:
    """Return the page of the reference that describes every method."""
    rows = [
        (f"`{name}`", each.sentence, ", ".join(f"`train.{key}`" for key in each.parameters) or "—", each.source)
        for name, each in METHODS.items()
    ]
    return (
        "# Methods of training\n\n"
        "`train.method` names one of them. Each is a file of `curation/model/training/methods`, with the heads and "
        "losses of lightly.\n\n"
        f"{markdown.table(['method', 'what it aims at', 'parameters that it alone has', 'source'], rows)}"
    )
