"""Ten thousand filenames that somebody made up to break a file format, through every writer and reader of names.

They are made from a seed: quotes, commas, formulas, options, spaces, markup, templates, combining and invisible
characters, both directions of writing, names of 240 characters. They are such as stage `ingest` takes in; it lists
files on the disk with all of them first. One *tried* is one name through one writer and reader. *Lost*: it did not come
back. *Silent*: another one came.
"""

import csv
import io
import json
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from curation.cli.commands.list import as_csv, as_json
from curation.datapool import store
from curation.datapool.removal import read_removal_list
from curation.embeddings.by_name import NamedEmbeddings
from curation.embeddings.given import read_given
from curation.embeddings.shards import read_shards, write_shards
from curation.export.formats.registry import FORMATS
from curation.export.listing import listing_of
from curation.raw.listing import list_raw_files, safe_path
from curation.reporting.compute.figures import compute_figures
from curation.reporting.contents.report import Report
from curation.reporting.pages.outputs import (
    FILENAMES,
    JSON,
    NEW_FILENAMES,
    write_corruptness,
    write_figures,
    write_filenames,
)
from curation.selection.given import read_dropped, read_filenames, read_predictions
from curation.selection.holdout import read_holdout
from curation.tables.datapool import LEDGER, REMOVED, SAMPLES
from curation.tables.embeddings import MARKS
from curation.tables.files import read_csv, read_parquet, write_csv, write_parquet
from curation.tables.samples import CORRUPT, DROPPED, FILES, RAW_FILES
from curation.tables.selection import CANDIDATES, SELECTION
from tests.datapools import candidates_of, files_of, processed, selection_of
from tests.report_example import SETTINGS, Raw, example
from tests.torture.tally import Tally

COUNT, LONGEST, DIMENSION = 10_000, 240, 3
REPORTED = 500
"""Names in a report: its figures take seconds for more."""

PIECES = (
    '"', "'", '""', ",", ";", "\\", "\\n", "|", "`", "$", "$(id)", "%", "%s", "%00", "%2e%2e", "&amp;", "&", "#", "!",
    "?", "*", "[", "]", "{", "}", "{{7*7}}", "{% raw %}", "${x}", "<", ">", "<b>", "<script>alert(1)</script>", "<!--",
    "-->", "]]>", "=", "=1+1", "+", "-", "--", "-rf", "@", "@SUM(A1)", "=cmd|'c'!A1", "~", "^", ":", "::", " ", "  ",
    "\u00a0", "\u3000", "\u200b", "\u200d", "\u202e", "\u2066", "\u2069", "\ufeff", "\u0301", "e\u0301", "\u00e9",
    "\u1100\u1161", "\uac00", "\u212b", "\u0130", "\u00df", "\ufb01", "שלום", "مرحبا", "日本語", "Ж", "😀", "👩‍👩‍👧",
    "🇩🇪", "🏳️‍🌈", "𝔘", "\U0010ffff", "\ue000", "nan", "NA", "NULL", "None", "null", "true", "1e5", "0x1f", "007", "inf",
    "1,5", "../", "..", ".", "filenames", "embedding_0", "labels", "CON", "a", "b/", "c/", "-0-mp4", ".tar", ".mp4",
)  # fmt: skip
ENDINGS = ("jpg", "JPG", "png", "jpeg", "tiff", "webp")

Reader = Callable[[], Sequence[str]]


def hostile_names(count: int, seed: int) -> list[str]:
    """Return names as tables have them, sorted; each once, and no two alike but for their ending."""
    rng = np.random.default_rng(seed)
    found: dict[str, str] = {}
    while len(found) < count:
        pieces = [_piece(rng) for _ in range(int(rng.integers(1, 7)))]
        text = "".join(pieces) * (40 if rng.integers(20) == 0 else 1)
        ending = ENDINGS[int(rng.integers(len(ENDINGS)))]
        parts = [part for part in text.split("/") if part not in ("", ".", "..")]
        stem = _cut("/".join(parts), LONGEST - 5)
        name = f"{stem}.{ending}"
        if parts and _is_possible(name):
            found.setdefault(stem, safe_path(name))
    return sorted(found.values())


def _piece(rng: np.random.Generator) -> str:
    if rng.integers(4):
        return PIECES[int(rng.integers(len(PIECES)))]
    return chr(int(rng.integers(32, (0x250, 0x3000, 0xD800, 0x1FFFF)[int(rng.integers(4))])))


def _cut(text: str, longest: int) -> str:
    """Shorten to so many characters, and bytes: more does not fit into a name on the disk."""
    return text[:longest].encode("utf-8", "ignore")[:longest].decode("utf-8", "ignore")


def _is_possible(name: str) -> bool:
    """Return whether stage `ingest` takes a name in: see `curation.raw.listing`."""
    parts = name.split("/")
    refused = any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name)
    return not refused and not any(part in ("", ".", "..") or part.startswith(".writing-") for part in parts)


def compare(given: Sequence[str], found: Sequence[str], name: str, *, in_order: bool = True) -> Tally:
    """Count the names that did not come back."""
    tally = Tally(tried=len(given))
    lost, changed = sorted(set(given) - set(found)), sorted(set(found) - set(given))
    tally.lost, tally.silent = len(lost), len(changed)
    tally.told = [f"{name}: {text!r} is lost" for text in lost[:2]]
    tally.told += [f"{name}: {text!r} is new" for text in changed[:2]]
    if not tally.wrong and (len(found) != len(given) or (in_order and list(found) != list(given))):
        tally.silent += 1
        tally.told.append(f"{name}: in another order, or more than once")
    return tally


def listed_on_disk(names: Sequence[str], folder: Path) -> list[str]:
    """Make files of these names, as far as the disk allows two of them side by side, and list them."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return [file.path for file in list_raw_files(folder, {ending.lower(): "image" for ending in ENDINGS})]


def tables(names: list[str], folder: Path) -> Iterator[tuple[str, Reader]]:
    """Write names with each writer of the pipeline, and yield what reads them."""
    rows = processed(names)
    samples = selection_of(names).merge(rows, on="filename").assign(iteration=1)
    embeddings = np.random.default_rng(0).normal(size=(len(names), DIMENSION)).astype(np.float32)
    store.write_samples(folder, samples)
    for column in ("filename", "raw_path", "nearest"):
        yield f"samples.csv, {column}", lambda column=column: list(store.read_samples(folder)[column])  # type: ignore[misc]
    store.write_embedded(folder, samples, rows, embeddings, set())
    yield "datapool_latest.csv", lambda: read_given(str(folder / store.LATEST_CSV), "key").names
    yield "datapool_latest.csv by lightly", lambda: _by_lightly(folder / store.LATEST_CSV)
    store.write_ledger_part(folder, files_of(names).assign(frames=1, iteration=1)[LEDGER.names], 1)
    yield "ledger", lambda: list(store.read_ledger(folder)["path"])
    store.write_without_embedding(folder, set(names))
    yield "without_embedding.json", lambda: sorted(store.read_without_embedding(folder))
    store.mark_as_union(folder, ["a.dir"], [store.Pair(name, name, None) for name in names])
    yield "union.json", lambda: [pair.other for pair in store.read_union(folder)[0]]
    write_csv(rows.assign(reason=names), REMOVED, folder / "removed.csv")
    yield "removed.csv", lambda: list(read_removal_list(str(folder / "removed.csv"))["filename"])
    write_shards(folder / "shards", rows, embeddings, "hash")
    yield "embedding shards", lambda: list(read_shards(folder / "shards")[0]["filename"])
    for name, table, columns in _csv_tables(names):
        write_csv(table, columns, folder / f"{name}.csv")
        yield f"{name}.csv", _csv_reader(folder / f"{name}.csv", columns)
    for name, table, columns in _parquet_tables(names):
        write_parquet(table, columns, folder / f"{name}.parquet")
        yield f"{name}.parquet", _parquet_reader(folder / f"{name}.parquet", columns.names[0])


def _by_lightly(path: Path) -> list[str]:
    from lightly.utils.io import load_embeddings

    _, _, filenames = load_embeddings(str(path))
    return list(filenames)


def _csv_tables(names: list[str]) -> Iterator[tuple[str, pd.DataFrame, pa.Schema]]:
    yield "selection", selection_of(names), SELECTION
    yield "marks", pd.DataFrame({"filename": names, "mark": "selected"}), MARKS


def _csv_reader(path: Path, columns: pa.Schema) -> Reader:
    return lambda: list(read_csv(path, columns)[columns.names[0]])


def _parquet_tables(names: list[str]) -> Iterator[tuple[str, pd.DataFrame, pa.Schema]]:
    dropped = pd.DataFrame({"filename": names, "raw_path": names, "frame": 0, "status": CORRUPT, "reason": names})
    yield "candidates", candidates_of(names, names), CANDIDATES
    yield "files", files_of(names), FILES
    yield "raw_files", files_of(names).assign(size=1, frames=1, etag="", version="", address=""), RAW_FILES
    yield "dropped", dropped.assign(duplicate_of=names, figure=np.nan), DROPPED


def _parquet_reader(path: Path, column: str) -> Reader:
    return lambda: list(read_parquet(path)[column])


def given_files(names: list[str], folder: Path) -> Iterator[tuple[str, Reader]]:
    """Write names into the files that people give to the pipeline, and yield what reads them."""
    lines = folder / "lines.txt"
    lines.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    yield "list of queries", lambda: read_filenames(str(lines))
    embeddings = np.zeros((len(names), DIMENSION), np.float32)
    yield "list of held-out samples", lambda: read_holdout(str(lines), NamedEmbeddings(names, embeddings)).names
    review = pd.DataFrame({"filename": names, "decision": "drop", "class": "car", "score": 1})
    review.to_csv(folder / "review.csv", index=False)
    yield "review.csv", lambda: read_dropped(str(folder / "review.csv"))
    yield "predictions.csv", lambda: list(read_predictions(str(folder / "review.csv")).index)


def reports(names: list[str], folder: Path) -> Iterator[tuple[str, Reader]]:
    """Write names with the writers of the report, and yield what reads them."""
    settings = replace(SETTINGS, n_thumbnails=REPORTED, umap_neighbours=())
    inputs = example([Raw(name) for name in names[:REPORTED]], n_samples=len(names[:REPORTED]), settings=settings)
    write_filenames(folder, inputs)
    for path in (folder / NEW_FILENAMES, folder / FILENAMES / "sampled_filenames.txt"):
        yield path.name, lambda path=path: sorted(path.read_text(encoding="utf-8").split("\n")[:-1])  # type: ignore[misc]
    report, _ = compute_figures(inputs)
    write_figures(folder, report)

    def text() -> str:
        return (folder / JSON).read_text(encoding="utf-8")

    def named_in(text: str) -> list[str]:
        return sorted(_names_in(json.loads(text)) & set(names))

    yield "report.json", lambda: named_in(text())
    yield "report.json by its schema", lambda: named_in(Report.model_validate_json(text()).model_dump_json())


def _names_in(content: Any) -> set[str]:
    """Return all texts in a JSON document."""
    if isinstance(content, dict):
        return {text for value in content.values() for text in _names_in(value)}
    if isinstance(content, list):
        return {text for value in content for text in _names_in(value)}
    return {content} if isinstance(content, str) else set()


def corruptness(names: list[str], folder: Path) -> list[str]:
    """Return the names that the report of corrupt samples gives back."""
    dropped = pd.DataFrame({"filename": names, "reason": names, "status": CORRUPT})
    write_corruptness(folder, dropped, files_of(names))
    content = json.loads((folder / "corruptness_check_information.json").read_text(encoding="utf-8"))
    return sorted(content["corrupt_samples"])


def exports(names: list[str]) -> Iterator[tuple[str, Reader]]:
    """Yield what reads the lists of `curate export` and `curate list`."""
    samples = selection_of(names).merge(processed(names), on="filename").assign(iteration=1)
    listing = listing_of(samples, names, sorted({*samples["label_name"]} - {""}))
    files = {kind: list(form.files(listing, Path("list"))) for kind, form in FORMATS.items()}
    files["yolo"] = list(FORMATS["yolo"].files(listing, Path("list.txt")))
    text = {kind: written[0].text for kind, written in files.items()}
    annotations = [ElementTree.fromstring(file.text) for file in files["voc"] if file.path.suffix == ".xml"]
    (stems,) = [file.text for file in files["voc"] if file.path.name == "trainval.txt"]
    rows = [json.loads(line) for line in text["cvat"].split("\n")[2:-1]]
    plain = [name.removeprefix("./") for name in names]
    endings = {name.removesuffix(Path(name).suffix): Path(name).suffix for name in plain}
    yield "export csv", lambda: _names_in_csv(text["csv"])
    yield "export coco", lambda: [image["file_name"] for image in json.loads(text["coco"])["images"]]
    yield "export label-studio", lambda: [task["data"]["image"] for task in json.loads(text["label-studio"])]
    yield "export cvat", lambda: [safe_path(row["name"] + row["extension"]) for row in rows]
    yield "export fiftyone", lambda: _with_endings(json.loads(text["fiftyone"])["labels"], endings)
    metadata = [json.loads(line) for line in files["imagefolder"][-1].text.split("\n")[:-1]]
    yield "export imagefolder", lambda: [safe_path(row["file_name"].removeprefix("images/")) for row in metadata]
    yield "export imagefolder's samples", lambda: [row["sample"] for row in metadata]
    yield "export yolo", lambda: [safe_path(line.removeprefix("./images/")) for line in text["yolo"].split("\n")[:-1]]
    yield "export voc", lambda: [safe_path(annotation.findtext("filename", "")) for annotation in annotations]
    yield "export voc's list", lambda: _with_endings(stems.split("\n")[:-1], endings)
    listed = samples[SAMPLES.names]
    yield (
        "list --format csv",
        lambda: [row["filename"] for row in csv.DictReader(io.StringIO(as_csv(listed), newline=""))],
    )
    yield "list --format json", lambda: [row["filename"] for row in json.loads(as_json(listed))]


def _names_in_csv(text: str) -> list[str]:
    return [row["filename"] for row in csv.DictReader(io.StringIO(text, newline=""))]


def _with_endings(stems: Sequence[str], endings: dict[str, str]) -> list[str]:
    return [safe_path(stem + endings[stem]) for stem in stems]


def names(folder: Path, seed: int, part: int) -> Iterator[tuple[str, Tally]]:
    """Yield what became of all names, by writer and reader.

    Args:
        folder: an empty one.
        seed: of the names.
        part: every so many-th is tried; 1 = all.
    """
    made = hostile_names(COUNT // part, seed)
    places = {name: folder / name for name in ("disk", "tables", "given", "reports")}
    for place in places.values():
        place.mkdir()
    yield "listing of data/raw", compare(made, listed_on_disk(made, places["disk"]), "listing", in_order=False)
    readers = [*tables(made, places["tables"]), *given_files(made, places["given"]), *exports(made)]
    for name, read in readers:
        wanted = made if name != "samples.csv, nearest" else ["", *made[:-1]]
        yield name, compare(wanted, read(), name)
    yield "corruptness of the report", compare(made, corruptness(made, places["reports"]), "corruptness")
    for name, read in reports(made, places["reports"]):
        yield name, compare(made[:REPORTED], read(), name, in_order=False)
