"""Stage `report`: says what the iteration did, for people and for programs.

Reads params.yaml, base.json, data/clean (tables and proxies), data/train (checkpoint and loss), data/embed/marks.csv,
data/select, data/base (the samples of the datapool before, and their embeddings where another model made them) and
datapool (after). Pictures of samples that an earlier iteration left over, or selected, come from what was kept with the
datapool, or from raw files. Writes reports: report.pdf, report.html, explorer.html, report.json with
report.schema.json, metrics.json, plots, filenames, embeddings, sampled_filenames_excluding_datapool.txt and
corruptness_check_information.json.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import click
import pandas as pd
from PIL import Image

from curation.buckets.raw_object import RawObject
from curation.core.errors import BaseError, BucketError
from curation.core.hashing import sha256_of_bytes, sha256_of_file
from curation.datapool.pictures import read_pictures
from curation.datapool.sources import read_sources
from curation.datapool.store import (
    CHECKPOINT,
    EMBEDDINGS_FOLDER,
    checkpoint_hash,
    read_iterations,
    read_ledger,
    read_samples,
    read_taken_out,
    read_union,
    read_without_embedding,
)
from curation.datapool.value_windows import value_windows
from curation.embeddings.given import MASKED
from curation.embeddings.shards import read_shards
from curation.history.dvc_cache import open_cache
from curation.image.decode import load_image
from curation.image.proxies import ProxyReader, to_rgb
from curation.image.reading import guarded
from curation.image.undecodable import UndecodableImageError
from curation.image.window import OWN_WINDOWS, ValueWindows
from curation.inspection.kept_pictures import kept_pictures
from curation.labels.given import LabelFileError
from curation.labels.stored import from_coco
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.pipeline.raw_files import raw_finder
from curation.raw.finding import RawFinder
from curation.raw.naming import label_name
from curation.raw.pinned import at_hand
from curation.reporting.draw.sample_pictures import KeptReader, RawReader, cheap_to_decode, picture_reader
from curation.reporting.inputs import (
    CANDIDATE_COLUMNS,
    LEDGER_COLUMNS,
    PROCESSED_COLUMNS,
    SAMPLE_COLUMNS,
    FormerSpace,
    LabelledSamples,
    ReportInputs,
    ReportSettings,
    SelectionSettings,
)
from curation.reporting.pages import outputs
from curation.reporting.parameters import flat_parameters
from curation.reporting.report import report
from curation.selection.given import read_predictions
from curation.selection.rules.registry import STRATEGIES, sentence_of
from curation.tables.embeddings import MARKS
from curation.tables.files import read_csv, read_known_parquet, read_parquet
from curation.tables.samples import FILES
from curation.tables.selection import BUDGET_CURVE, COMPARISON, SELECTION, read_contributions


def read_inputs(params: Params) -> ReportInputs:
    """Read what the report is made from."""
    base = json.loads(paths.BASE_JSON.read_text(encoding="utf-8"))
    datapool_samples = read_samples(paths.DATAPOOL)
    # The datapool holds the embeddings of everything that was processed, in the space of its checkpoint.
    processed, embeddings = read_shards(paths.DATAPOOL / EMBEDDINGS_FOLDER, wanted=PROCESSED_COLUMNS)
    processed = processed[list(PROCESSED_COLUMNS)]
    marks = read_csv(paths.MARKS, MARKS)
    pairs, near = read_union(paths.BASE)
    method = STRATEGIES if params.select.strategies else params.select.method
    return ReportInputs(
        files=read_known_parquet(paths.FILES, FILES),
        dropped=read_parquet(paths.DROPPED),
        samples=read_parquet(paths.SAMPLES, list(SAMPLE_COLUMNS)),
        loss=pd.read_csv(paths.LOSS),
        selection=read_csv(paths.SELECTION, SELECTION),
        candidates=read_parquet(paths.CANDIDATES, list(CANDIDATE_COLUMNS)),
        budget_curve=read_csv(paths.BUDGET_CURVE, BUDGET_CURVE),
        comparison=read_csv(paths.COMPARISON, COMPARISON),
        processed=processed,
        embeddings=embeddings,
        base_samples=read_samples(paths.BASE),
        datapool_samples=datapool_samples,
        iterations=read_iterations(paths.DATAPOOL),
        ledger=read_ledger(paths.DATAPOOL)[list(LEDGER_COLUMNS)],
        base_datapools=tuple(base["datapools"]),
        fingerprint=sha256_of_bytes(outputs.canonical_json(base["fingerprint"]).encode()),
        checkpoint_sha256=sha256_of_file(paths.DATAPOOL / CHECKPOINT),
        parameters=flat_parameters(params),
        default_parameters=flat_parameters(Params()),
        select=SelectionSettings(
            method=method,
            sentence=sentence_of(method),
            n_samples=params.select.n_samples,
            proportion_samples=params.select.proportion_samples,
            min_distance=params.select.min_distance,
        ),
        settings=ReportSettings(**params.report.model_dump()),
        base_commits=tuple(base.get("commits", [])),
        embeddings_file=params.embed.embeddings_file,
        masked=tuple(marks["filename"][marks["mark"] == MASKED]),
        predictions=_predictions(params.select.predictions_file, processed["filename"]),
        without_embedding=tuple(sorted(read_without_embedding(paths.DATAPOOL))),
        united=tuple(pairs),
        near_duplicates=near,
        taken_out=tuple(read_taken_out(paths.BASE)),
        former=former_space(),
        contributions=read_contributions(paths.CONTRIBUTIONS),
        labelled=imported_labels(base.get("labels", {}), list(datapool_samples["filename"])),
    )


def imported_labels(hashes: Mapping[str, str], names: Sequence[str]) -> dict[str, LabelledSamples]:
    """Count the labels of samples; those that neither the cache nor a remote holds are left out, which is told.

    Args:
        hashes: DVC's hash of the labels of each task.
        names: samples of the datapool.
    """
    found: dict[str, LabelledSamples] = {}
    if not hashes:
        return found
    with open_cache() as cache:
        for task, digest in sorted(hashes.items()):
            try:
                labels = from_coco(cache.file(digest).read_text(encoding="utf-8"))
            except (BaseError, LabelFileError, OSError, ValueError) as error:
                click.echo(f"report: warning: the labels of {task} are not counted ({error})", err=True)
                continue
            labelled = [name for name in names if name in labels.samples]
            found[task] = LabelledSamples(len(labelled), labels.counts(labelled))
    return found


def _predictions(file: str | None, filenames: "pd.Series[str]") -> "pd.Series[str] | None":
    """Read the predicted classes, where a file is given, and tell which names in it are no sample's own."""
    if file is None:
        return None
    return read_predictions(
        file, "select.predictions_file", set(filenames), lambda line: click.echo(f"report: {line}", err=True)
    )


def former_space() -> FormerSpace | None:
    """Read the embeddings of the base, where they are of another checkpoint than the datapool's."""
    if checkpoint_hash(paths.BASE) in (None, checkpoint_hash(paths.DATAPOOL)):
        return None
    rows, embeddings = read_shards(paths.BASE / EMBEDDINGS_FOLDER, wanted=["filename"])
    return FormerSpace(tuple(rows["filename"]), embeddings) if len(rows) else None


def contents_of(inputs: ReportInputs, wanted: Collection[str]) -> dict[str, set[str]]:
    """Return the content hashes of raw files that samples come from, by their paths.

    Args:
        inputs: the iteration.
        wanted: paths; those that are not known are left out.
    """
    found: dict[str, set[str]] = {}
    for table, column in ((inputs.processed, "raw_path"), (inputs.files, "path")):
        rows = table.loc[table[column].isin(wanted), [column, "content_hash"]].drop_duplicates()
        for path, content in zip(rows[column], rows["content_hash"], strict=True):
            found.setdefault(str(path), set()).add(str(content))
    return found


def raw_reader(
    contents: Callable[[Collection[str]], Mapping[str, Collection[str]]],
    finder: RawFinder,
    params: Params,
    windows: ValueWindows = OWN_WINDOWS,
) -> RawReader:
    """Return a reader of pictures from the raw files, wherever these lie now.

    Objects in a bucket are fetched one at a time; one that cannot be gives no picture, which is told.

    Args:
        contents: returns the hashes of raw files, by the paths that they were processed under.
        finder: says where they lie.
        params: which files are videos, and how large pictures may be.
        windows: through which images of more than 8 bits a channel are seen.
    """

    def read_raw(wanted: Sequence[tuple[str, int]]) -> Sequence[Image.Image | None]:
        from curation.cleaning.full_size import read_raw_samples

        known = contents({path for path, _ in wanted})
        files = {(path, content) for path, _ in wanted for content in known.get(path, ())}
        found = finder.places(files)
        places = {path: place for (path, _), place in found.items()}
        objects = finder.objects_at((place, content) for (_, content), place in found.items())
        timeout_s = params.clean.decode_timeout_s
        return read_raw_samples(
            finder.folder,
            [(places.get(path, path), frame) for path, frame in wanted],
            video_extensions=params.ingest.video_extensions,
            max_pixels=params.clean.max_pixels,
            windows=windows,
            opened=partial(_opened, objects=objects, folder=finder.folder, timeout_s=timeout_s),
        )

    return read_raw


@contextmanager
def _opened(path: str, *, objects: Mapping[str, RawObject], folder: Path, timeout_s: float) -> Iterator[Path | None]:
    """Give the file of a path for as long as it is read; None where it is an object that cannot be fetched."""
    if path not in objects:
        yield folder / path
        return
    from curation.buckets.fetching import UnreachableError

    try:
        with at_hand(objects[path], paths.PROXIES.parent, lambda _: None, timeout_s=timeout_s) as file:
            yield file
    except (UnreachableError, BucketError) as error:
        click.echo(f"report: warning: no picture of {path}: {error}", err=True)
        yield None


def kept_reader(table: pd.DataFrame, max_pixels: int, windows: ValueWindows = OWN_WINDOWS) -> KeptReader:
    """Return a reader of the full-size pictures that stayed with the datapool.

    Args:
        table: which there are (`curation.tables.datapool.PICTURES`).
        max_pixels: larger ones are left out, and so are damaged ones.
        windows: through which images of more than 8 bits a channel are seen.
    """
    all_kept = frozenset(table["filename"])

    def read_kept(names: Collection[str]) -> Mapping[str, Image.Image]:
        wanted = all_kept & set(names)
        found: dict[str, Image.Image] = {}
        if not wanted:
            return found
        with open_cache() as cache, suppress(BaseError):
            for name, picture in kept_pictures(table, wanted, cache).items():
                window_of = partial(windows.of, label_name(name))
                load = partial(load_image, picture.path, max_pixels=max_pixels, window_of=window_of)
                with suppress(UndecodableImageError):
                    found[name] = to_rgb(guarded(load))
        return found

    return read_kept


def run(params: Params) -> str:
    r"""Say what the iteration did: PDF, HTML page, explorer, JSON, metrics, plots and lists of names.

    \b
    Reads   data/clean/, data/train/, data/select/, data/base/, datapool/, base.json;
            data/raw/ for pictures of samples of earlier iterations
    Writes  reports/
    """
    inputs = read_inputs(params)
    windows = value_windows(params.clean.value_window, paths.DATAPOOL)
    sources = read_sources(paths.DATAPOOL)
    read_raw = raw_reader(partial(contents_of, inputs), raw_finder(sources=sources), params, windows)
    proxies = ProxyReader(paths.PROXIES)
    try:
        columns = ["filename", "raw_path", "frame"]
        dropped = inputs.dropped.loc[inputs.dropped["frame"] >= 0, columns]
        kept = read_pictures(paths.DATAPOOL)
        read = picture_reader(
            inputs.samples,
            pd.concat([inputs.processed[columns], dropped]),
            proxies,
            read_raw,
            kept_reader(kept, params.clean.max_pixels, windows),
        )
        old = inputs.base_samples[~inputs.base_samples["filename"].isin(inputs.samples["filename"])]
        old = old[~old["content_hash"].isin(set(sources["content_hash"]))]  # each would be a request
        cheap = pd.Series(cheap_to_decode(old, set(kept["filename"])), dtype=str)
        at_hand = pd.concat([inputs.samples["filename"], cheap])
        verdict = report(inputs, read, at_hand, paths.REPORTS)
    finally:
        proxies.close()
    return f"{verdict} See {paths.REPORTS / outputs.PDF} and {paths.REPORTS / outputs.HTML}"


main = stage_command(run)

if __name__ == "__main__":
    main()
