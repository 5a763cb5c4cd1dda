"""A bucket of our own on loopback: it counts requests, and breaks those that a test wants broken.

`s3_bucket` is a fixture: import it in a test's module, or in its `conftest.py`. One server serves the whole session,
each test has a bucket of its own.
"""

import hashlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
FAULTS = ("500", "503", "reset", "cut", "drip")
"""An error of the server, a wish to slow down, a connection that breaks, half of an answer, and one that stops."""

_CODES = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied"}

Fault = Callable[["Request", int], str | None]
"""Returns one of `FAULTS`, or 403, for a request, and how many times the same was made before; None for no fault."""


@dataclass(frozen=True)
class Request:
    """A request that the server was asked.

    Attributes:
        method: GET, PUT, …
        path: `/bucket/key`.
        query: as it was written.
        range: of the bytes; empty for all.
    """

    method: str
    path: str
    query: str
    range: str

    @property
    def is_read(self) -> bool:
        """Whether an object was read, or a part of it."""
        return self.method == "GET" and self.path.count("/") > 1 and not self.path.endswith("/")


def one_in(number: int) -> Fault:
    """Break about one in so many reads, the same ones in every run; a request that is made again succeeds in the end.

    Args:
        number: of reads, of which one is broken.
    """

    def fault(request: Request, before: int) -> str | None:
        key = request.path.removeprefix("/").partition("/")[2]  # buckets have another name in each test
        digest = hashlib.sha256(f"{key} {before}".encode()).digest()
        if not request.is_read or int.from_bytes(digest[:4]) % number:
            return None
        return FAULTS[digest[4] % len(FAULTS)]

    return fault


@dataclass
class Server:
    """The server, as a layer around moto's application.

    Attributes:
        application: of moto.
        requests: that were made, in their order.
        fault: breaks requests.
    """

    application: Callable[..., Iterable[bytes]]
    requests: list[Request] = field(default_factory=list)
    fault: Fault | None = None
    over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(
            environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("HTTP_RANGE", "")
        )
        with self._lock:
            before = sum(one.method == request.method and one.path == request.path for one in self.requests)
            self.requests.append(request)
        fault = self.fault(request, before) if self.fault else None
        if fault in _CODES:
            code = _CODES[fault]
            start_response(f"{fault} {code}", [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code><Message>broken by the test</Message></Error>".encode()]
        if fault == "reset":
            start_response("200 OK", [])
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        content = self.application(environ, start_response)
        return content if fault is None else self._half(b"".join(content), fault)

    def _half(self, content: bytes, fault: str) -> Iterator[bytes]:
        """Give half of an answer, then end, or give nothing more for long."""
        yield content[: len(content) // 2]
        if fault == "drip":
            self.over.wait(20)


@dataclass(frozen=True)
class Bucket:
    """A bucket for one test.

    Attributes:
        name: of the bucket.
        endpoint: address of the server.
        server: what it was asked, and what it breaks.
        client: of boto3.
    """

    name: str
    endpoint: str
    server: Server
    client: Any

    def put(self, objects: Mapping[str, bytes], **options: Any) -> None:
        """Upload objects, content by key."""
        for key, content in objects.items():
            self.client.put_object(Bucket=self.name, Key=key, Body=content, **options)

    def put_many(self, objects: Mapping[str, bytes]) -> None:
        """Let the server have objects, content by key, without a request for each."""
        from moto.s3.models import s3_backends

        store = s3_backends["123456789012"]["aws"]
        for key, content in objects.items():
            store.put_object(self.name, key, content)

    def delete(self, *keys: str) -> None:
        """Delete objects."""
        for key in keys:
            self.client.delete_object(Bucket=self.name, Key=key)

    def keep_versions(self) -> None:
        """Let the bucket keep versions from now on."""
        self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    def reads(self) -> list[Request]:
        """Return the reads of objects since the last `forget`."""
        return [one for one in self.server.requests if one.is_read]

    def forget(self) -> None:
        """Forget what was asked so far."""
        self.server.requests.clear()


_numbers = count()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[tuple[str, Server]]:
    """A server for the whole session: its address, and itself."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = Server(DomainDispatcherApplication(create_backend_app))
    serving = make_server("127.0.0.1", 0, server, threaded=True)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}", server
    server.over.set()
    serving.shutdown()
    serving.server_close()
    thread.join()


@pytest.fixture
def s3_bucket(s3_server: tuple[str, Server], monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket, which `s3://NAME` means while the test runs: endpoint and keys are in the environment."""
    import boto3

    endpoint, server = s3_server
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    bucket = Bucket(f"bucket{next(_numbers)}", endpoint, server, boto3.client("s3", endpoint_url=endpoint))
    bucket.client.create_bucket(Bucket=bucket.name)
    bucket.forget()
    yield bucket
    server.fault = None
    bucket.forget()
