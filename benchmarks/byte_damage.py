"""Ten ways in which the bytes of a file are damaged, whatever it holds."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def truncated(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut the end off."""
    return content[: _position(content, rng)]


def few_flips(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip one to eight bits anywhere."""
    return _flipped(content, rng.integers(0, 8 * len(content), rng.integers(1, 9)))


def many_flips(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip one bit of 100 to 10,000."""
    number = max(1, int(8 * len(content) * 10 ** rng.uniform(-4, -2)))
    return _flipped(content, rng.integers(0, 8 * len(content), number))


def header_damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip one to ten bits of the first 512 bytes."""
    return _flipped(content, rng.integers(0, 8 * min(512, len(content)), rng.integers(1, 11)))


def zeroed_block(content: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite a block with zeros, as a lost sector does."""
    start, end = _span(content, rng)
    return content[:start] + bytes(end - start) + content[end:]


def removed_block(content: bytes, rng: np.random.Generator) -> bytes:
    """Take a block out."""
    start, end = _span(content, rng)
    return content[:start] + content[end:]


def inserted_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Put random bytes in."""
    start, end = _span(content, rng)
    return content[:start] + rng.bytes(end - start) + content[start:]


def swapped_blocks(content: bytes, rng: np.random.Generator) -> bytes:
    """Exchange two blocks of equal length."""
    length = min(_length(content, rng), len(content) // 3)
    first, second = sorted(rng.integers(0, len(content) - 2 * length, 2).tolist())
    second += length
    blocks = content[first : first + length], content[second : second + length]
    middle = content[first + length : second]
    return content[:first] + blocks[1] + middle + blocks[0] + content[second + length :]


def repeated_block(content: bytes, rng: np.random.Generator) -> bytes:
    """Write a block twice."""
    start, end = _span(content, rng)
    return content[:end] + content[start:]


def garbage_tail(content: bytes, rng: np.random.Generator) -> bytes:
    """Append random bytes."""
    return content + rng.bytes(_length(content, rng))


MUTATIONS: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "truncated": truncated,
    "few flips": few_flips,
    "many flips": many_flips,
    "header damage": header_damage,
    "zeroed block": zeroed_block,
    "removed block": removed_block,
    "inserted bytes": inserted_bytes,
    "swapped blocks": swapped_blocks,
    "repeated block": repeated_block,
    "garbage tail": garbage_tail,
}


def _position(content: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(0, len(content)))


def _length(content: bytes, rng: np.random.Generator) -> int:
    """Return a length, one byte to a fifth of the content, small ones as likely as large ones."""
    return int(max(1, len(content) / 5) ** rng.uniform(0, 1))


def _span(content: bytes, rng: np.random.Generator) -> tuple[int, int]:
    start = _position(content, rng)
    return start, min(len(content), start + _length(content, rng))


def _flipped(content: bytes, bits: NDArray[np.int64]) -> bytes:
    changed = np.frombuffer(content, np.uint8).copy()
    np.bitwise_xor.at(changed, bits // 8, (1 << (bits % 8)).astype(np.uint8))
    return changed.tobytes()
