"""XML from strangers: no declarations of entities, nothing fetched, one element in memory at a time."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element
from xml.parsers import expat

from curation.labels.given import LabelFileError

_CHUNK = 1 << 16
_MOST_ELEMENTS = 1_000_000
"""In one element that is read."""
_DEEPEST = 100


class _Reader:
    """What the parser calls: collects whole elements of one kind."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.root: str | None = None
        self.found: list[Element] = []
        self.depth = 0
        self.others: set[str] = set()
        self._open: list[Element] = []
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.root = self.root or tag
        self.depth += 1
        if self.depth > _DEEPEST:
            raise LabelFileError("its XML is nested too deeply")
        if not self._open and tag != self.wanted:
            if self.depth == 2:
                self.others.add(tag)
            return
        self._count = self._count + 1 if self._open else 1
        if self._count > _MOST_ELEMENTS:
            raise LabelFileError(f"an element <{self.wanted}> holds more than {_MOST_ELEMENTS} others")
        element = Element(tag, attributes)
        if self._open:
            self._open[-1].append(element)
        self._open.append(element)

    def end(self, tag: str) -> None:
        self.depth -= 1
        if self._open:
            element = self._open.pop()
            if not self._open:
                self.found.append(element)

    def text(self, data: str) -> None:
        if self._open and not len(self._open[-1]):
            self._open[-1].text = (self._open[-1].text or "") + data


def _refuse(*_: object) -> None:
    raise LabelFileError("its XML declares a document type or entities, which no tool writes into labels: refused")


def _parsed(content: bytes, reader: _Reader) -> Iterator[None]:
    """Parse piece by piece, and yield after each."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse  # type: ignore[assignment]
    try:
        for start in range(0, len(content), _CHUNK):
            parser.Parse(content[start : start + _CHUNK], False)
            yield
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, LabelFileError):
            raise
        raise LabelFileError(f"cannot be read as XML ({error})") from None
    yield


def root_of(content: bytes) -> tuple[str | None, frozenset[str]]:
    """Return the tag of the first element, and those of its children, as far as the beginning of a file shows them.

    Raises:
        LabelFileError: it is no XML, or declares entities.
    """
    reader = _Reader("")
    for _ in _parsed(content, reader):
        if reader.others:
            break
    return reader.root, frozenset(reader.others)


def elements(content: bytes, tag: str) -> Iterator[Element]:
    """Yield the elements of one tag that are in no other such, whole, one after the other.

    Args:
        content: of the file.
        tag: which.

    Raises:
        LabelFileError: it is no XML, or declares entities.
    """
    reader = _Reader(tag)
    for _ in _parsed(content, reader):
        yield from reader.found
        reader.found.clear()


def text_at(element: Element, path: str, what: str) -> str:
    """Return the text of an element below another.

    Raises:
        LabelFileError: there is none.
    """
    found = element.find(path)
    if found is None or not (found.text or "").strip():
        raise LabelFileError(f"{what} has no <{path}>")
    return (found.text or "").strip()
