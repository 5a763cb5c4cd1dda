"""Long lists of records in little memory: kept as columns of plain values, handed out as records again.

A video of nine hours has a million frames. What is known of them takes 640 MB as objects, and ten seconds to be sent to
another process; as columns it takes 180 MB, and a quarter of a second. Files keep them as columns, too.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cache, partial
from itertools import pairwise
from types import NoneType
from typing import Any, Generic, Self, TypeVar, get_args, get_type_hints, overload

T = TypeVar("T")

Buffer = bytes | bytearray | memoryview

_TYPE_CODES: dict[Any, str] = {bool: "b", int: "q", float: "d"}


class Records(Sequence[T]):
    """Records of one dataclass, in the order in which they were appended.

    Its fields may be `bool`, `int` (64 bits), `float`, `str`, or another such dataclass, which may be None.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._columns = {name: new() for name, new in _columns_of(kind)}  # type: ignore[arg-type]
        self._length = 0

    @classmethod
    def of(cls, kind: type[T], records: Iterable[T]) -> Self:
        """Return records as columns; themselves where they are that."""
        if isinstance(records, cls):
            return records
        kept = cls(kind)
        for record in records:
            kept.append(record)
        return kept

    @classmethod
    def of_buffers(cls, kind: type[T], length: int, buffers: Iterator[Buffer]) -> Self:
        """Return the records of which there are buffers.

        Args:
            kind: of the records.
            length: how many there are.
            buffers: what `buffers` gave, on a processor with the same order of bytes.

        Raises:
            ValueError: a buffer is no whole number of values.
        """
        kept = cls(kind)
        kept._length = length
        for column in kept._columns.values():
            column.fill(buffers)
        return kept

    def buffers(self) -> Iterator[Buffer]:
        """Yield the content of the columns, in the order of bytes of this processor."""
        for column in self._columns.values():
            yield from column.buffers()

    def append(self, record: T) -> None:
        """Add a record at the end."""
        for name, column in self._columns.items():
            column.append(getattr(record, name))
        self._length += 1

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        position = index % self._length
        return self._kind(*(column[position] for column in self._columns.values()))

    def __iter__(self) -> Iterator[T]:
        return map(self._kind, *self._columns.values())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Records({list(self)!r})"


class _Numbers:
    """A column of numbers or truth values."""

    def __init__(self, kind: type[bool] | type[int] | type[float]) -> None:
        self._kind = kind
        self._values = array(_TYPE_CODES[kind])

    def append(self, value: Any) -> None:
        self._values.append(value)

    def fill(self, buffers: Iterator[Buffer]) -> None:
        self._values.frombytes(next(buffers))

    def buffers(self) -> Iterator[Buffer]:
        yield self._values.tobytes()

    def __getitem__(self, position: int) -> Any:
        return self._kind(self._values[position])

    def __iter__(self) -> Iterator[Any]:
        return map(bool, self._values) if self._kind is bool else iter(self._values)


class _Texts:
    """A column of texts, one after the other in UTF-8, and where each ends."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("q", [0])

    def append(self, value: str) -> None:
        self._bytes += value.encode()
        self._ends.append(len(self._bytes))

    def fill(self, buffers: Iterator[Buffer]) -> None:
        self._bytes += next(buffers)
        self._ends = array("q")
        self._ends.frombytes(next(buffers))

    def buffers(self) -> Iterator[Buffer]:
        yield self._bytes
        yield self._ends.tobytes()

    def __getitem__(self, position: int) -> str:
        return self._bytes[self._ends[position] : self._ends[position + 1]].decode()

    def __iter__(self) -> Iterator[str]:
        return (self._bytes[start:end].decode() for start, end in pairwise(self._ends))


class _Nested(Generic[T]):
    """A column of records, or None."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._records = Records(kind)
        self._positions = array("q")

    def append(self, value: T | None) -> None:
        self._positions.append(-1 if value is None else len(self._records))
        if value is not None:
            self._records.append(value)

    def fill(self, buffers: Iterator[Buffer]) -> None:
        self._positions.frombytes(next(buffers))
        there = sum(place >= 0 for place in self._positions)
        self._records = Records.of_buffers(self._kind, there, buffers)

    def buffers(self) -> Iterator[Buffer]:
        yield self._positions.tobytes()
        yield from self._records.buffers()

    def __getitem__(self, position: int) -> T | None:
        place = self._positions[position]
        return None if place < 0 else self._records[place]

    def __iter__(self) -> Iterator[T | None]:
        records = iter(self._records)
        return (None if place < 0 else next(records) for place in self._positions)


@cache
def _columns_of(kind: type[Any]) -> tuple[tuple[str, Callable[[], "_Numbers | _Texts | _Nested[Any]"]], ...]:
    """Return the fields of a dataclass, and what makes an empty column for each."""
    hints = get_type_hints(kind)
    return tuple((field.name, _column_of(hints[field.name])) for field in fields(kind))


def _column_of(kind: Any) -> Callable[[], "_Numbers | _Texts | _Nested[Any]"]:
    """Return what makes an empty column for a field's type."""
    if kind in _TYPE_CODES:
        return partial(_Numbers, kind)
    if kind is str:
        return _Texts
    nested = [each for each in get_args(kind) or (kind,) if each is not NoneType]
    if len(nested) == 1 and is_dataclass(nested[0]) and isinstance(nested[0], type):
        return partial(_Nested, nested[0])
    raise TypeError(f"no column can hold {kind}")
