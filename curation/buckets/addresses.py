"""Addresses of objects and folders in buckets: `s3://bucket/key`, and `remote://NAME/key` for a remote of DVC.

Keys stand in addresses as they are, nothing is escaped: all after the bucket's name and a slash is the key.
"""

from dataclasses import dataclass

from curation.core.errors import BucketError

REMOTE = "remote"
SCHEMES = ("s3", "gs", "azure", "file", REMOTE)
"""`file` is a folder of this machine; `remote` a remote of DVC's configuration."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address, taken apart.

    Attributes:
        scheme: one of `SCHEMES`.
        name: of the bucket, the container, or the remote; empty for a folder of this machine.
        key: of an object, or the beginning of several, without a slash in front. Below the address of a remote, where
            it is one; of a folder of this machine the absolute path without its first slash.
    """

    scheme: str
    name: str
    key: str

    @property
    def text(self) -> str:
        """The address as it is written."""
        return f"{self.scheme}://{self.name}/{self.key}"


def parse_address(text: str) -> Address:
    """Take an address apart.

    Raises:
        BucketError: it is none.
    """
    scheme, mark, rest = text.partition("://")
    name, _, key = rest.partition("/")
    if not mark or scheme not in SCHEMES or (scheme == "file") == bool(name) or "@" in name:
        raise BucketError(
            f"{text!r} is not the address of a bucket: give s3://BUCKET/FOLDER (or gs://, azure://), "
            "remote://NAME/FOLDER for a remote that `dvc remote list` names, or file:///FOLDER; without user names or "
            "passwords, which are for `dvc remote modify --local`"
        )
    return Address(scheme, name, key)


def parse_folder(text: str) -> Address:
    """Take the address of a folder apart: its key is empty, or ends with a slash.

    Raises:
        BucketError: it is no address.
    """
    address = parse_address(text)
    key = address.key.rstrip("/")
    return Address(address.scheme, address.name, f"{key}/" if key else "")
