"""The sets of samples that the report compares."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.embeddings.by_name import NamedEmbeddings
from curation.reporting.inputs import ReportInputs


@dataclass(frozen=True)
class Sets:
    """The sets of samples that the report compares, each sorted by filename.

    Attributes:
        candidates: metadata of all candidates, with the columns of `curation.tables.selection.CANDIDATES`.
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
    known = NamedEmbeddings(list(inputs.processed["filename"]), inputs.embeddings)
    candidates = inputs.candidates.sort_values("filename", ignore_index=True)
    with_embedding = ~inputs.base_samples["filename"].isin(inputs.without_embedding)
    old = inputs.base_samples[with_embedding].sort_values("filename", ignore_index=True)
    candidate_rows, old_rows = known.rows(candidates["filename"]), known.rows(old["filename"])
    if (candidate_rows < 0).any() or (old_rows < 0).any():
        raise RuntimeError("the datapool has no embedding for some of the samples that the report is about")
    metadata = inputs.processed.drop(columns="filename")
    return Sets(
        pd.concat([candidates, metadata.iloc[candidate_rows].reset_index(drop=True)], axis=1),
        inputs.embeddings[candidate_rows],
        old,
        inputs.embeddings[old_rows],
    )
