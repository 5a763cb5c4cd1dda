"""Where a tool finds the pictures of a list: a web server, a bucket, a folder, or Label Studio's local files."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, get_args
from urllib.parse import quote, urlsplit

from curation.core.errors import OutputError

Kind = Literal["local-files", "bucket", "web", "folder"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_LOCAL_FILES = "local-files:"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_BUCKET, _WEB = ("s3", "gs"), ("http", "https")
_FORMS = "local-files:FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, https://HOST/PREFIX or /ABSOLUTE/FOLDER"


@dataclass(frozen=True)
class Location:
    """The folder of pictures as a tool sees it.

    Attributes:
        kind: `local-files`: Label Studio serves a folder of the machine that it runs on; `bucket`: an object store;
            `web`: a web server; `folder`: an absolute path on the machine that the tool runs on.
        prefix: what stands before a picture's name: an address or path, without a slash at the end. Web addresses
            are as the user quoted them; all others are not quoted.
    """

    kind: Kind
    prefix: str

    def of(self, name: str) -> str:
        """Return where the tool finds a picture.

        Args:
            name: path of the picture in the folder, with `/`, not quoted.

        Returns:
            An address with the name quoted for `local-files` and `web`. Keys of buckets and paths of folders are
            names, not addresses: there, nothing is quoted.
        """
        path = f"{self.prefix}/{name.removeprefix('./')}".removeprefix("/" if self.kind == "local-files" else "")
        if self.kind == "local-files":
            return f"/data/local-files/?d={quote(path)}"
        if self.kind == "web":
            return f"{self.prefix}/{quote(name.removeprefix('./'))}"
        return path


def parse_location(text: str) -> Location:
    """Read what a user gives as the place of pictures.

    Raises:
        OutputError: it is none of the forms that there are.
    """
    if any(not character.isprintable() for character in text):
        raise OutputError(f"--images {text!r} has a character that no address has")
    if text.startswith(_LOCAL_FILES):
        return _local_files(text)
    if found := _SCHEME.match(text):
        return _address(text, found[1].lower())
    if text.startswith("/"):
        _require_straight(text, text)
        return Location("folder", text.rstrip("/"))
    raise OutputError(f"--images {text!r} is not {_FORMS}")


def _local_files(text: str) -> Location:
    folder = text.removeprefix(_LOCAL_FILES)
    if folder.startswith(("/", "~")) or _SCHEME.match(folder):
        raise OutputError(
            f"--images {text!r}: give the folder as it is seen from LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, such as "
            "local-files:selected for the folder `selected` in there, or local-files: for that folder itself"
        )
    _require_straight(folder, text)
    path = PurePosixPath(folder).as_posix()
    return Location("local-files", "" if path == "." else path)


def _address(text: str, scheme: str) -> Location:
    if scheme not in _BUCKET + _WEB:
        raise OutputError(f"--images {text!r}: {scheme}:// is not known here; give {_FORMS}")
    rest = text.partition("://")[2].rstrip("/")
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host = parts.hostname
    except ValueError as error:
        raise OutputError(f"--images {text!r} is not an address ({error})") from None
    if not host or rest.startswith("/"):
        raise OutputError(f"--images {text!r} names no {'bucket' if scheme in _BUCKET else 'host'}")
    _require_straight(rest, text)
    if scheme in _BUCKET:
        return Location("bucket", f"{scheme}://{rest}")
    if parts.query or parts.fragment or re.search(r"[\s?#]", rest):
        raise OutputError(
            f"--images {text!r}: the names of pictures are put behind it, so it has no query (?), fragment (#) or "
            "space; write %3F, %23 or %20 where they belong to a folder's name"
        )
    if parts.username is not None or parts.password is not None:
        raise OutputError("--images: an address with a user or password would be written into the list: leave it out")
    return Location("web", quote(f"{scheme}://{rest}", safe=":/?#[]@!$&'()*+,;=%~"))


def _require_straight(path: str, text: str) -> None:
    """Make sure that a path does not lead back.

    Raises:
        OutputError: it has the part `..`.
    """
    if ".." in path.split("/"):
        raise OutputError(f"--images {text!r}: write the path without `..`")
