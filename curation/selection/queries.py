"""The embeddings that SIMILARITY compares with: of a text, of image files, or of samples."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.datapool.store import read_samples
from curation.params.schema import Params
from curation.params.strategies import Similarity
from curation.selection.embedded import Embedded
from curation.selection.given import read_filenames


def queries_of(params: Params, embeddings: Embedded, base: Path, scratch: Path) -> Mapping[int, NDArray[np.float32]]:
    """Return the embeddings that each SIMILARITY compares with, (q, d) float32, by its place among the strategies.

    Args:
        params: section `select`; how images are decoded and embedded.
        embeddings: of all processed samples.
        base: folder of the datapool to build on.
        scratch: where images may be decoded to, for a moment.

    Raises:
        ParamsError: there are no such queries, or the model cannot embed them.
        CheckpointError: the checkpoint cannot be used, or a query sample has no embedding of it.
    """
    return {
        place: query_embeddings(item.strategy, params, embeddings, base, scratch)
        for place, item in enumerate(params.select.strategies)
        if isinstance(item.strategy, Similarity)
    }


def query_embeddings(
    strategy: Similarity, params: Params, embeddings: Embedded, base: Path, scratch: Path
) -> NDArray[np.float32]:
    """Return the embeddings that SIMILARITY compares with, (q, d) float32.

    Args:
        strategy: what the queries are.
        params: how images are decoded and embedded.
        embeddings: of all processed samples.
        base: folder of the datapool to build on.
        scratch: where images may be decoded to, for a moment.

    Raises:
        ParamsError: there are no such queries, or the model cannot embed them.
        CheckpointError: the checkpoint cannot be used, or a query sample has no embedding of it.
    """
    # Imported where they are needed: torch and the decoders take seconds that other selections need not cost.
    if strategy.text is not None:
        from curation.selection.query_text import embed_text

        return embed_text(strategy.text, embeddings.checkpoint)
    if strategy.images is not None:
        from curation.selection.query_images import embed_images

        return embed_images(strategy.images, params, embeddings.checkpoint, scratch)
    return embeddings.by_name(query_names(strategy, base, embeddings.names))


def query_names(strategy: Similarity, base: Path, processed: Collection[str]) -> list[str]:
    """Return the samples that SIMILARITY compares with: of a file, or of an iteration of the datapool.

    Args:
        strategy: which of them.
        base: the datapool.
        processed: every sample with an embedding.

    Raises:
        ParamsError: there are none, or one is unknown.
    """
    if strategy.queries is not None:
        known = set(processed)
        wanted = read_filenames(strategy.queries, known)
        unknown = sorted(set(wanted) - known)
        if unknown:
            raise ParamsError(
                f"select.strategies: {strategy.queries} names {unknown[0]!r}, which is not a sample of this or "
                "an earlier iteration"
            )
        return wanted
    samples = read_samples(base)
    selected = samples["filename"][samples["iteration"] == strategy.datapool_iteration]
    if selected.empty:
        last = int(samples["iteration"].max()) if len(samples) else 0
        raise ParamsError(
            f"select.strategies: the datapool has no samples of iteration {strategy.datapool_iteration}; the last one "
            f"is {last}"
        )
    return sorted(selected)
