"""The results that `clean` keeps from run to run: where they are, and by what code."""

from pathlib import Path

import click
import pandas as pd

from curation.cleaning.outcome_keys import contents_listed
from curation.cleaning.pack_folder import PackFolder
from curation.cleaning.results import Results
from curation.code.closure import CodeReader
from curation.pipeline import paths

_DECODING = "python -m curation.cleaning.packs"
"""Names the code that decodes files, and puts what becomes of them into packs."""


def clean_results(raw: pd.DataFrame, most_mb: int) -> Results | None:
    """Return the results of earlier runs; None where none are to be kept, or outside of a repository.

    Args:
        raw: columns of `RAW_FILES`.
        most_mb: `clean.resume_mb`.
    """
    packs = PackFolder(paths.CLEAN_RESULTS)
    if most_mb == 0 or not Path(".dvc").is_dir():
        packs.trim(0)
        return None
    code = CodeReader(Path(), paths.CODE_MEMORY if paths.CODE_MEMORY.parent.is_dir() else None).digest(_DECODING)
    listing = zip(raw["path"], raw["content_hash"], raw["size"], strict=True)
    contents = contents_listed(listing, paths.RAW)
    return Results(packs, code, contents, most_mb << 20, lambda line: click.echo(f"clean: {line}", err=True))
