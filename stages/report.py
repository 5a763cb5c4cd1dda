"""Stage `report`: says what the iteration did, for people and for programs.

Reads params.yaml, base.json, data/clean (tables and proxies), data/train (checkpoint and loss), data/embed/marks.csv,
data/select, data/base (the samples of the datapool before, and their embeddings where another model made them) and
datapool (after); raw files only for pictures of samples that an earlier iteration left over, or selected. Writes
reports: report.pdf, report.html, explorer.html, report.json with report.schema.json, metrics.json, plots, filenames,
embeddings, sampled_filenames_excluding_datapool.txt and corruptness_check_information.json.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from curation.core.hashing import sha256_of_bytes, sha256_of_file
from curation.datapool.store import (
    EMBEDDINGS_FOLDER,
    checkpoint_hash,
    read_iterations,
    read_ledger,
    read_samples,
    read_taken_out,
    read_union,
    read_without_embedding,
)
from curation.embeddings.given import MASKED
from curation.embeddings.shards import read_shards
from curation.image.proxies import ProxyReader
from curation.params.schema import EXECUTION_KEYS, Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.reporting.compute.explorer import explorer_samples
from curation.reporting.compute.figures import compute_figures
from curation.reporting.draw.pictures import PictureReader, inline_pictures
from curation.reporting.inputs import FormerSpace, Parameter, ReportInputs, ReportSettings, SelectionSettings
from curation.reporting.pages import outputs
from curation.selection.given import read_predictions
from curation.tables.embeddings import MARKS
from curation.tables.files import read_csv, read_parquet
from curation.tables.selection import BUDGET_CURVE, COMPARISON, SELECTION

_RAW_FRAMES = 2_000
"""Frames that may be decoded again for the explorer's pictures of samples that have no proxy any more: seconds."""
_RAW_FRAMES_OF_A_VIDEO, _FRAMES_AN_IMAGE_IS_WORTH = 16, 10

RawReader = Callable[[Sequence[tuple[str, int]]], Sequence[Image.Image | None]]
"""Decodes samples, each a raw file's path and a frame index, from the raw files."""


def report(inputs: ReportInputs, read_pictures: PictureReader, at_hand: Collection[str], folder: Path) -> str:
    """Make the report.

    Args:
        inputs: everything it is made from.
        read_pictures: where the samples' pictures come from.
        at_hand: filenames of samples whose picture costs little, for the explorer.
        folder: where it goes.

    Returns:
        The verdict.
    """
    # These import matplotlib, which --help and a wrong parameter need not wait for.
    from curation.reporting.draw.plots import decision_pictures, draw_charts
    from curation.reporting.pages.explorer_page import render_explorer
    from curation.reporting.pages.render import render_html, render_pdf

    figures, points = compute_figures(inputs)
    charts = draw_charts(figures, points)
    shown = [sample.filename for sample in figures.examples.selected]
    shown += [name for pair in figures.examples.pairs for name in (pair.retained, pair.removed)]
    shown += [name for near in figures.examples.near_duplicates for name in (near.kept, near.dropped)]
    shown += [sample.filename for sample in figures.examples.low_quality]
    pictures = inline_pictures(shown, read_pictures)
    pdf = render_pdf(figures, charts, pictures)
    html = render_html(figures, charts, pictures, points)
    explorer = render_explorer(figures, explorer_samples(inputs, points), at_hand, read_pictures)
    outputs.write_figures(folder, figures)
    outputs.write_plots(folder, figures, charts, points, decision_pictures(figures.examples.pairs, pictures))
    outputs.write_embeddings(folder, inputs)
    outputs.write_filenames(folder, inputs)
    outputs.write_corruptness(folder, inputs.dropped, inputs.files)
    outputs.write_documents(folder, pdf, html, explorer)
    return figures.verdict


def flat_parameters(params: Params) -> dict[str, Parameter]:
    """Return the parameters by dotted key, in the order of `params.yaml`, but those of speed.

    Lists become tuples, and mappings in them text.
    """
    sections = params.model_dump()
    return {
        f"{section}.{key}": _flat_list(value) if isinstance(value, list | tuple) else value
        for section, keys in sections.items()
        for key, value in keys.items()
        if f"{section}.{key}" not in EXECUTION_KEYS
    }


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


def picture_reader(
    samples: pd.DataFrame, without_proxy: pd.DataFrame, proxies: ProxyReader, read_raw: RawReader
) -> PictureReader:
    """Return a reader that takes proxies where there are some, and decodes the raw file otherwise.

    Args:
        samples: columns of `curation.tables.samples.SAMPLES`: those with a proxy.
        without_proxy: further samples: `filename`, `raw_path` and `frame`.
        proxies: reads the shards.
        read_raw: decodes raw files.
    """

    def read(filenames: Sequence[str]) -> Mapping[str, Image.Image]:
        with_proxy = samples[samples["filename"].isin(filenames)]
        places = zip(with_proxy["filename"], with_proxy["shard"], with_proxy["member"], strict=True)
        pictures = {name: proxies.image(shard, member) for name, shard, member in places}
        rest = without_proxy[without_proxy["filename"].isin(set(filenames) - set(pictures))]
        if len(rest):
            decoded = read_raw(list(zip(rest["raw_path"], rest["frame"].astype(int), strict=True)))
            pictures.update({name: image for name, image in zip(rest["filename"], decoded, strict=True) if image})
        return pictures

    return read


def cheap_to_decode(samples: pd.DataFrame) -> list[str]:
    """Choose samples without a proxy that can be decoded from the raw files in a few seconds, cheapest files first.

    A video has to be decoded up to the last frame that is wanted of it.

    Args:
        samples: filename, raw_path, frame, time_s.
    """
    costs: list[tuple[int, str, list[str]]] = []
    for path, group in samples.sort_values("frame").groupby("raw_path", sort=True):
        first = group.head(_RAW_FRAMES_OF_A_VIDEO)
        is_image = first["time_s"].isna().any()
        cost = _FRAMES_AN_IMAGE_IS_WORTH if is_image else int(first["frame"].max()) + 1
        costs.append((cost, str(path), list(first["filename"])))
    result: list[str] = []
    left = _RAW_FRAMES
    for cost, _, names in sorted(costs):
        left -= cost
        if left < 0:
            break
        result += names
    return result


def read_inputs(params: Params) -> ReportInputs:
    """Read what the report is made from."""
    base = json.loads(paths.BASE_JSON.read_text(encoding="utf-8"))
    # The datapool holds the embeddings of everything that was processed, in the space of its checkpoint.
    processed, embeddings = read_shards(paths.DATAPOOL / EMBEDDINGS_FOLDER)
    settings = params.report
    marks = read_csv(paths.MARKS, MARKS)
    predictions_file = params.select.predictions_file
    pairs, near = read_union(paths.BASE)
    return ReportInputs(
        files=read_parquet(paths.FILES),
        dropped=read_parquet(paths.DROPPED),
        samples=read_parquet(paths.SAMPLES),
        loss=pd.read_csv(paths.LOSS),
        selection=read_csv(paths.SELECTION, SELECTION),
        candidates=read_parquet(paths.CANDIDATES),
        budget_curve=read_csv(paths.BUDGET_CURVE, BUDGET_CURVE),
        comparison=read_csv(paths.COMPARISON, COMPARISON),
        processed=processed,
        embeddings=embeddings,
        base_samples=read_samples(paths.BASE),
        datapool_samples=read_samples(paths.DATAPOOL),
        iterations=read_iterations(paths.DATAPOOL),
        ledger=read_ledger(paths.DATAPOOL),
        base_datapools=tuple(base["datapools"]),
        fingerprint=sha256_of_bytes(outputs.canonical_json(base["fingerprint"]).encode()),
        checkpoint_sha256=sha256_of_file(paths.CHECKPOINT),
        parameters=flat_parameters(params),
        default_parameters=flat_parameters(Params()),
        select=SelectionSettings(
            method="strategies" if params.select.strategies else params.select.method,
            n_samples=params.select.n_samples,
            proportion_samples=params.select.proportion_samples,
            min_distance=params.select.min_distance,
        ),
        settings=ReportSettings(**settings.model_dump()),
        base_commits=tuple(base.get("commits", [])),
        embeddings_file=params.embed.embeddings_file,
        masked=tuple(marks["filename"][marks["mark"] == MASKED]),
        predictions=read_predictions(predictions_file, "select.predictions_file") if predictions_file else None,
        without_embedding=tuple(sorted(read_without_embedding(paths.DATAPOOL))),
        united=tuple(pairs),
        near_duplicates=near,
        taken_out=tuple(read_taken_out(paths.BASE)),
        former=former_space(),
    )


def former_space() -> FormerSpace | None:
    """Read the embeddings of the base, where they are of another checkpoint than the datapool's."""
    if checkpoint_hash(paths.BASE) in (None, checkpoint_hash(paths.DATAPOOL)):
        return None
    rows, embeddings = read_shards(paths.BASE / EMBEDDINGS_FOLDER)
    return FormerSpace(tuple(rows["filename"]), embeddings) if len(rows) else None


def run(params: Params) -> str:
    r"""Say what the iteration did: PDF, HTML page, explorer, JSON, metrics, plots and lists of names.

    \b
    Reads   data/clean/, data/train/, data/select/, data/base/, datapool/, base.json;
            data/raw/ for pictures of samples of earlier iterations
    Writes  reports/
    """

    def read_raw(wanted: Sequence[tuple[str, int]]) -> Sequence[Image.Image | None]:
        from curation.raw.full_size import read_raw_samples

        return read_raw_samples(
            paths.RAW, wanted, video_extensions=params.ingest.video_extensions, max_pixels=params.clean.max_pixels
        )

    inputs = read_inputs(params)
    proxies = ProxyReader(paths.PROXIES)
    try:
        columns = ["filename", "raw_path", "frame"]
        dropped = inputs.dropped.loc[inputs.dropped["frame"] >= 0, columns]
        read_pictures = picture_reader(
            inputs.samples, pd.concat([inputs.processed[columns], dropped]), proxies, read_raw
        )
        old = inputs.base_samples[~inputs.base_samples["filename"].isin(inputs.samples["filename"])]
        at_hand = [*inputs.samples["filename"], *cheap_to_decode(old)]
        verdict = report(inputs, read_pictures, at_hand, paths.REPORTS)
    finally:
        proxies.close()
    return f"{verdict} See {paths.REPORTS / outputs.PDF} and {paths.REPORTS / outputs.HTML}"


main = stage_command(run)

if __name__ == "__main__":
    main()
