"""The sets of samples that the report compares."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.reporting.inputs import ReportInputs
from curation.tables.membership import rows_of

_DESCRIPTION = ["raw_path", "frame", "time_s", "label", "label_name"]


@dataclass(frozen=True)
class Sets:
    """The sets of samples that the report compares, each sorted by filename.

    Attributes:
        candidates: all candidates, with `inputs.CANDIDATE_COLUMNS` and raw_path, frame,
            time_s, label and label_name.
        candidate_embeddings: (n, d) float32, their rows.
        old: metadata of the base's samples that have an embedding.
        old_embeddings: (m, d) float32, their rows.
    """

    candidates: pd.DataFrame
    candidate_embeddings: NDArray[np.float32]
    old: pd.DataFrame
    old_embeddings: NDArray[np.float32]

    @property
    def is_selected(self) -> NDArray[np.bool_]:
        """(n,) whether a candidate was selected."""
        return self.candidates["selected"].to_numpy(dtype=bool)

    @property
    def selected_embeddings(self) -> NDArray[np.float32]:
        """Rows of the selected candidates, (k, d)."""
        return self.candidate_embeddings[self.is_selected]

    @property
    def new_embeddings(self) -> NDArray[np.float32]:
        """Rows of the datapool after the iteration, (m + k, d)."""
        return np.concatenate([self.old_embeddings, self.selected_embeddings])


def make_sets(inputs: ReportInputs) -> Sets:
    """Look up the metadata and embeddings of candidates and old samples.

    Raises:
        RuntimeError: a candidate or an old sample has no embedding: a defect of an earlier stage.
    """
    known = inputs.processed["filename"]
    candidates = inputs.candidates.sort_values("filename", ignore_index=True)
    with_embedding = ~inputs.base_samples["filename"].isin(inputs.without_embedding)
    old = inputs.base_samples[with_embedding].sort_values("filename", ignore_index=True)
    candidate_rows, old_rows = rows_of(candidates["filename"], known), rows_of(old["filename"], known)
    if (candidate_rows < 0).any() or (old_rows < 0).any():
        raise RuntimeError("the datapool has no embedding for some of the samples that the report is about")
    described = inputs.processed[_DESCRIPTION].iloc[candidate_rows].reset_index(drop=True)
    return Sets(
        pd.concat([candidates, described], axis=1),
        _taken(inputs.embeddings, candidate_rows),
        old,
        inputs.embeddings[old_rows],
    )


def _taken(embeddings: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return some rows, or the array itself where these are all, in their order."""
    if len(rows) == len(embeddings) and bool((rows == np.arange(len(rows))).all()):
        return embeddings
    found: NDArray[np.float32] = embeddings[rows]
    return found
