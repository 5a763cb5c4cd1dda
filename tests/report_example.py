"""A small, consistent iteration to make a report of: first or later, with pictures, from a seed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from curation.datapool import store
from curation.embeddings.shards import write_shards
from curation.image.proxies import ShardWriter, member_name, store_empty_shard, store_shard
from curation.pipeline import paths
from curation.reporting.inputs import ReportInputs, ReportSettings, SelectionSettings
from curation.selection.rules.registry import sentence_of
from curation.tables.datapool import ITERATIONS, LEDGER
from curation.tables.datapool import SAMPLES as POOL_SAMPLES
from curation.tables.embeddings import MARKS
from curation.tables.files import empty_frame, write_csv, write_parquet
from curation.tables.samples import COUNTS, DROPPED, FILES, SAMPLES
from curation.tables.selection import BUDGET_CURVE, CANDIDATES, COMPARISON, SELECTION
from tests.media_files import QUALITY

DIMENSION = 8
NOTHING = dict.fromkeys(COUNTS, 0)
REASONS = {
    "corrupt": "cannot be decoded: truncated",
    "duplicate": "equal pixels",
    "near_duplicate": "perceptual hash within clean.near_duplicate_bits (4)",
    "low_quality": "contrast below clean.min_contrast (0.5)",
}
SETTINGS = ReportSettings(
    title="Data curation report",
    n_example_images=4,
    n_thumbnails=6,
    umap_neighbours=(3, 8),
    explorer="small",
    dump_embeddings=False,
    labelling_cost_per_sample=0.5,
    currency="USD",
    co2_kg_per_sample=0.02,
)
SELECT = SelectionSettings(
    method="coreset",
    sentence=sentence_of("coreset"),
    n_samples=6,
    proportion_samples=None,
    min_distance=None,
)


@dataclass(frozen=True)
class Raw:
    """A raw file to invent: its frames (1 = an image), and how many of them are dropped, and why."""

    path: str
    frames: int = 1
    corrupt: int = 0
    duplicate: int = 0
    near_duplicate: int = 0
    low_quality: int = 0

    @property
    def dropped(self) -> int:
        """Frames that are not kept."""
        return self.corrupt + self.duplicate + self.near_duplicate + self.low_quality


FIRST = (
    Raw("city/drive-1.mp4", 20, corrupt=1, duplicate=3),
    Raw("city/drive-2.webm", 12),
    Raw("forest/oak.jpg"),
    Raw("forest/oak-copy.jpg", duplicate=1),
    Raw("forest/pine.jpg"),
    Raw("broken.jpg", corrupt=1),
)
SECOND = (Raw("city/drive-3.mp4", 16), Raw("coast/beach.jpg"), Raw("coast/cliff.jpg"))


def example(
    raws: Sequence[Raw] = FIRST,
    base: ReportInputs | None = None,
    *,
    seed: int = 1,
    n_samples: int = 6,
    spread: float = 1.0,
    dimension: int = DIMENSION,
    settings: ReportSettings = SETTINGS,
    ignored: Sequence[str] = ("notes.txt",),
) -> ReportInputs:
    """Invent an iteration.

    Args:
        raws: the new raw files.
        base: an iteration to build on.
        seed: of the embeddings.
        n_samples: to select.
        spread: of the embeddings around one point; 0 makes them all equal.
        dimension: of the embeddings.
        settings: of the report.
        ignored: paths of raw files that are no media.
    """
    labels = {} if base is None else dict(zip(base.processed["label_name"], base.processed["label"], strict=True))
    for folder in sorted({_folder(raw) for raw in raws} - set(labels)):
        labels[folder] = len(labels)
    files = pd.DataFrame([_file_row(raw) for raw in raws] + [_ignored_row(path) for path in ignored])
    dropped = pd.DataFrame([row for raw in raws for row in _dropped_rows(raw)], columns=DROPPED.names)
    rows = [row for raw in raws for row in _sample_rows(raw, labels)]
    samples = pd.DataFrame(rows, columns=SAMPLES.names).sort_values("filename", ignore_index=True)
    embeddings = _embeddings(len(samples), dimension, seed, spread)

    processed, old, iterations = samples.copy(), empty_frame(POOL_SAMPLES), empty_frame(ITERATIONS)
    all_embeddings, candidates_embeddings = embeddings, embeddings
    if base is not None:
        files = pd.concat([files, base.files.assign(status="processed", samples=0, **NOTHING)])
        processed = pd.concat([base.processed, samples], ignore_index=True)
        all_embeddings = np.concatenate([base.embeddings, embeddings])
        old, iterations = base.datapool_samples, base.iterations
    order = np.argsort(processed["filename"].to_numpy(dtype=object), kind="stable")
    processed, all_embeddings = processed.iloc[order].reset_index(drop=True), all_embeddings[order]
    old_rows = pd.Index(processed["filename"]).get_indexer(old["filename"])
    selection, candidates = _greedy(samples, candidates_embeddings, old, all_embeddings[old_rows], n_samples)

    iteration = len(iterations) + 1
    pool = selection.merge(processed, on="filename").assign(iteration=iteration)[POOL_SAMPLES.names]
    pool = pd.concat([old, pool], ignore_index=True) if len(old) else pool
    log = {
        "iteration": iteration, "raw_files": len(raws), "samples": int(files["samples"].sum()),
        **{name: int(files[name].sum()) for name in COUNTS},
        "candidates": len(candidates), "selected": len(selection), "size_before": len(old), "size_after": len(pool),
        "checkpoint_hash": "c" * 64, "coverage_radius": candidates["distance"].max(),
    }  # fmt: skip
    log_frame = pd.DataFrame([log], columns=ITERATIONS.names)
    ledger = pd.DataFrame([_ledger_row(raw, iteration) for raw in raws], columns=LEDGER.names)
    steps = np.arange(12 if base is None else 0)
    return ReportInputs(
        files=files.sort_values("path", ignore_index=True),
        dropped=dropped.sort_values("filename", ignore_index=True),
        samples=samples,
        loss=pd.DataFrame({"step": steps, "epoch": steps // 4, "loss": 4 / (steps + 1) + 1}),
        selection=selection,
        candidates=candidates,
        budget_curve=_budget_curve(candidates, selection),
        comparison=_comparison(candidates, selection),
        processed=processed,
        embeddings=all_embeddings,
        base_samples=old,
        datapool_samples=pool,
        iterations=pd.concat([iterations, log_frame], ignore_index=True) if len(iterations) else log_frame,
        ledger=ledger if base is None else pd.concat([base.ledger, ledger], ignore_index=True),
        base_datapools=() if base is None else ("b" * 32 + ".dir",),
        fingerprint="f" * 64,
        checkpoint_sha256="c" * 64,
        parameters={"select.n_samples": n_samples, "select.min_distance": None, "report.title": settings.title},
        default_parameters={"select.n_samples": 50, "select.min_distance": None, "report.title": settings.title},
        select=replace(SELECT, n_samples=n_samples),
        settings=settings,
    )


def _budget_curve(candidates: pd.DataFrame, selection: pd.DataFrame) -> pd.DataFrame:
    """Let the radius fall by equal shares, a little faster for greedy k-center than by chance."""
    budgets = np.arange(len(selection) + 1)
    end = float(candidates["distance"].max())
    curve = pd.DataFrame({"budget": budgets}, columns=BUDGET_CURVE.names, dtype=float)
    for prefix, factor in (("", 1.0), ("coreset_", 1.0), ("random_", 1.3)):
        curve[f"{prefix}coverage_radius"] = np.where(budgets > 0, factor * end * 3 / (budgets + 3), np.nan)
        curve[f"{prefix}mean_distance"] = curve[f"{prefix}coverage_radius"] / 2
    return curve.astype({"budget": np.int64})


def _comparison(candidates: pd.DataFrame, selection: pd.DataFrame) -> pd.DataFrame:
    end = float(candidates["distance"].max())
    row = {
        "samples": len(selection), "coverage_radius": end, "mean_distance": end / 2, "smallest_distance": end / 3,
        "label_share": 1.0, "raw_file_share": 0.5, "knee": min(2, len(selection)), "measured": len(candidates),
    }  # fmt: skip
    rows = [{"rule": rule, **row} for rule in ("chosen", "coreset", "random")]
    return pd.DataFrame(rows, columns=COMPARISON.names)


def without_selection(inputs: ReportInputs) -> ReportInputs:
    """Turn an iteration into one that adds nothing, as after uniting datapools."""
    iterations = inputs.iterations.copy()
    iterations[["candidates", "selected"]] = 0
    iterations["size_before"] = iterations["size_after"] = len(inputs.datapool_samples)
    return replace(
        inputs,
        files=inputs.files.assign(status="processed", samples=0, **NOTHING),
        dropped=inputs.dropped.head(0),
        samples=inputs.samples.head(0),
        selection=inputs.selection.head(0),
        candidates=inputs.candidates.head(0),
        budget_curve=inputs.budget_curve.head(1),
        comparison=inputs.comparison.head(0),
        base_samples=inputs.datapool_samples,
        iterations=iterations,
        base_datapools=("a" * 32 + ".dir", "b" * 32 + ".dir"),
    )


def invented_pictures(filenames: Sequence[str]) -> Mapping[str, Image.Image]:
    """Paint a picture for each name; for names with `gone` in them there is none."""
    return {name: _painted(name) for name in filenames if "gone" not in name}


def _painted(name: str) -> Image.Image:
    random = np.random.default_rng(list(name.encode()))
    wide = bool(random.integers(2))
    image = Image.new("RGB", (320, 180) if wide else (180, 240), tuple(random.integers(60, 200, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y, radius = random.integers(0, 180, 2).tolist() + random.integers(10, 60, 1).tolist()
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(random.integers(0, 255, 3).tolist()))
    return image


def write_workspace(folder: Path, inputs: ReportInputs) -> None:
    """Write an iteration's files to where the stage reads them."""
    write_parquet(inputs.files, FILES, folder / paths.FILES)
    write_parquet(inputs.dropped, DROPPED, folder / paths.DROPPED)
    write_parquet(_with_proxies(folder / paths.PROXIES, inputs.samples), SAMPLES, folder / paths.SAMPLES)
    write_csv(inputs.selection, SELECTION, folder / paths.SELECTION)
    write_parquet(inputs.candidates, CANDIDATES, folder / paths.CANDIDATES)
    write_csv(inputs.budget_curve, BUDGET_CURVE, folder / paths.BUDGET_CURVE)
    write_csv(inputs.comparison, COMPARISON, folder / paths.COMPARISON)
    (folder / paths.LOSS).parent.mkdir(parents=True)
    inputs.loss.to_csv(folder / paths.LOSS, index=False)
    (folder / paths.BASE_JSON).write_text(
        json.dumps({"datapools": list(inputs.base_datapools), "fingerprint": {"raw_files": "1" * 64}})
    )
    write_csv(empty_frame(MARKS), MARKS, folder / paths.MARKS)
    store.write_samples(folder / paths.BASE, inputs.base_samples)
    store.write_samples(folder / paths.DATAPOOL, inputs.datapool_samples)
    store.write_iterations(folder / paths.DATAPOOL, inputs.iterations)
    (folder / paths.DATAPOOL / store.CHECKPOINT).write_bytes(b"weights")
    for iteration, part in inputs.ledger.groupby("iteration"):
        store.write_ledger_part(folder / paths.DATAPOOL, part, int(str(iteration)))
    write_shards(folder / paths.DATAPOOL / store.EMBEDDINGS_FOLDER, inputs.processed, inputs.embeddings, "c" * 64)


def _with_proxies(folder: Path, samples: pd.DataFrame) -> pd.DataFrame:
    """Write a proxy for each sample; return the samples with the places of their proxies."""
    folder.mkdir(parents=True)
    if samples.empty:
        store_empty_shard(folder)
        return samples
    members = [member_name(row) for row in range(len(samples))]
    with ShardWriter(folder / "shard") as shard:
        for member, name in zip(members, samples["filename"], strict=True):
            path = folder / "picture.jpg"
            _painted(name).save(path)
            shard.add(member, path.read_bytes())
            path.unlink()
    name = store_shard(folder / "shard", folder, members)
    return samples.assign(shard=name, member=members)


def _hash(text: str, digits: int) -> str:
    return (text.encode().hex() * digits)[:digits]


def _file_row(raw: Raw) -> dict[str, object]:
    kept = raw.frames - raw.dropped
    status = "kept" if kept else "corrupt" if raw.corrupt else "duplicate"
    return {
        "path": raw.path, "content_hash": _hash(raw.path, 64), "media": "image" if raw.frames == 1 else "video",
        "status": status, "reason": "", "duplicate_of": "", "declared_frames": raw.frames, "samples": raw.frames,
        "value_kind": "", "value_low": np.nan, "value_high": np.nan, "size": 0, "etag": "", "version": "",
        "address": "",
        **NOTHING, "kept": kept, "corrupt": raw.corrupt, "duplicate": raw.duplicate,
        "near_duplicate": raw.near_duplicate, "low_quality": raw.low_quality,
    }  # fmt: skip


def _ledger_row(raw: Raw, iteration: int) -> dict[str, object]:
    row = _file_row(raw)
    return {**{name: row.get(name) for name in LEDGER.names}, "frames": raw.frames, "iteration": iteration}


def _ignored_row(path: str) -> dict[str, object]:
    return {
        **_file_row(Raw(path, 0)), "content_hash": "", "media": "ignored", "status": "ignored",
        "reason": "no image or video by its ending",
    }  # fmt: skip


def _folder(raw: Raw) -> str:
    return raw.path.split("/")[0] if "/" in raw.path else ""


def _filename(raw: Raw, frame: int) -> str:
    stem, _, extension = raw.path.rpartition(".")
    return raw.path if raw.frames == 1 else f"{stem}-{frame:0{len(str(raw.frames))}d}-{extension}.png"


def _dropped_rows(raw: Raw) -> list[dict[str, object]]:
    statuses = [status for status in REASONS for _ in range(getattr(raw, status))]
    return [
        {
            "filename": _filename(raw, frame),
            "raw_path": raw.path,
            "frame": frame,
            "status": status,
            "reason": REASONS[status],
            "duplicate_of": _filename(raw, raw.frames - 1) if "duplicate" in status else "",
            "figure": {"near_duplicate": 3.0, "low_quality": 0.25}.get(status, np.nan),
        }
        for frame, status in enumerate(statuses)
    ]


def _sample_rows(raw: Raw, labels: Mapping[str, int]) -> list[dict[str, object]]:
    is_image = raw.frames == 1
    return [
        {
            "filename": _filename(raw, frame),
            "raw_path": raw.path,
            "content_hash": _hash(raw.path, 64),
            "frame": frame,
            "time_s": np.nan if is_image else frame / 25,
            "width": 320,
            "height": 180,
            "pixel_hash": _hash(_filename(raw, frame)[::-1], 32),
            **QUALITY,
            "label": labels[_folder(raw)],
            "label_name": _folder(raw),
            "is_new": True,
            "shard": "",
            "member": "",
        }
        for frame in range(raw.dropped, raw.frames)
    ]


def _embeddings(n: int, dimension: int, seed: int, spread: float) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    centre = np.zeros(dimension)
    centre[0] = 1
    groups = random.normal(size=(max(1, n // 8), dimension))[np.arange(n) // 8 % max(1, n // 8)]
    points = centre + spread * (0.6 * groups + 0.15 * random.normal(size=(n, dimension)))
    unit: NDArray[np.float32] = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _greedy(
    samples: pd.DataFrame,
    embeddings: NDArray[np.float32],
    old: pd.DataFrame,
    old_embeddings: NDArray[np.float32],
    n: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select by plain k-center."""
    names, old_names = samples["filename"].to_numpy(dtype=object), old["filename"].to_numpy(dtype=object)
    squared = np.full(len(names), np.inf)
    nearest = np.full(len(names), "", dtype=object)

    def take(vector: NDArray[np.float32], name: str) -> None:
        distance = np.square(embeddings.astype(np.float64) - vector).sum(axis=1)
        nearer = distance < squared
        squared[nearer], nearest[nearer] = distance[nearer], name

    for name, vector in zip(old_names, old_embeddings, strict=True):
        take(vector, name)
    to_base, nearest_in_base = np.sqrt(squared), nearest.copy()
    to_base[np.isinf(to_base)] = np.nan
    picks: list[tuple[str, int, float, str]] = []
    chosen = np.zeros(len(names), dtype=bool)
    for rank in range(min(n, len(names))):
        row = int(np.where(chosen, -1, squared).argmax())
        distance = float(np.sqrt(squared[row]))
        picks.append((names[row], rank, distance if np.isfinite(distance) else np.nan, nearest[row]))
        chosen[row] = True
        take(embeddings[row], names[row])
        squared[row], nearest[row] = 0.0, names[row]
    selection = pd.DataFrame(picks, columns=SELECTION.names)
    candidates = pd.DataFrame(
        {
            "filename": names, "selected": chosen, "distance_to_base": to_base, "nearest_in_base": nearest_in_base,
            "distance": np.sqrt(squared), "covered_by": nearest,
        }
    )  # fmt: skip
    return selection, candidates
