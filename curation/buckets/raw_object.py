"""A raw file that stays in its bucket. Worker processes know it, so this imports next to nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RawObject:
    """An object in a bucket, as it was when it was listed.

    Attributes:
        path: as it stands in all tables, as if it lay in the folder of raw data (`curation.raw.listing.safe_path`).
        size: bytes.
        etag: of the bucket, which changes with the content; no hash of it. Without quotes.
        version: of the object; empty where the bucket keeps none.
        address: `s3://bucket/key`, or `remote://NAME/key` for a remote of DVC's configuration. Never with credentials.
    """

    path: str
    size: int
    etag: str
    version: str
    address: str

    @property
    def source_id(self) -> str:
        """A short text that is equal only where the object is unchanged. Equal contents may have different ones."""
        return f"{self.size}:{self.etag}:{self.version}"
