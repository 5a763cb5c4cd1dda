"""Finding the samples that names in a file of labels mean.

Tools name pictures by the path that they were given, by the part of it below or above some folder, and with or without
the ending. So a name means, in this order:

1. the sample of that name, also with slashes for backslashes and the like (`curation.tables.given_lists`);
2. the sample that `curate export` writes under that name, as PNG or JPEG;
3. either of them without the ending;
4. the sample whose name, in any of these forms, ends as the given one does, folder by folder: `a.jpg` for `city/a.jpg`;
5. the sample whose name, in any of these forms, the given one ends with: `/srv/pictures/city/a.jpg` for `city/a.jpg`,
   the longest such. Only where no name of the file is a whole one: else it is rather the name of another picture.

A name that may mean two samples means none, and so do two names that would mean one sample, unless one of them is by an
earlier step of these.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from curation.labels.given import bare
from curation.tables.given_lists import as_known

WHOLE, EXPORTED, STEM, END, BEGUN = range(5)
_WAYS = {
    EXPORTED: "by their names in an export",
    STEM: "without their ending",
    END: "by the end of their path",
    BEGUN: "by the end of the given path",
}
_SHOWN = 3


@dataclass(frozen=True)
class Match:
    """What the names of a file mean.

    Attributes:
        samples: the sample that each name means.
        ways: the step by which each of these was found.
        ambiguous: names that may mean several samples, with these; or one sample that other names mean, too.
        unmatched: names that mean none, sorted.
    """

    samples: Mapping[str, str]
    ways: dict[str, int]
    ambiguous: Mapping[str, tuple[str, ...]]
    unmatched: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every name is a sample's own."""
        return not self.ambiguous and not self.unmatched and not any(self.ways.values())

    def told(self, file: str) -> str:
        """Say how many names of a file were matched, how, and which were not."""
        total = len(self.samples) + len(self.ambiguous) + len(self.unmatched)
        text = f"{file}: {len(self.samples)} of {total} names are samples"
        counts = Counter(self.ways.values())
        first = {way: name for name, way in reversed(self.ways.items())}
        how = [
            f"{counts[way]} {words}, {first[way]!r} is {self.samples[first[way]]!r}"
            for way, words in _WAYS.items()
            if counts[way]
        ]
        text += f" ({'; '.join(how)})" if how else ""
        if self.ambiguous:
            shown = [
                f"{name!r} ({' or '.join(map(repr, found[:_SHOWN]))})"
                for name, found in list(self.ambiguous.items())[:_SHOWN]
            ]
            text += f"; {len(self.ambiguous)} are ambiguous: {_listed(shown, len(self.ambiguous))}"
        if self.unmatched:
            shown = [repr(name) for name in self.unmatched[:_SHOWN]]
            text += f"; {len(self.unmatched)} are no sample: {_listed(shown, len(self.unmatched))}"
        return text


def _listed(shown: list[str], total: int) -> str:
    return ", ".join(shown) + (", ..." if total > len(shown) else "")


def match_names(names: Iterable[str], samples: Collection[str]) -> Match:
    """Find the samples that names mean.

    Args:
        names: each once, in any order.
        samples: names of all samples, as a set or mapping.
    """
    return _one_name_a_sample(candidates_of(names, samples))


def candidates_of(names: Iterable[str], samples: Collection[str]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Find the samples that names may mean, whatever other names mean.

    Args:
        names: each once, in any order.
        samples: as for `match_names`.

    Returns:
        For each name the step by which samples are found, and these, which may be none.
    """
    known = as_known(names, samples)
    candidates: dict[str, tuple[int, tuple[str, ...]]] = {
        name: (WHOLE, (meant,)) for name, meant in known.items() if meant in samples
    }
    others = {name: _plain(meant) for name, meant in sorted(known.items()) if name not in candidates}
    if others:
        index, may_begin = _Index(samples, set(others.values())), not candidates
        candidates |= {name: index.find(plain, may_begin=may_begin) for name, plain in others.items()}
    return candidates


def _plain(name: str) -> str:
    """Return a path without what stands for folders that it does not name, and without what guards it in tables."""
    parts = [part for part in bare(name).replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts)


def _one_name_a_sample(candidates: Mapping[str, tuple[int, tuple[str, ...]]]) -> Match:
    """Let each sample be meant by the names of the earliest step alone, and by one of them."""
    claims: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name, (way, found) in sorted(candidates.items()):
        if len(found) == 1:
            claims[found[0]].append((way, name))
    samples, ambiguous, ways = dict[str, str](), dict[str, tuple[str, ...]](), dict[str, int]()
    unmatched = sorted(name for name, (_, found) in candidates.items() if not found)
    for name, (way, found) in sorted(candidates.items()):
        if len(found) > 1:
            ambiguous[name] = found
        elif found:
            rivals = claims[found[0]]
            first = min(way for way, _ in rivals)
            if way == WHOLE or (way == first and sum(other == first for other, _ in rivals) == 1):
                samples[name], ways[name] = found[0], way
            elif way == first:
                ambiguous[name] = found
            else:
                unmatched.append(name)
    return Match(samples, ways, ambiguous, tuple(sorted(unmatched)))


class _Index:
    """Samples by those parts of their names that are looked for: at most a few for each sample are kept."""

    def __init__(self, samples: Iterable[str], wanted: Collection[str]) -> None:
        """Look at every form of every sample's name once.

        Args:
            samples: all names.
            wanted: names that are looked for.
        """
        whole, ends = set(wanted), {end for name in wanted for end in _ends(name)}
        self._found: dict[int, dict[str, list[str]]] = {way: defaultdict(list) for way in _WAYS}
        for sample in sorted(samples):
            exported = dict.fromkeys(forms_of(sample))
            stems = dict.fromkeys(_stem(form) for form in exported)
            for way, forms in ((EXPORTED, exported), (STEM, stems)):
                for form in forms:
                    if form in whole:
                        self._found[way][form].append(sample)
                    if form in ends:
                        self._found[BEGUN][form].append(sample)
                    for end in _ends(form):
                        if end in whole:
                            self._found[END][end].append(sample)

    def find(self, name: str, *, may_begin: bool) -> tuple[int, tuple[str, ...]]:
        """Return the step by which samples are found, and these; none by any: no samples."""
        for way in (EXPORTED, STEM, END):
            if name in self._found[way]:
                return way, tuple(dict.fromkeys(self._found[way][name]))
        for end in _ends(name) if may_begin else ():
            if end in self._found[BEGUN]:
                return BEGUN, tuple(dict.fromkeys(self._found[BEGUN][end]))
        return BEGUN, ()


def _ends(name: str) -> Iterator[str]:
    """Yield what is left of a path without its first folder, its first two, and so on."""
    place = name.find("/")
    while place >= 0:
        yield name[place + 1 :]
        place = name.find("/", place + 1)


def forms_of(sample: str) -> Iterator[str]:
    """Yield the names that a sample may have in an export (`curation.export.images.target_name`)."""
    plain = sample.removeprefix("./")
    yield plain
    if plain.lower().endswith(".png"):
        yield f"{plain[:-4]}.jpg"
    else:
        yield f"{plain}.png"
    if not plain.lower().endswith((".jpg", ".jpeg")):
        yield f"{plain}.jpg"


def _stem(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    stem, _, _ = last.rpartition(".")
    return f"{folder}{slash}{stem or last}"
