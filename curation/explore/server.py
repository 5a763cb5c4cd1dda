"""The server behind the page: DuckDB answers its queries, on this machine alone.

The table lies in a database in memory, which moves what does not fit into `MEMORY_LIMIT` to a temporary folder. The
database cannot reach files or the network, and only pages of this very address may ask it: other sites that a browser
has open could otherwise send queries, too.

The page's requests: `data/metadata.json`, `data/query` (the REST connector of Mosaic, https://idl.uw.edu/mosaic),
`data/selection` (rows to download), `data/archive.zip`, `data/cache/NAME`, and its own files.
"""

import json
import mimetypes
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from curation.core.atomic import link_or_copy
from curation.core.errors import OutputError
from curation.explore.atlas import TABLE, write_static
from curation.explore.rows import as_arrow, as_file, as_json

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HOST = "localhost"
MEMORY_LIMIT = "1GB"
"""Of the database."""

_HOSTS = (HOST, "127.0.0.1", "::1")
_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' data: blob:"
)
"""Nothing comes from, or goes to, another address, and no text in the table becomes a script."""
_LONGEST_BODY = 64_000_000
_BYTES, _JSON = "application/octet-stream", "application/json"


def open_database(table: Path, folder: Path) -> "DuckDBPyConnection":
    """Load a Parquet file into a database that can reach nothing else from then on.

    Args:
        table: the file.
        folder: for what memory does not hold.
    """
    import duckdb

    connection = duckdb.connect(":memory:", config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(folder)})
    connection.execute(f"CREATE TABLE {TABLE} AS SELECT * FROM read_parquet(?)", [str(table)])  # noqa: S608  (constants)
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")
    return connection


@dataclass
class Site:
    """All that the server answers from.

    Attributes:
        database: with the table.
        table: the Parquet file that it was loaded from.
        page: folder of the page's files.
        metadata: what the page reads first.
        cache: what the page has put aside, by name.
    """

    database: "DuckDBPyConnection"
    table: Path
    page: Path
    metadata: Mapping[str, Any]
    cache: dict[str, bytes] = field(default_factory=dict)

    def query(self, request: Mapping[str, Any]) -> tuple[bytes, str]:
        """Answer a query: type (exec, arrow or json) and sql."""
        with self.database.cursor() as cursor:
            result = cursor.sql(str(request["sql"]))
            if request["type"] == "exec":
                return b"{}", _JSON
            if result is None:
                raise ValueError("the statement returns no rows")
            return (as_arrow(result), _BYTES) if request["type"] == "arrow" else (as_json(result), _JSON)

    def selection(self, request: Mapping[str, Any]) -> tuple[bytes, str]:
        """Return the rows that a predicate chooses, or all, as a file: predicate and format."""
        where = f" WHERE {request['predicate']}" if request.get("predicate") else ""
        with self.database.cursor() as cursor:
            # The page may send any query: what the database can reach is limited instead.
            rows = cursor.sql(f"SELECT * FROM {TABLE}{where} ORDER BY row").to_arrow_table()  # noqa: S608
        return as_file(rows, str(request["format"])), _BYTES

    def archive(self, folder: Path) -> Path:
        """Write a zip file of the page with its table."""
        write_static(folder / "page", self.page, lambda target: link_or_copy(self.table, target))
        return Path(shutil.make_archive(str(folder / "archive"), "zip", folder / "page"))

    def file(self, path: str) -> Path | None:
        """Return a file of the page; None where there is none of that name."""
        wanted = path.lstrip("/") or "index.html"
        known = {file.relative_to(self.page).as_posix() for file in self.page.rglob("*") if file.is_file()}
        return self.page / wanted if wanted in known else None


class PageServer(ThreadingHTTPServer):
    """The server, on a port of this machine."""

    daemon_threads = True

    def __init__(self, site: Site, port: int) -> None:
        self.site = site
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    """One connection of a browser."""

    protocol_version = "HTTP/1.1"
    server: PageServer

    def do_GET(self) -> None:
        """Answer with a file of the page, or with what it asks of the table."""
        path = unquote(urlsplit(self.path).path)
        site = self.server.site
        if not self._is_allowed():
            return self._error(HTTPStatus.FORBIDDEN, "only pages of this address may ask")
        if path == "/data/metadata.json":
            return self._answer(json.dumps(site.metadata).encode(), _JSON)
        if path == "/data/query":
            return self._ask(site.query, parse_qs(urlsplit(self.path).query).get("query", [""])[0])
        if path == "/data/archive.zip":
            return self._send_archive()
        if path.startswith("/data/cache/"):
            found = site.cache.get(path)
            return self._answer(found, _JSON) if found else self._error(HTTPStatus.NOT_FOUND, "nothing is kept")
        file = site.file(path)
        return self._send_file(file) if file else self._error(HTTPStatus.NOT_FOUND, "there is no such file")

    def do_POST(self) -> None:
        """Answer a query, or keep what the page puts aside."""
        path = unquote(urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        if not self._is_allowed() or not 0 <= length <= _LONGEST_BODY:
            self.close_connection = True
            return self._error(HTTPStatus.FORBIDDEN, "only pages of this address may ask")
        body, site = self.rfile.read(length), self.server.site
        if path == "/data/query":
            return self._ask(site.query, body)
        if path == "/data/selection":
            return self._ask(site.selection, body)
        if path.startswith("/data/cache/"):
            site.cache[path] = body
            return self._answer(b"{}", _JSON)
        return self._error(HTTPStatus.NOT_FOUND, "there is no such file")

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing: what fails is told to the page."""

    def _is_allowed(self) -> bool:
        """Return whether the request names this address, and comes from no other site's page."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        return urlsplit(f"//{host}").hostname in _HOSTS and origin in (None, f"http://{host}")

    def _ask(self, answer: Callable[[Mapping[str, Any]], tuple[bytes, str]], body: str | bytes) -> None:
        """Answer a request in JSON; what is wrong with it is told in words, as the page expects."""
        try:
            content, kind = answer(json.loads(body))
        except Exception as error:
            return self._error(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        return self._answer(content, kind)

    def _error(self, status: HTTPStatus, message: str) -> None:
        self._answer(json.dumps({"error": message}).encode(), _JSON, status)

    def _answer(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._begin(status, kind, len(content))
        with suppress(ConnectionError):
            self.wfile.write(content)

    def _send_file(self, path: Path) -> None:
        kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0] or _BYTES
        self._begin(HTTPStatus.OK, kind, path.stat().st_size)
        with path.open("rb") as file, suppress(ConnectionError):
            shutil.copyfileobj(file, self.wfile)

    def _send_archive(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._send_file(self.server.site.archive(Path(folder)))

    def _begin(self, status: HTTPStatus, kind: str, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()


def start_server(site: Site, port: int) -> PageServer:
    """Return a server that listens; `serve_forever` answers.

    Raises:
        OutputError: the port is taken.
    """
    try:
        return PageServer(site, port)
    except OSError as error:
        raise OutputError(
            f"explore: port {port} cannot be used ({error.strerror}): choose another with --port"
        ) from None
