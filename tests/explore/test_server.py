"""The page and its server: what is served, to whom, and what a query can reach."""

import http.client
import json
import threading
import zipfile
from collections.abc import Iterator
from importlib import metadata, util
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curation.cli.main import main
from curation.core.atomic import link_or_copy
from curation.core.errors import MissingPackageError, OutputError
from curation.explore import atlas
from curation.explore.atlas import LOCK, METADATA_FILE, TABLE_FILE, metadata_of, page_folder, write_static
from curation.explore.rows import as_file
from curation.explore.schema import ROW, table_schema
from curation.explore.server import PageServer, Site, open_database, start_server
from tests.browser import Browser, find_chromium
from tests.conftest import REPOSITORY
from tests.explore.project import HOSTILE

INDEX = "<!doctype html><title>Embedding Atlas</title>"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page that is none, in the place of Embedding Atlas'."""
    folder = tmp_path / "package" / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "assets/index.js").write_text("export {}")
    return folder


class Database:
    """Answers every query with the same rows."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cursor(self) -> "Database":
        return self

    def sql(self, query: str) -> "Database":
        if "nonsense" in query:
            raise ValueError("no such column: nonsense")
        return self

    def to_arrow_reader(self) -> pa.RecordBatchReader:
        return self._rows.to_reader()

    def to_arrow_table(self) -> pa.Table:
        return self._rows


@pytest.fixture
def server(table: Path, page: Path) -> Iterator[PageServer]:
    rows = pq.read_table(table)
    made = start_server(Site(cast(Any, Database(rows)), table, page, metadata_of(table, is_static=False)), 0)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def ask(
    server: PageServer, path: str, body: object = None, **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("localhost", server.server_port, timeout=20)
    content = None if body is None else json.dumps(body)
    connection.request("GET" if body is None else "POST", path, content, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read(), answer.headers
    connection.close()
    return found


def test_the_page_and_what_it_reads_first(server: PageServer) -> None:
    status, content, headers = ask(server, "/")
    assert (status, content.decode(), headers["Content-Type"]) == (200, INDEX, "text/html")
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert ask(server, "/assets/index.js")[2]["Content-Type"] == "text/javascript"
    first = json.loads(ask(server, "/data/metadata.json")[1])
    assert first["database"] == {"type": "rest"}
    assert first["props"]["data"] == {
        "id": "row", "projection": {"x": "x", "y": "y"}, "text": "filename", "image": "thumbnail",
    }  # fmt: skip
    charts = list(first["props"]["initialState"]["charts"].values())
    assert charts[0]["data"]["category"] == "state"
    assert {"type": "count-plot", "title": "iteration", "data": {"field": "iteration"}} in charts


def test_queries_are_answered_as_arrow_and_json(server: PageServer) -> None:
    _, content, _ = ask(server, "/data/query", {"type": "arrow", "sql": "SELECT 1"})
    assert pa.ipc.open_stream(content).read_all().num_rows == 3
    _, content, _ = ask(server, "/data/query", {"type": "json", "sql": "SELECT 1"})
    assert HOSTILE in {row["filename"] for row in json.loads(content)}
    assert ask(server, "/data/query", {"type": "exec", "sql": "UPDATE"})[1] == b"{}"
    status, content, _ = ask(server, "/data/query", {"type": "json", "sql": "SELECT nonsense"})
    assert (status, json.loads(content)) == (500, {"error": "no such column: nonsense"})
    assert ask(server, "/data/query", [])[0] == 500


def test_what_the_page_puts_aside_is_kept(server: PageServer) -> None:
    assert ask(server, "/data/cache/labels")[0] == 404
    assert ask(server, "/data/cache/labels", {"a": 1})[0] == 200
    assert json.loads(ask(server, "/data/cache/labels")[1]) == {"a": 1}


@pytest.mark.parametrize(
    "path", ["/../explore.parquet", "/%2e%2e/explore.parquet", "//etc/passwd", "/assets/", "/none"]
)
def test_nothing_but_the_page_is_served(server: PageServer, path: str) -> None:
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "localhost.evil.example"},
    ],
)
def test_other_sites_may_not_ask(server: PageServer, headers: dict[str, str]) -> None:
    assert ask(server, "/data/query", {"type": "json", "sql": "SELECT 1"}, **headers)[0] == 403
    assert ask(server, "/data/metadata.json", **headers)[0] == 403


def test_rows_are_downloaded_as_files(server: PageServer) -> None:
    _, content, _ = ask(server, "/data/selection", {"predicate": None, "format": "csv"})
    lines = content.decode().splitlines()
    assert len(lines) == 4
    assert "thumbnail" not in lines[0]
    _, content, _ = ask(server, "/data/selection", {"predicate": "x > 0", "format": "parquet"})
    assert pq.read_table(BytesIO(content)).schema.names == table_schema().names
    assert len(json.loads(ask(server, "/data/selection", {"format": "json"})[1])) == 3
    assert len(ask(server, "/data/selection", {"format": "jsonl"})[1].splitlines()) == 3
    assert ask(server, "/data/selection", {"format": "exe"})[0] == 500


def test_the_archive_is_a_page_that_needs_no_server(server: PageServer) -> None:
    _, content, _ = ask(server, "/data/archive.zip")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert {"index.html", TABLE_FILE.as_posix(), METADATA_FILE.as_posix()} <= set(archive.namelist())
        assert json.loads(archive.read(METADATA_FILE.as_posix()))["isStatic"] is True


def test_a_name_is_no_formula_in_a_spreadsheet() -> None:
    rows = pa.table({"filename": ["=1+2", "-2", "a=1", None], "row": [1, 2, 3, 4]})
    assert as_file(rows, "csv").decode().splitlines()[1:] == ['"\'=1+2",1', '"\'-2",2', '"a=1",3', ",4"]


def test_a_taken_port_is_named(server: PageServer) -> None:
    with pytest.raises(OutputError, match=f"port {server.server_port} cannot be used"):
        start_server(server.site, server.server_port)


def test_a_static_folder_is_whole_and_written_again(table: Path, page: Path, tmp_path: Path) -> None:
    site = tmp_path / "deep/site"
    for _ in range(2):
        write_static(site, page, lambda target: link_or_copy(table, target))
    files = {file.relative_to(site).as_posix() for file in site.rglob("*") if file.is_file()}
    assert files == {"index.html", "assets/index.js", "data/dataset.parquet", "data/metadata.json"}
    assert (site / TABLE_FILE).read_bytes() == table.read_bytes()
    assert json.loads((site / METADATA_FILE).read_text())["database"] == {"type": "wasm", "load": True}


def test_a_static_folder_replaces_nothing_else(table: Path, page: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    for name, words in (("mine", "holds something else"), ("link", "no folder"), ("explore.parquet", "no folder")):
        with pytest.raises(OutputError, match=words):
            write_static(tmp_path / name, page, lambda target: link_or_copy(table, target))
    assert (tmp_path / "mine/letter.txt").read_text() == "dear"


def test_another_parquet_file_is_no_table_to_show(tmp_path: Path) -> None:
    pq.write_table(pa.table({"row": [1]}), tmp_path / "other.parquet")
    (tmp_path / "text").write_text("text")
    for name in ("other.parquet", "text"):
        with pytest.raises(OutputError, match="no table that this command wrote"):
            metadata_of(tmp_path / name, is_static=False)


def without(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == package:
            raise metadata.PackageNotFoundError(name)
        return "0.22.0"

    monkeypatch.setattr(metadata, "version", version)
    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == package else find(name))


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without("embedding-atlas", monkeypatch)
    result = CliRunner().invoke(main, ["-C", str(REPOSITORY), "explore"])
    assert result.exit_code == 1
    assert "embedding-atlas is not installed" in result.output
    assert f"python -m pip install --no-deps -r {LOCK}" in result.output
    without("duckdb", monkeypatch)
    with pytest.raises(MissingPackageError, match="duckdb is not installed"):
        atlas.require_database()


def test_another_version_of_the_page_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "0.26.0")
    with pytest.raises(MissingPackageError, match=r"embedding-atlas 0\.26\.0 is installed, and 0\.22\.x is needed"):
        page_folder()


def test_the_page_is_found_without_importing_the_package(
    tmp_path: Path, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "embedding_atlas"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError")
    page.rename(package / "static")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(metadata, "version", lambda name: "0.22.0")
    assert page_folder() == package / "static"
    (package / "static/index.html").unlink()
    with pytest.raises(MissingPackageError, match="is damaged"):
        page_folder()


def test_the_lock_pins_the_version_that_is_served() -> None:
    lines = [line for line in (REPOSITORY / LOCK).read_text().splitlines() if not line.startswith("#")]
    assert [line.split("==")[0] for line in lines] == ["duckdb", "embedding-atlas"]
    assert lines[1].startswith(f"embedding-atlas=={atlas.VERSION}")


def test_the_database_reaches_nothing_but_the_table(table: Path, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    database = open_database(table, tmp_path / "spill")
    assert database.sql("SELECT count(*) FROM dataset").fetchall() == [(3,)]
    for query in (
        f"COPY dataset TO '{tmp_path}/stolen.csv'",
        f"SELECT * FROM read_parquet('{table}')",
        "SELECT * FROM read_csv('http://localhost:9/x.csv')",
        f"ATTACH '{tmp_path}/x.db'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(duckdb.Error):
            database.sql(query)
    assert not (tmp_path / "stolen.csv").exists()
    database.close()


def test_the_page_shows_hostile_names_as_text(table: Path, tmp_path: Path) -> None:
    """With Embedding Atlas itself, where it is installed, in a browser."""
    pytest.importorskip("duckdb")
    chromium = find_chromium()
    try:
        page = page_folder()
    except MissingPackageError:
        pytest.skip("Embedding Atlas is not installed")
    if chromium is None:
        pytest.skip("there is no Chromium")
    site = Site(open_database(table, tmp_path / "spill"), table, page, metadata_of(table, is_static=False))
    with start_server(site, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Browser(chromium, tmp_path / "profile") as browser:
            browser.visit(server.url)
            browser.wait_for(f"document.body.innerText.includes({json.dumps(HOSTILE)})")
            browser.wait_for("[...document.querySelectorAll('img')].filter(img => img.naturalWidth > 0).length >= 3")
            assert not browser.evaluate("document.querySelector('img[src=x]')")
            assert all(asked.startswith((server.url, "data:", "blob:")) for asked in browser.requests)
        server.shutdown()


def test_rows_are_numbered_as_the_page_wants(table: Path) -> None:
    assert pq.read_table(table)[ROW].to_pylist() == [0, 1, 2]
