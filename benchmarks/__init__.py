"""Programs that measure, each against a named baseline in one run."""

import curation.model  # noqa: F401  (so that torchvision can be imported, whatever else a benchmark imports)
