"""An iteration as it was recorded: in a commit, or in the workspace by the last `dvc repro`.

All that is read of an iteration comes from its `dvc.lock` and, by the hashes in there, from the DVC cache (or the
remote), never from the files that lie in the workspace: so every committed revision can be read alike, without a
checkout.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from ruamel.yaml import YAML

from curation.core.errors import BaseError
from curation.datapool import store
from curation.datapool.pictures import PICTURES_CSV
from curation.history import git
from curation.history.base_rule import Base, parse_base
from curation.history.dvc_cache import Cache
from curation.history.dvc_lock import Stages, output_hash, outputs_in_git, parse_stages
from curation.pipeline import paths
from curation.tables.datapool import ITERATIONS, LEDGER, PICTURES, REMOVED, SAMPLES
from curation.tables.files import empty_frame, read_csv, read_parquet
from curation.tables.selection import SELECTION

WORKSPACE = "workspace"
"""The name that messages give to the result of the last `dvc repro`, committed or not."""

_DECISIONS = (paths.FILES, paths.DROPPED, paths.CANDIDATES)
"""The outputs that say what became of raw files and samples."""


@dataclass(frozen=True)
class Revision:
    """One iteration's record.

    Attributes:
        name: as the user gave it; `WORKSPACE` for that.
        commit: 40 hexadecimal digits; None for the workspace.
        cache: where the outputs are.
    """

    name: str
    commit: str | None
    cache: Cache

    @cached_property
    def stages(self) -> Stages:
        """The stages of `dvc.lock`."""
        return parse_stages(self.text(paths.DVC_LOCK))

    @cached_property
    def params(self) -> dict[str, Any]:
        """The content of `params.yaml`."""
        return YAML(typ="safe").load(self.text(paths.PARAMS) or "") or {}

    @cached_property
    def base(self) -> Base | None:
        """The content of `base.json`."""
        return parse_base(self.text(paths.BASE_JSON))

    @property
    def datapool_hash(self) -> str:
        """DVC's hash of the datapool."""
        return self.hash_of(paths.DATAPOOL)

    def text(self, path: Path) -> str | None:
        """Return the text of a file that git holds; None where there is none."""
        if self.commit is not None:
            return git.read_file(self.commit, path)
        return path.read_text() if path.is_file() else None

    def hash_of(self, output: Path) -> str:
        """Return the hash of a stage's output.

        Raises:
            BaseError: the revision has none.
        """
        found = output_hash(self.stages, output)
        if found is None:
            raise BaseError(
                f"{self.name}: no {output} is recorded there: run `dvc repro`, or choose a revision that holds an "
                "iteration (`python -m curate list` names them)"
            )
        return found

    @cached_property
    def raw_outputs(self) -> list[dict[str, Any]]:
        """The files that `data/raw.dvc` tracks: path, hash."""
        return _outputs_of(self.text(paths.RAW.with_name(f"{paths.RAW.name}.dvc")))

    @cached_property
    def picture_outputs(self) -> list[dict[str, Any]]:
        """The folders of pictures that former iterations kept, which `pictures/*.dvc` track: path, hash."""
        if self.commit is None:
            names = sorted(path.as_posix() for path in paths.PICTURES.glob("*.dvc"))
        else:
            listing = git.git("ls-tree", "-z", "--name-only", self.commit, "--", f"./{paths.PICTURES.as_posix()}/")
            names = [name for name in (listing or "").split("\0") if name.endswith(".dvc")]
        outs = [out for name in names for out in _outputs_of(self.text(Path(name)))]
        return [{**out, "path": (paths.PICTURES / str(out["path"])).as_posix()} for out in outs]

    @cached_property
    def _in_git(self) -> frozenset[str]:
        """Paths of the outputs that git holds itself (`cache: false` in dvc.yaml)."""
        return outputs_in_git(parse_stages(self.text(paths.DVC_YAML)))

    def is_in_git(self, output: str) -> bool:
        """Return whether git holds an output itself, so that the DVC cache does not."""
        return output in self._in_git

    def file(self, output: Path) -> Path:
        """Return the cached file of an output that is one file, only to be read."""
        return self.cache.file(self.hash_of(output))

    @cached_property
    def datapool_files(self) -> dict[str, str]:
        """Hash of each file of the datapool, by its path in there."""
        return self.cache.listing(self.datapool_hash)

    def datapool_file(self, name: str) -> Path:
        """Return a cached file of the datapool, only to be read."""
        if name not in self.datapool_files:
            raise BaseError(f"{self.name}: its datapool has no {name}")
        return self.cache.file(self.datapool_files[name])

    @cached_property
    def samples(self) -> pd.DataFrame:
        """The datapool's samples, in order of selection (`curation.tables.datapool.SAMPLES`)."""
        return read_csv(self.datapool_file(store.SAMPLES_CSV), SAMPLES)

    @cached_property
    def iterations(self) -> pd.DataFrame:
        """The datapool's log (`curation.tables.datapool.ITERATIONS`)."""
        return read_csv(self.datapool_file(store.ITERATIONS_CSV), ITERATIONS)

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """Every raw file that was processed (`curation.tables.datapool.LEDGER`)."""
        parts = sorted(name for name in self.datapool_files if name.startswith(f"{store.LEDGER_FOLDER}/"))
        tables = [read_csv(self.datapool_file(name), LEDGER) for name in parts]
        return pd.concat(tables, ignore_index=True) if tables else empty_frame(LEDGER)

    @cached_property
    def removed(self) -> pd.DataFrame:
        """Tombstones of what was taken out for good (`curation.tables.datapool.REMOVED`)."""
        if store.REMOVED_CSV not in self.datapool_files:
            return empty_frame(REMOVED)
        return read_csv(self.datapool_file(store.REMOVED_CSV), REMOVED)

    @cached_property
    def pictures(self) -> pd.DataFrame:
        """The full-size pictures that stayed with the datapool (`curation.tables.datapool.PICTURES`)."""
        if PICTURES_CSV not in self.datapool_files:
            return empty_frame(PICTURES)
        return read_csv(self.datapool_file(PICTURES_CSV), PICTURES)

    @cached_property
    def processed(self) -> pd.DataFrame:
        """Every sample that has an embedding: filename, raw_path, content_hash and pixel_hash."""
        shards = [name for name in self.datapool_files if name.startswith(f"{store.EMBEDDINGS_FOLDER}/")]
        columns = ["filename", "raw_path", "content_hash", "pixel_hash"]
        tables = [read_parquet(self.datapool_file(name), columns) for name in shards]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns, dtype=str)

    @cached_property
    def selection(self) -> pd.DataFrame:
        """The selection of this very iteration (`curation.tables.selection.SELECTION`)."""
        return self.csv(paths.SELECTION, SELECTION)

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """The candidates of this iteration (`curation.tables.selection.CANDIDATES`)."""
        return self.parquet(paths.CANDIDATES)

    @cached_property
    def dropped(self) -> pd.DataFrame:
        """The samples that `clean` dropped in this iteration (`curation.tables.samples.DROPPED`)."""
        return self.parquet(paths.DROPPED)

    @cached_property
    def files(self) -> pd.DataFrame:
        """The outcome of each raw file in this iteration (`curation.tables.samples.FILES`)."""
        return self.parquet(paths.FILES)

    def csv(self, output: Path, schema: pa.Schema) -> pd.DataFrame:
        """Read an output that is a CSV table."""
        return read_csv(self.file(output), schema)

    def parquet(self, output: Path) -> pd.DataFrame:
        """Read an output that is a Parquet table."""
        return read_parquet(self.file(output))


def _outputs_of(text: str | None) -> list[dict[str, Any]]:
    """Return what a `.dvc` file tracks."""
    content = YAML(typ="safe").load(text) if text else None
    return list((content or {}).get("outs", []))


def revision(name: str | None, cache: Cache) -> Revision:
    """Open a commit's record, or the workspace's for None.

    Raises:
        BaseError: git knows no such revision.
    """
    git.require_repository()
    if name is None or name == WORKSPACE:
        return Revision(WORKSPACE, None, cache)
    commit = git.commit_of(name)
    if commit is None:
        raise BaseError(f"{name!r} is not a revision that git knows here; give a commit, branch or tag, such as HEAD~1")
    return Revision(name, commit, cache)


def recorded_locks(start: Revision) -> Iterator[Revision]:
    """Yield the revisions that changed `dvc.lock`, newest first: iterations, halves of one, and other reports.

    Begins with the workspace where that is where it starts; follows first parents, as a branch's own history.
    """
    if start.commit is None and start.stages:
        yield start
    tip = start.commit or git.commit_of("HEAD")
    listing = git.git("rev-list", "--first-parent", tip, "--", f"./{paths.DVC_LOCK.as_posix()}") if tip else None
    for commit in (listing or "").split():
        yield Revision(commit[:12], commit, start.cache)


def recorded_iterations(start: Revision) -> Iterator[Revision]:
    """Yield the revisions that recorded another datapool than the commit before, newest first.

    Begins with the workspace where that is where it starts, or with the commit that holds what is recorded there;
    follows first parents, as a branch's own history.
    """
    commits = [found for found in recorded_locks(start) if found.commit is not None]
    if start.commit is None and output_hash(start.stages, paths.DATAPOOL):
        same = list(
            takewhile(lambda commit: _hashes(commit, paths.DATAPOOL) == _hashes(start, paths.DATAPOOL), commits)
        )
        holding = [commit for commit in same if _hashes(commit, *_DECISIONS) == _hashes(start, *_DECISIONS)]
        if not holding or holding[-1] is not same[-1]:
            yield holding[-1] if holding else start
    hashes = [output_hash(found.stages, paths.DATAPOOL) for found in commits]
    for found, datapool, former in zip(commits, hashes, [*hashes, None][1:], strict=True):
        if datapool is not None and datapool != former:
            yield found


def _hashes(recorded: Revision, *outputs: Path) -> list[str | None]:
    return [output_hash(recorded.stages, output) for output in outputs]


def commits_of_iterations(start: Revision) -> dict[int, Revision]:
    """Return the revision that recorded each iteration: the earliest one in whose datapool's log it is.

    An iteration of a branch that was merged has the commit of the merge.
    """
    found: dict[int, Revision] = {}
    known = set(map(int, start.iterations["iteration"]))
    for recorded in recorded_iterations(start):
        for number in map(int, recorded.iterations["iteration"]):
            if number in known:
                found[number] = recorded
    return dict(sorted(found.items()))
