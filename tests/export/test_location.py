"""Places of pictures: what a tool opens, with every character of a name where it belongs."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.core.errors import OutputError
from curation.export.location import parse_location

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1).filter(
    lambda name: name not in (".", "..")
)
ODD = "a b/50%/#1?&+ä😀.jpg"


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("local-files:out", "local-files", "/data/local-files/?d=out/a%20b/50%25/%231%3F%26%2B%C3%A4%F0%9F%98%80.jpg"),
        ("local-files:", "local-files", "/data/local-files/?d=a%20b/50%25/%231%3F%26%2B%C3%A4%F0%9F%98%80.jpg"),
        ("local-files:./x y/", "local-files", "/data/local-files/?d=x%20y/a%20b/50%25/"),
        ("s3://bucket/a prefix/", "bucket", f"s3://bucket/a prefix/{ODD}"),
        ("gs://bucket", "bucket", f"gs://bucket/{ODD}"),
        ("https://host:8080/p%20q/", "web", "https://host:8080/p%20q/a%20b/50%25/%231%3F%26%2B%C3%A4%F0%9F%98%80.jpg"),
        ("HTTP://host/ä", "web", "http://host/%C3%A4/a%20b"),
        ("/mnt/out put/", "folder", f"/mnt/out put/{ODD}"),
        ("/", "folder", f"/{ODD}"),
    ],
)
def test_a_place_names_each_picture_as_its_tool_opens_it(text: str, kind: str, place: str) -> None:
    location = parse_location(text)
    assert location.kind == kind
    assert location.of(ODD).startswith(place)
    assert location.of(f"./{ODD}") == location.of(ODD)


@given(NAMES, NAMES)
def test_any_name_comes_back_from_an_address(folder: str, name: str) -> None:
    path = f"{folder}/{name}"
    shown = path.removeprefix("./")
    web = urlsplit(parse_location("https://host/p").of(path))
    assert (unquote(web.path), web.query, web.fragment) == (f"/p/{shown}", "", "")
    local = urlsplit(parse_location("local-files:p").of(path))
    assert (local.path, parse_qs(local.query, strict_parsing=True)) == ("/data/local-files/", {"d": [f"p/{shown}"]})
    assert parse_location("s3://bucket/p").of(path) == f"s3://bucket/p/{shown}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selected", "is not local-files:FOLDER, s3://BUCKET/PREFIX"),
        ("", "is not local-files:FOLDER"),
        ("ftp://host/x", "ftp:// is not known here"),
        ("local-files:/abs", "as it is seen from LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"),
        ("local-files:https://host", "as it is seen from LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"),
        ("local-files:../up", r"without `\.\.`"),
        ("/mnt/../etc", r"without `\.\.`"),
        ("s3://", "names no bucket"),
        ("s3:///key", "names no bucket"),
        ("https://", "names no host"),
        ("https://[::1", "is not an address"),
        ("https://host/x?token=1", "it has no query"),
        ("https://host/x#part", "it has no query"),
        ("https://host/a b", "write %3F, %23 or %20"),
        ("https://me:secret@host/x", "a user or password"),
        ("s3://bucket/\n", "a character that no address has"),
    ],
)
def test_what_is_no_place_is_told(text: str, message: str) -> None:
    with pytest.raises(OutputError, match=message) as error:
        parse_location(text)
    assert "secret" not in str(error.value)
