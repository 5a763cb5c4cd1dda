"""Listing raw files: every entry is named, nothing is followed out of the folder, nothing blocks."""

import os
import socket
from pathlib import Path

import pytest

from curation.raw.listing import ListedFile, extension_of, list_raw_files, safe_path
from tests.media_files import MEDIA


def _listed(folder: Path, *linked: Path) -> dict[str, ListedFile]:
    files = list_raw_files(folder, MEDIA, linked)
    assert [file.path for file in files] == sorted({file.path for file in files})
    return {file.path: file for file in files}


def test_files_of_any_depth_are_sorted_and_have_a_media_type(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/c/d.mp4", "a/notes.txt", "z", ".gitignore", "a/.gitkeep", "empty.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"" if name == "empty.png" else b"1234")
    files = _listed(tmp_path)
    assert {path: file.media for path, file in files.items()} == {
        ".gitignore": "ignored",
        "a/.gitkeep": "ignored",
        "a/c/d.mp4": "video",
        "a/notes.txt": "ignored",
        "b.JPG": "image",
        "empty.png": "image",
        "z": "ignored",
    }
    assert files["b.JPG"] == ListedFile("b.JPG", "image", "", 4)
    assert files["empty.png"].size == 0
    assert "ending txt" in files["a/notes.txt"].reason
    assert "no file name ending" in files["z"].reason


def test_links_are_followed_to_files_in_allowed_places_only(tmp_path: Path) -> None:
    raw, cache, outside = tmp_path / "raw", tmp_path / "cache", tmp_path / "outside"
    for folder in (raw / "sub", cache, outside):
        folder.mkdir(parents=True)
        (folder / "x.png").write_bytes(b"12")
    (raw / "inside.png").symlink_to("sub/x.png")
    (raw / "cached.png").symlink_to(cache / "x.png")
    (raw / "out.png").symlink_to(outside / "x.png")
    (raw / "through.png").symlink_to("out.png")
    (raw / "folder").symlink_to("sub")
    (raw / "folder.png").symlink_to(outside)
    (raw / "loop.png").symlink_to("loop.png")
    (raw / "gone.png").symlink_to("nothing.png")
    (raw / "up").symlink_to("..")
    files = _listed(raw, cache)
    accepted = {path for path, file in files.items() if file.media == "image"}
    assert accepted == {"cached.png", "inside.png", "sub/x.png"}
    assert files["cached.png"].size == 2
    reasons = {path: file.reason for path, file in files.items()}
    assert "out of the raw data folder" in reasons["out.png"]
    assert "out of the raw data folder" in reasons["through.png"]
    assert reasons["folder"] == reasons["folder.png"] == reasons["up"] == "link to a folder, not followed"
    assert reasons["loop.png"] == reasons["gone.png"] == "broken link or link loop"
    assert "folder/x.png" not in files


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "a.png").write_bytes(b"1")
    (tmp_path / "disk" / "b.png").symlink_to("a.png")
    (tmp_path / "raw").symlink_to("disk")
    assert {file.media for file in _listed(tmp_path / "raw").values()} == {"image"}


def test_what_is_no_file_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "to_pipe.mp4").symlink_to("pipe.mp4")
    monkeypatch.chdir(tmp_path)  # the path of a socket is limited to about 100 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        files = _listed(tmp_path)
    assert {path: file.reason for path, file in files.items()} == {
        "pipe.mp4": "named pipe, not a file",
        "socket.png": "socket, not a file",
        "to_pipe.mp4": "named pipe, not a file",
    }


def test_a_device_is_never_opened_even_if_a_link_to_it_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    assert _listed(tmp_path)["zero.png"].reason == "link out of the raw data folder, not followed"
    assert _listed(tmp_path, Path("/dev"))["zero.png"] == ListedFile(
        "zero.png", "ignored", "character device, not a file", 0
    )


def test_loops_of_links_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(b"1")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    (tmp_path / "one.png").symlink_to("two.png")
    (tmp_path / "two.png").symlink_to("one.png")
    assert {path: file.reason for path, file in _listed(tmp_path).items()} == {
        "a/again": "link to a folder, not followed",
        "a/x.png": "",
        "one.png": "broken link or link loop",
        "two.png": "broken link or link loop",
    }


def test_a_path_longer_than_the_system_opens_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        Path("d" * 240).mkdir()
        monkeypatch.chdir("d" * 240)
    Path("x.png").write_bytes(b"1")
    (tmp_path / "a.png").write_bytes(b"1")
    files = _listed(tmp_path)
    assert files.pop("a.png").media == "image"
    [deep] = files.values()
    assert deep.media == "ignored"
    assert "name too long" in deep.reason


@pytest.mark.parametrize("name", ["a\x85b", "a\u2028b", "a\u2029b", "a\x1bb", "a\rb", "a\x9bb"])
def test_no_listed_name_breaks_a_line_or_steers_a_terminal(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.png").write_bytes(b"1")
    (tmp_path / name).mkdir()
    (tmp_path / name / "x.png").write_bytes(b"1")
    for path, file in _listed(tmp_path).items():
        assert path.splitlines() == [path]
        assert path.isprintable()
        assert file.reason == "name holds a control character: rename the file to use it"


def test_folders_with_risky_names_are_as_safe_as_files(tmp_path: Path) -> None:
    for name in ("-rf", "=x", "a,b", 'q"', "'"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "-x.png").write_bytes(b"1")
    files = _listed(tmp_path)
    assert set(files) == {"./-rf/-x.png", "./=x/-x.png", "a,b/-x.png", 'q"/-x.png', "'/-x.png"}
    assert all((tmp_path / path).exists() for path in files)


def test_an_entry_whose_kind_cannot_be_known_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unknown:
        name, path = "a.png", str(tmp_path / "a.png")

        def fail(self, **_: object) -> bool:
            raise PermissionError(13, "Permission denied")

        is_dir = is_symlink = stat = fail

    class Scan(list[Unknown]):
        def __enter__(self) -> "Scan":
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", lambda _: Scan([Unknown()]))
    assert _listed(tmp_path)["a.png"].reason == "cannot be read: Permission denied"


def test_names_that_could_do_harm(tmp_path: Path) -> None:
    for name in (b"=1+1.png", b"-rf.png", b"@x.png", b"+1.png", b"a b,'c\".png", b"new\nline.png", b"byte\xff.png"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"1")
    (tmp_path / "new\\x0aline.png").write_bytes(b"1")
    long = "l" * 240 + ".png"
    (tmp_path / long).write_bytes(b"1")
    files = _listed(tmp_path)
    accepted = {path for path, file in files.items() if file.media == "image"}
    assert accepted == {"./=1+1.png", "./-rf.png", "./@x.png", "./+1.png", "a b,'c\".png", "new\\x0aline.png", long}
    assert all((tmp_path / path).exists() for path in accepted)
    assert "control character" in files["new\\x0aline.png\\"].reason
    assert not [path for path in files if path.startswith("byte")]  # DVC cannot see it, so it is no data


def test_what_macos_keeps_beside_files_is_ignored(tmp_path: Path) -> None:
    for name in (
        "a.png",
        "._a.png",
        "day/._b.mp4",
        "__MACOSX/day/._b.mp4",
        "__MACOSX/c.png",
        "a._b.png",
        "__MACOSX.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    files = _listed(tmp_path)
    assert {path for path, file in files.items() if file.media != "ignored"} == {"a.png", "a._b.png", "__MACOSX.png"}
    assert {file.reason for file in files.values()} == {"", "what macOS keeps beside a file (AppleDouble), not data"}


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.png").write_bytes(b"1")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    files = _listed(tmp_path)
    assert files["a.png"].media == "image"
    assert files["locked"].reason == "folder cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("path", "extension"), [("a.JPG", "jpg"), ("a.tar.mp4", "mp4"), (".jpg", ""), ("x.y/z", ""), ("a", "")]
)
def test_extension(path: str, extension: str) -> None:
    assert extension_of(path) == extension


def test_safe_path_keeps_ordinary_names() -> None:
    assert [safe_path(path) for path in ("a-b", "x/=y", "=x", "")] == ["a-b", "x/=y", "./=x", ""]
