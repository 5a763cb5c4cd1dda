"""Objects of S3, and of services that speak as it does: one request an object, and the pinned version of it alone.

Where no region is set, one more request for each bucket and process asks for it.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from curation.buckets.store import Entry, Page, RequestError, Stream
from curation.core.errors import BucketError

Answer = TypeVar("Answer")

SOCKET_S = 10
"""Seconds for a connection to be made, and between two parts of an answer."""

ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
UNVERSIONED = "null"
_NO_LIST_OF_VERSIONS = ("AccessDenied", "NotImplemented", "MethodNotAllowed")


class S3Store:
    """Buckets of one S3 service.

    Args:
        settings: arguments of `s3fs.S3FileSystem`, which finds credentials as boto does where none are given.

    Attributes:
        page_s: see `curation.buckets.store.Store`.
        refuses_versions: likewise.
    """

    page_s = 60.0

    def __init__(self, settings: dict[str, Any]) -> None:
        from s3fs import S3FileSystem

        wait = {"connect_timeout": SOCKET_S, "read_timeout": SOCKET_S, "retries": {"total_max_attempts": 1}}
        config = {**settings.get("config_kwargs", {}), **wait}
        self._filesystem: S3FileSystem = S3FileSystem(**{**settings, "config_kwargs": config})
        self.refuses_versions = False

    def page(self, key: str, following: object | None) -> Future[Page]:
        """See `curation.buckets.store.Store.page`; a key begins with the bucket's name."""
        return self._asked(self._page(key, following))

    def open(self, key: str, etag: str, version: str, start: int) -> Future[Stream]:
        """See `curation.buckets.store.Store.open`; a key begins with the bucket's name."""
        return self._asked(self._open(key, etag, version, start))

    def _asked(self, request: Coroutine[Any, Any, Answer]) -> Future[Answer]:
        return asyncio.run_coroutine_threadsafe(_in_our_words(request), self._filesystem.loop)

    async def _client(self, bucket: str) -> Any:
        await self._filesystem.set_session()
        return await self._filesystem.get_s3(bucket)

    async def _page(self, key: str, following: object | None) -> Page:
        from botocore.exceptions import ClientError

        bucket, _, prefix = key.partition("/")
        client = await self._client(bucket)
        asked = {"Bucket": bucket, "Prefix": prefix, "OptionalObjectAttributes": ["RestoreStatus"]}
        if not self.refuses_versions:
            try:
                markers = following if isinstance(following, dict) else {}
                return _page_of_versions(bucket, await client.list_object_versions(**asked, **markers))
            except ClientError as error:
                if following is not None or error.response["Error"]["Code"] not in _NO_LIST_OF_VERSIONS:
                    raise
                self.refuses_versions = True
        token = {"ContinuationToken": following} if following is not None else {}
        return _page_of_present(bucket, await client.list_objects_v2(**asked, **token))

    async def _open(self, key: str, etag: str, version: str, start: int) -> Stream:
        bucket, _, name = key.partition("/")
        asked = {"Bucket": bucket, "Key": name} | ({"IfMatch": f'"{etag}"'} if etag else {})
        asked |= {"VersionId": version} if version else {}
        asked |= {"Range": f"bytes={start}-"} if start else {}
        client = await self._client(bucket)
        answer = await client.get_object(**asked)
        return S3Stream(self, answer)


class S3Stream:
    """See `curation.buckets.store.Stream`."""

    def __init__(self, store: S3Store, answer: dict[str, Any]) -> None:
        self._store = store
        self._body = answer["Body"]
        part, _, whole = str(answer.get("ContentRange", "")).removeprefix("bytes ").partition("/")
        self.start = int(part.partition("-")[0]) if whole else 0
        self.size = int(whole) if whole.isdecimal() else int(answer.get("ContentLength", -1))

    def read(self, most: int) -> Future[bytes]:
        """See `curation.buckets.store.Stream.read`."""
        return self._store._asked(self._body.read(most))

    def close(self) -> None:
        """See `curation.buckets.store.Stream.close`."""
        self._store._filesystem.loop.call_soon_threadsafe(self._body.close)


def _page_of_versions(bucket: str, answer: dict[str, Any]) -> Page:
    entries = [_entry(bucket, one) for one in answer.get("Versions", []) if one["IsLatest"]]
    if not answer.get("IsTruncated"):
        return Page(entries)
    markers = {"KeyMarker": answer["NextKeyMarker"]}
    markers |= {"VersionIdMarker": answer["NextVersionIdMarker"]} if answer.get("NextVersionIdMarker") else {}
    return Page(entries, markers)


def _page_of_present(bucket: str, answer: dict[str, Any]) -> Page:
    entries = [_entry(bucket, one) for one in answer.get("Contents", [])]
    return Page(entries, answer["NextContinuationToken"] if answer.get("IsTruncated") else None)


def _entry(bucket: str, listed: dict[str, Any]) -> Entry:
    kind, version = str(listed.get("StorageClass", "")), str(listed.get("VersionId", UNVERSIONED))
    is_restored = "RestoreExpiryDate" in listed.get("RestoreStatus", {})
    return Entry(
        f"{bucket}/{listed['Key']}",
        int(listed["Size"]),
        str(listed["ETag"]).strip('"'),
        "" if version == UNVERSIONED else version,
        kind if kind in ARCHIVES and not is_restored else "",
    )


async def _in_our_words(request: Coroutine[Any, Any, Answer]) -> Answer:
    """Wait for a request; what it raises becomes a `RequestError`, or a `BucketError` where it is about every object.

    aiohttp, botocore and the system each have classes of their own for a connection that breaks.
    """
    from aiohttp import ClientError as ConnectionLostError
    from botocore import exceptions as boto

    try:
        return await request
    except boto.ClientError as error:
        raise _of_status(error) from None
    except (
        *(boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError, boto.ResponseStreamingError),
        boto.MetadataRetrievalError,
    ) as error:
        raise RequestError("failed", _said(error)) from None
    except boto.BotoCoreError as error:
        raise BucketError(
            f"the bucket cannot be asked ({_said(error)}): credentials come from `aws configure`, the environment or "
            "the machine's role; for remote://NAME from `dvc remote modify --local NAME access_key_id KEY` and "
            "secret_access_key"
        ) from None
    except (ConnectionLostError, OSError, TimeoutError) as error:
        raise RequestError("failed", _said(error)) from None


def _of_status(error: Any) -> RequestError:
    """Return what an answer of the service means for one object."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code == "InvalidObjectState":
        return RequestError("archived", "is in an archive, and has to be restored first")
    if code in ("RequestTimeout", "RequestTimeTooSkewed", "SlowDown"):
        return RequestError("failed", f"the service answers {code} ({status})")
    if status == 404:
        what = {"NoSuchBucket": "the bucket is not there", "NoSuchVersion": "this version of it is gone"}
        return RequestError("gone", what.get(code, "is gone from the bucket"))
    if status == 412:
        return RequestError("changed", "has changed in the bucket since it was listed")
    if status in (400, 401, 403):
        return RequestError("forbidden", f"may not be read with these credentials ({code or status})")
    return RequestError("failed", f"the service answers {code or 'an error'} ({status})")


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(": ")
