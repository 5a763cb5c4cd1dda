r"""The checkpoint file: what surrounds the weights, and the proof that no bit of it changed.

A checkpoint is what `torch.save` writes, a zip archive that `torch.load(weights_only=True)` reads, with a zip comment
at its end:

    {"architecture": {...}, "format": "curation-checkpoint-1"}\n<SHA-256 of all bytes before it, in hexadecimal>

PyTorch does not compare the checksums of a zip archive when it loads one, so a flipped bit would be a wrong embedding.
With `"origin": "<SHA-256>"` beside them where the weights began as, or are, those of a file of another program. Here it
is an error: the digest is compared before anything else looks at the file. Neither the comparison nor the
architecture needs torch, which takes seconds to import.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from curation.core.errors import CheckpointError
from curation.model.architecture import Architecture

FORMAT = "curation-checkpoint-1"
_DIGEST_LENGTH = hashlib.sha256().digest_size * 2
_COMMENT_LENGTH_BYTES = 2


def seal(archive: bytes, architecture: Architecture, origin: str | None = None) -> bytes:
    """Add the comment with architecture and digest to an archive.

    Args:
        archive: what `torch.save` writes.
        architecture: of the network whose weights the archive holds.
        origin: SHA-256 of the file that the weights began with, None where there was none.
    """
    if archive[-_COMMENT_LENGTH_BYTES:] != bytes(_COMMENT_LENGTH_BYTES):
        raise RuntimeError("torch.save wrote no zip archive, or one that has a comment")
    content = {"architecture": architecture.to_plain(), "format": FORMAT} | ({"origin": origin} if origin else {})
    header = json.dumps(content, sort_keys=True).encode() + b"\n"
    length = (len(header) + _DIGEST_LENGTH).to_bytes(_COMMENT_LENGTH_BYTES, "little")
    sealed = archive[:-_COMMENT_LENGTH_BYTES] + length + header
    return sealed + hashlib.sha256(sealed).hexdigest().encode()


def read_architecture(path: Path) -> Architecture:
    """Check a checkpoint's digest and return the architecture.

    Raises:
        CheckpointError: the file is missing, damaged, or was not written by this pipeline.
    """
    return unseal(read_file(path), path)


def read_origin(path: Path) -> str | None:
    """Check a checkpoint's digest and return the SHA-256 of the file that its weights began with, None without one.

    Raises:
        CheckpointError: the file is missing, damaged, or was not written by this pipeline.
    """
    origin = _header(read_file(path), path).get("origin")
    return None if origin is None else str(origin)


def is_of_pipeline(content: bytes) -> bool:
    """Return whether this pipeline wrote a file, damaged or not."""
    return FORMAT.encode() in content


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        CheckpointError: there is no such file.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise CheckpointError(
            f"{path}: there is no such checkpoint file. Correct train.checkpoint, or restore it with `dvc checkout`"
        ) from None


def unseal(content: bytes, path: Path) -> Architecture:
    """Check a checkpoint's digest and return the architecture.

    Args:
        content: the whole file.
        path: where it stands, for messages.

    Raises:
        CheckpointError: the content is damaged, or was not written by this pipeline.
    """
    try:
        return Architecture.from_plain(_header(content, path)["architecture"])
    except (TypeError, KeyError):
        raise unusable(path) from None


def _header(content: bytes, path: Path) -> dict[str, Any]:
    digest = hashlib.sha256(memoryview(content)[:-_DIGEST_LENGTH]).hexdigest().encode()
    if content[-_DIGEST_LENGTH:] != digest:
        raise unusable(path)
    try:
        header: dict[str, Any] = json.loads(zipfile.ZipFile(io.BytesIO(content)).comment[:-_DIGEST_LENGTH])
        if header["format"] != FORMAT:
            raise unusable(path)
    except (zipfile.BadZipFile, ValueError, TypeError, KeyError):
        raise unusable(path) from None
    return header


def unusable(path: Path) -> CheckpointError:
    """Return the error for a file whose bytes changed, or that this pipeline did not write."""
    return CheckpointError(
        f"{path} is damaged, or was not written by this version of the pipeline: it does not end with the mark "
        f"{FORMAT} and the SHA-256 of its content. Restore it with `dvc checkout` (`dvc fetch --force` where the cache "
        "itself is damaged); for train.checkpoint give a checkpoint_latest.ckpt of a datapool, or null to train"
    )
