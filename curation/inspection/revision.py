"""An iteration as it was recorded: in a commit, or in the workspace by the last `dvc repro`.

All that is read of an iteration comes from its `dvc.lock` and, by the hashes in there, from the DVC cache (or the
remote), never from the files that lie in the workspace: so every committed revision can be read alike, without a
checkout.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from curation.core.errors import BaseError
from curation.datapool import store
from curation.datapool.pictures import PICTURES_CSV
from curation.datapool.sources import join_sources, sources_parts
from curation.history import git
from curation.history.base_rule import Base, parse_base
from curation.history.dvc_cache import Cache
from curation.history.dvc_lock import Stages, output_hash, outputs_in_git, parse_stages
from curation.history.readable import (
    RAW_LIST,
    faults_in_workspace,
    faults_of_commit,
    parse_mapping,
)
from curation.pipeline import paths
from curation.tables.datapool import ITERATIONS, PICTURES, REMOVED, SAMPLES, VALUE_WINDOWS
from curation.tables.files import empty_frame, read_csv, read_known_parquet, read_parquet
from curation.tables.samples import FILES
from curation.tables.selection import SELECTION, read_contributions

WORKSPACE = "workspace"
"""The name that messages give to the result of the last `dvc repro`, committed or not."""


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
        return parse_stages(self.text(paths.DVC_LOCK), paths.DVC_LOCK, self.commit)

    @cached_property
    def is_readable(self) -> bool:
        """Whether its `dvc.lock` can be read: a merge's conflict markers may have been committed in it."""
        try:
            return isinstance(self.stages, Mapping)
        except BaseError:
            return False

    @cached_property
    def faults(self) -> tuple[str, ...]:
        """Sentences that name those of its files that cannot be read."""
        return tuple(faults_in_workspace() if self.commit is None else faults_of_commit(self.commit))

    @cached_property
    def params(self) -> dict[str, Any]:
        """The content of `params.yaml`."""
        return parse_mapping(self.text(paths.PARAMS), paths.PARAMS, self.commit)

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
        return list(parse_mapping(self.text(RAW_LIST), RAW_LIST, self.commit).get("outs") or [])

    @cached_property
    def picture_outputs(self) -> list[dict[str, Any]]:
        """The folders of pictures that former iterations kept, which `pictures/*.dvc` track: path, hash."""
        if self.commit is None:
            names = sorted(path.as_posix() for path in paths.PICTURES.glob("*.dvc"))
        else:
            listing = git.git("ls-tree", "-z", "--name-only", self.commit, "--", f"./{paths.PICTURES.as_posix()}/")
            names = [name for name in (listing or "").split("\0") if name.endswith(".dvc")]
        files = [parse_mapping(self.text(Path(name)), Path(name), self.commit) for name in names]
        outs = [out for content in files for out in content.get("outs") or []]
        return [{**out, "path": (paths.PICTURES / str(out["path"])).as_posix()} for out in outs]

    @cached_property
    def _in_git(self) -> frozenset[str]:
        """Paths of the outputs that git holds itself (`cache: false` in dvc.yaml)."""
        return outputs_in_git(parse_stages(self.text(paths.DVC_YAML), paths.DVC_YAML, self.commit))

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
        return store.join_ledger(map(self.datapool_file, store.ledger_parts(self.datapool_files)))

    @cached_property
    def sources(self) -> pd.DataFrame:
        """The objects in buckets whose content is known (`curation.tables.datapool.SOURCES`)."""
        names = sources_parts(self.datapool_files) if self.has_datapool else []
        return join_sources(map(self.datapool_file, names))

    @cached_property
    def removed(self) -> pd.DataFrame:
        """Tombstones of what was taken out for good (`curation.tables.datapool.REMOVED`)."""
        return self._table_if_any(store.REMOVED_CSV, REMOVED)

    @cached_property
    def pictures(self) -> pd.DataFrame:
        """The full-size pictures that stayed with the datapool (`curation.tables.datapool.PICTURES`)."""
        return self._table_if_any(PICTURES_CSV, PICTURES)

    @cached_property
    def value_windows(self) -> pd.DataFrame:
        """The windows of pictures of more than 8 bits (`curation.tables.datapool.VALUE_WINDOWS`)."""
        if not self.has_datapool:
            return empty_frame(VALUE_WINDOWS)
        return self._table_if_any(store.VALUE_WINDOWS_CSV, VALUE_WINDOWS)

    def _table_if_any(self, name: str, schema: pa.Schema) -> pd.DataFrame:
        """Read a CSV table that not every datapool has; no rows without it."""
        return read_csv(self.datapool_file(name), schema) if name in self.datapool_files else empty_frame(schema)

    @cached_property
    def processed(self) -> pd.DataFrame:
        """Every sample that has an embedding: filename, raw_path, content_hash and pixel_hash."""
        columns = ["filename", "raw_path", "content_hash", "pixel_hash"]
        tables = [read_parquet(shard, columns) for shard in self.embedding_shards]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns, dtype=str)

    @property
    def has_datapool(self) -> bool:
        """Whether a datapool is recorded."""
        return output_hash(self.stages, paths.DATAPOOL) is not None

    @cached_property
    def embedding_shards(self) -> list[Path]:
        """The datapool's shards of embeddings (`curation.tables.embeddings`) in the cache, only to be read."""
        shards = [name for name in self.datapool_files if name.startswith(f"{store.EMBEDDINGS_FOLDER}/")]
        return [self.datapool_file(name) for name in shards]

    @cached_property
    def undecided_shards(self) -> list[Path]:
        """The shards that `embed` has written since the datapool was made; none after a whole run."""
        folder = output_hash(self.stages, paths.EMBEDDINGS)
        if folder is None or not self.cache.has_whole(folder):
            return []
        known = set(self.datapool_files.values()) if self.has_datapool else set()
        return [self.cache.file(shard) for shard in self.cache.listing(folder).values() if shard not in known]

    @cached_property
    def selection(self) -> pd.DataFrame:
        """The selection of this very iteration (`curation.tables.selection.SELECTION`)."""
        return self.csv(paths.SELECTION, SELECTION)

    @cached_property
    def contributions(self) -> pd.DataFrame:
        """What strategies contributed to this iteration's picks (`curation.tables.selection.CONTRIBUTIONS`).

        No rows where nothing is recorded, or neither the cache nor the remote holds it any more.
        """
        found = output_hash(self.stages, paths.CONTRIBUTIONS)
        try:
            return read_contributions(None if found is None else self.cache.file(found))
        except BaseError:
            return read_contributions(None)

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
        return read_known_parquet(self.file(paths.FILES), FILES)

    def csv(self, output: Path, schema: pa.Schema) -> pd.DataFrame:
        """Read an output that is a CSV table."""
        return read_csv(self.file(output), schema)

    def parquet(self, output: Path) -> pd.DataFrame:
        """Read an output that is a Parquet table."""
        return read_parquet(self.file(output))


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
        advice = git.missing_history() or "give a commit, branch or tag, such as HEAD~1"
        raise BaseError(f"{name!r} is not a revision that git knows here; {advice}")
    return Revision(name, commit, cache)
