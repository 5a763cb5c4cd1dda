"""Where the files are that the base rule reads."""

from curation.history.base_rule import Layout
from curation.pipeline import paths

LAYOUT = Layout(paths.BASE_JSON, paths.DVC_LOCK, paths.DATAPOOL, paths.BASE, paths.RAW_FILES, paths.FILES)
