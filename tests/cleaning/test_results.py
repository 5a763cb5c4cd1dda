"""Results of earlier runs: a run that was killed goes on, in the same bytes, and nothing else is taken for its own."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curation.cleaning.decode_file import DecodedFile, Settings, decode_file
from curation.cleaning.decode_files import Decode, decode_all
from curation.cleaning.keeping import Journal, Keeping
from curation.cleaning.outcome_keys import APART, NOT_OF_IMAGES, OutcomeKeys, contents_listed
from curation.cleaning.pack_folder import PackFolder, ending, holds_for
from curation.cleaning.results import Results
from curation.cleaning.tasks import RawFile, tasks_of
from curation.core.kinds import IMAGE, PAGES, VIDEO
from curation.image.crops import WantedBox
from curation.image.window import ValueWindows, Window
from tests.killed_decoding import SETTINGS, killed, noted, repeated
from tests.media_files import write_image, write_video
from tests.no_workers import in_this_process

CHANGED: dict[str, Any] = {
    "max_pixels": 7,
    "proxy_size": 32,
    "corruption_threshold": 0.2,
    "decode_timeout_s": 7,
    "decode_memory_mb": None,
    "fps": 2.0,
    "max_frames_per_video": 9,
    "jpeg_draft": True,
    "windows": ValueWindows.chosen("full"),
}
FILE = RawFile("a/b.tif", PAGES, 3, "task-1", "")


def _key(file: RawFile = FILE, settings: Settings = SETTINGS, code: str = "c", content: str = "e") -> str:
    return OutcomeKeys(code, settings, lambda _: content).key(file)


@pytest.mark.parametrize("media", [IMAGE, VIDEO, PAGES])
@pytest.mark.parametrize("name", [each.name for each in fields(Settings)])
def test_a_key_has_every_setting_that_the_outcome_depends_on(name: str, media: str) -> None:
    file = replace(FILE, media=media)
    without = (APART - {"windows"}) | (NOT_OF_IMAGES if media == IMAGE else set())
    assert (_key(file, replace(SETTINGS, **{name: CHANGED[name]})) == _key(file)) == (name in without)


def test_a_key_has_all_of_the_file_that_the_outcome_depends_on() -> None:
    others = [
        *(replace(FILE, media=VIDEO), replace(FILE, declared=4), replace(FILE, path="a/b.gif")),
        *(replace(FILE, known={0: "ab"}), replace(FILE, boxes={0: [WantedBox(1, (0, 0, 9, 9))]})),
        *(replace(FILE, boxes={0: [WantedBox(1, (0, 0, 9, 8))]}), replace(FILE, path="a/b.tif/track-2.tif")),
    ]
    keys = [_key(), *map(_key, others), _key(code="d"), _key(content="f")]
    assert len(set(keys)) == len(keys)
    assert _key(replace(FILE, path="c/d.tif", shard="task-2", member="x", key="y")) == _key()
    assert _key(content="") == ""


def test_a_window_counts_for_the_files_of_its_folder() -> None:
    windows = replace(SETTINGS, windows=ValueWindows("auto", {("a", "uint16"): Window(1, 2)}))
    assert _key(FILE, windows) != _key()
    assert _key(replace(FILE, path="z/b.tif"), windows) == _key()


def test_a_file_of_another_size_is_not_the_one_that_was_listed(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"123")
    content_of = contents_listed([("a.png", "x", 3), ("b.png", "y", 3), ("v.mp4/track-2.mp4", "z", 0)], tmp_path)
    assert [content_of(replace(FILE, path=path)) for path in ("a.png", "b.png", "v.mp4/track-2.mp4", "c.png")] == [
        *("x", "", "z", ""),
    ]


def test_what_was_found_holds_where_a_decoder_may_take_as_much() -> None:
    name = f"ab12{ending(SETTINGS)}"
    limits: list[dict[str, Any]] = [{}, {"decode_timeout_s": 60.5}, {"decode_memory_mb": None}]
    assert all(holds_for(name, replace(SETTINGS, **more)) for more in limits)
    assert not holds_for(name, replace(SETTINGS, decode_timeout_s=59.9))
    assert not holds_for(name, replace(SETTINGS, decode_memory_mb=511))
    unlimited = replace(SETTINGS, decode_memory_mb=None, decode_timeout_s=0.4)
    assert holds_for(f"ab{ending(unlimited)}", unlimited)
    assert not holds_for(f"ab{ending(unlimited)}", SETTINGS)
    assert not holds_for("other.pack", SETTINGS)


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    packs = PackFolder(tmp_path / "packs")
    assert packs.sizes() == {}
    for number in range(4):
        packs.write(f"{number}.pack", bytes(10))
        os.utime(packs.folder / f"{number}.pack", (number, number))
    packs.note_use("1.pack")
    packs.note_use("gone.pack")
    packs.trim(20, ["0.pack"])
    assert list(packs.sizes()) == ["1.pack", "3.pack", "0.pack"]
    packs.trim(10)
    assert packs.sizes() == {"1.pack": 10}
    packs.trim(0)
    assert packs.sizes() == {}


@dataclass
class _Run:
    """Runs of `decode_all` in this process, one after the other, with the same results."""

    folder: Path
    settings: Settings = SETTINGS
    most_bytes: int = 1 << 30
    begun: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def packs(self) -> PackFolder:
        return PackFolder(self.folder / "packs")

    def __call__(self, *, keep: bool = True, end_after: int = 99) -> tuple[list[DecodedFile], dict[str, bytes]]:
        """Decode all files; return what became of them, and the shards."""
        raw, shards = self.folder / "raw", self.folder / "shards"
        shutil.rmtree(shards, ignore_errors=True)
        shards.mkdir()
        paths = sorted(path.relative_to(raw).as_posix() for path in raw.rglob("*.*"))
        tasks = tasks_of((path, VIDEO if path.endswith(".mp4") else IMAGE, 1) for path in paths)
        results = Results(
            self.packs, "code", lambda file: file.path.rpartition("/")[2], self.most_bytes, self.told.append
        )
        self.begun = []
        decode = self._decode_until(end_after)
        decoded = decode_all(tasks, raw, shards, self.settings, 1, decode, results=results if keep else None)
        if keep:
            results.finish()
            assert len(results.found) == len(paths) - len(self.begun)
        return decoded, {path.name: path.read_bytes() for path in shards.iterdir()}

    def _decode_until(self, end_after: int) -> Decode:
        def decode(file: RawFile, *arguments: Any, **named: Any) -> DecodedFile:
            if len(self.begun) == end_after:
                raise KeyboardInterrupt
            self.begun.append(file.path)
            return decode_file(file, *arguments, **named)

        return decode


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Run:
    """Return what decodes four images, one of them no image, and a video."""
    monkeypatch.setattr("curation.cleaning.decode_files.run_in_workers", in_this_process)
    for number in range(1, 4):
        write_image(tmp_path / "raw" / "i" / f"{number}.png", number)
    (tmp_path / "raw" / "i" / "4.png").write_bytes(b"no image")
    write_video(tmp_path / "raw" / "v.mp4", range(3))
    return _Run(tmp_path)


def _as_text(result: tuple[list[DecodedFile], dict[str, bytes]]) -> str:
    decoded, shards = result
    files = [replace(file, samples=list(file.samples), crops=list(file.crops)) for file in decoded]
    return repr((files, sorted(shards.items())))


def test_a_run_that_was_ended_goes_on_where_it_was(run: _Run) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(end_after=3)
    assert run.begun == ["v.mp4", "i/1.png", "i/2.png"]
    write_image(run.folder / "raw" / "i" / "0.png", 0)  # which takes the first place in the shard
    resumed = run()
    assert run.begun == ["i/0.png", "i/3.png", "i/4.png"]
    assert _as_text(run()) == _as_text(resumed)
    assert run.begun == []
    assert _as_text(run(keep=False)) == _as_text(resumed)
    assert len(run.begun) == 6


@pytest.mark.parametrize("harm", ["cut off", "changed", "gone", "settings", "lower limit"])
def test_what_is_damaged_or_of_other_settings_is_decoded(run: _Run, harm: str) -> None:
    expected = run()
    (pack,) = (run.packs.folder / name for name in run.packs.sizes())
    content = pack.read_bytes()
    match harm:
        case "cut off":
            pack.write_bytes(content[:-1])
        case "changed":
            pack.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
        case "gone":
            shutil.rmtree(run.packs.folder)
        case "settings":
            run.settings = replace(SETTINGS, proxy_size=32)
        case "lower limit":
            run.settings = replace(SETTINGS, decode_memory_mb=511)
    found = run()
    assert len(run.begun) == (1 if harm in ("cut off", "changed") else 5)
    assert (_as_text(found) == _as_text(expected)) == (harm != "settings")


def test_what_no_unfinished_run_needs_is_forgotten_beyond_the_bound(run: _Run) -> None:
    run()
    run.most_bytes = 0
    run.settings = replace(SETTINGS, proxy_size=32)
    with pytest.raises(KeyboardInterrupt):
        run(end_after=3)
    assert len(run.packs.sizes()) == 1
    with pytest.raises(KeyboardInterrupt):
        run(end_after=1)
    assert len(run.packs.sizes()) == 2  # those of the run that has not come to its end
    run()
    assert run.begun == ["i/4.png"]
    assert run.packs.sizes() == {}


def test_a_folder_that_cannot_be_written_costs_nothing_but_what_is_kept(run: _Run) -> None:
    (run.folder / "packs").write_text("no folder")
    assert _as_text(run()) == _as_text(run(keep=False))
    assert len(run.told) == 1
    assert "is not kept" in run.told[0]


@pytest.mark.parametrize(
    ("reason", "is_kept"),
    [
        ("cut off", True),
        ("broken data stream when reading image file (OSError)", True),
        ("[Errno 5] Input/output error (OSError)", False),
        ("cannot identify image file '{path}' (UnidentifiedImageError)", False),
    ],
)
def test_what_tells_of_the_machine_is_not_kept(tmp_path: Path, reason: str, *, is_kept: bool) -> None:
    path = write_image(tmp_path / "a.png", 1)
    outcome = DecodedFile("a.png", IMAGE, [], 1, is_corrupt=True, reason=reason.format(path=path), shard="")
    assert _is_kept(tmp_path, lambda *_: outcome) == is_kept


def test_what_was_not_decoded_or_has_changed_meanwhile_is_not_kept(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", 1)
    outcome = DecodedFile("a.png", IMAGE, [], 1, is_corrupt=True, reason="cut off", shard="")
    assert not _is_kept(tmp_path, lambda *_: replace(outcome, is_corrupt=False))
    since_ns = path.stat().st_mtime_ns
    assert not _is_kept(tmp_path, lambda *_: outcome, since_ns=since_ns)
    assert _is_kept(tmp_path, lambda *_: outcome, since_ns=since_ns + 1)
    assert not _is_kept(tmp_path, lambda *_: outcome, key="")
    assert not _is_kept(tmp_path, lambda *_: outcome, least_free=2**80)


def _is_kept(
    folder: Path,
    decode: Callable[..., DecodedFile],
    *,
    key: str = "ab" * 32,
    since_ns: int = 2**62,
    least_free: int = 0,
) -> bool:
    """Decode a file, and return whether its outcome was kept."""
    packs = PackFolder(folder / "packs")
    packs.trim(0)
    keeping = Keeping(decode, Journal(packs.folder, ending(SETTINGS), least_free, since_ns), folder, folder)
    kept = keeping(RawFile("a.png", IMAGE, 1, "task-0", "0.jpg", key=key), 1, lambda _: None)
    keeping.close()
    assert bool(kept.trouble) == (least_free > 0)
    return sum(packs.sizes().values()) > 0


@pytest.mark.thorough
def test_a_killed_run_repeats_what_was_in_hand(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(40):
        write_image(tmp_path / "raw" / f"{number:02d}.png", number, 200, 200)
    command = (sys.executable, "-c", "from tests.killed_decoding import decode_here; decode_here()")
    runs, shards = [], tmp_path / "shards"
    for number, begun in enumerate((5, 14, None)):
        later_s = float(rng.uniform(0, 0.01))
        status = killed(command, tmp_path, notes := tmp_path / f"notes-{number}", begun, later_s)
        assert (status == 0) == (begun is None)
        runs.append(noted(notes))
    assert {path for begun in runs for path in begun} == {f"{number:02d}.png" for number in range(40)}
    assert max(repeated(runs)) <= 2
    resumed = {path.name: path.read_bytes() for path in shards.iterdir()}
    shutil.rmtree(tmp_path / "packs")
    assert killed(command, tmp_path, tmp_path / "calm", None) == 0
    assert {path.name: path.read_bytes() for path in shards.iterdir()} == resumed
