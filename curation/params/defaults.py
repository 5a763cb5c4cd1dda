"""The parameters that the template comes with, to tell which of them a project has changed."""

from pathlib import Path

from curation.params.load import load_params
from curation.params.schema import Params

DEFAULTS = Path(__file__).parent / "defaults.yaml"
"""A copy of the template's own `params.yaml`."""


def default_params() -> Params:
    """Return the template's parameters."""
    return load_params(DEFAULTS)
