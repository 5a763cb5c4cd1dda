"""The code that a command runs: its module, all of the project that this imports, and the files that these read.

It is read from the source, without importing anything. Imports inside functions count; those under `if TYPE_CHECKING:`
never run and do not. Modules that are found by listing a folder count where a file does so for its own folder
(`discover(__name__, …)`, `pkgutil.iter_modules(__path__)`), or imports names of which the beginning is known.
"""

import hashlib
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

from curation.code import syntax
from curation.code.libraries import library_versions
from curation.code.syntax import NAME, Source, read_source
from curation.core.atomic import write_bytes

WITHOUT_INFLUENCE = frozenset({"curation.history.rewritten", "curation.history.way_back", "curation.pipeline.guard"})
"""Modules that decide whether a stage runs, and never what it writes: neither they nor what they import counts."""

_SCRIPTS = (".py", ".sh", ".bash", ".R", ".jl", ".pl", ".js")
"""Endings of files that a command names and that are code."""
_MOST_REMEMBERED = 5000
"""Files of which more are remembered are forgotten but for those that were read last."""


def _reading() -> str:
    """Name the way in which files are read: what was read in another way is not remembered."""
    content = Path(syntax.__file__).read_bytes()
    return f"{hashlib.sha256(content).hexdigest()[:16]} {sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class Closure:
    """All that a command runs.

    Attributes:
        files: digest of each file, by its path relative to the project.
        libraries: version of each library that can change bytes, by import name.
    """

    files: dict[str, str]
    libraries: dict[str, str]


@dataclass
class CodeReader:
    """Reads the code of a project; every file once.

    Attributes:
        root: the project's folder.
        memory: file that keeps what was read, by the hash of the content, so that the next process need not parse it
            again; None for none. Without influence on the result.
    """

    root: Path
    memory: Path | None = None
    _known: dict[str, Source] = field(default_factory=dict, init=False)
    _read: dict[Path, Source] = field(default_factory=dict, init=False)
    _names: dict[Path, str] = field(default_factory=dict, init=False)
    _imports: dict[tuple[Path, str], list[str]] = field(default_factory=dict, init=False)
    _found: dict[str, list[tuple[Path, str]]] = field(default_factory=dict, init=False)
    _digests: dict[Path, dict[str, str]] = field(default_factory=dict, init=False)
    _is_new: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Recall what an earlier process has read."""
        if self.memory is None:
            return
        try:
            content = json.loads(self.memory.read_bytes())
            if content.pop("reading") == _reading():
                self._known = {
                    key: Source(digest, tuple(imports), tuple(packages), discovers, tuple(assets))
                    for key, (digest, imports, packages, discovers, assets) in content.items()
                }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._known = {}

    def remember(self) -> None:
        """Keep what was read for the next process, where that is possible."""
        if self.memory is None or not self._is_new:
            return
        kept = set(self._read.values()) if len(self._known) > _MOST_REMEMBERED else None
        known = {key: source for key, source in self._known.items() if kept is None or source in kept}
        content = {key: list(asdict(source).values()) for key, source in known.items()}
        try:
            write_bytes(self.memory, json.dumps({"reading": _reading(), **content}).encode())
        except OSError:  # a folder that cannot be written: it only takes longer
            return
        self._is_new = False

    def digest(self, command: str | Sequence[str]) -> str:
        """Return the digest of a stage's command and its code.

        Returns:
            32 hexadecimal digits of the code, a hyphen, 8 of the libraries' versions.
        """
        lines = [command] if isinstance(command, str) else list(command)
        found = self.closure(lines)
        parts = ((sorted(found.files.items()), lines), sorted(found.libraries.items()))
        code, libraries = (hashlib.sha256(json.dumps(part).encode()).hexdigest() for part in parts)
        return f"{code[:32]}-{libraries[:8]}"

    def closure(self, lines: Sequence[str]) -> Closure:
        """Return the closure of the commands of one stage: of `python -m MODULE`, and of scripts named in there."""
        files, libraries = dict[str, str](), set[str]()
        waiting: list[tuple[Path, str]] = []
        for module in _modules_in(lines):
            waiting += self._files_of(module) + self._files_of(f"{module}.__main__")
        scripts = [self.root / word for word in _words(lines) if word.endswith(_SCRIPTS)]
        waiting += [(path, path.stem) for path in scripts if path.is_file() and path.suffix == ".py"]
        files |= {self._name(path): _digest_of(path) for path in scripts if path.is_file() and path.suffix != ".py"}
        seen = set[Path]()
        while waiting:
            path, module = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            source = self._source(path)
            files[self._name(path)] = source.digest
            for imported in self._influential(path, module, source):
                found = self._files_of(imported)
                waiting += [file for file in found if file[0] not in seen]
                if not found:
                    libraries.add(imported.partition(".")[0])
            files |= self._assets(path, source)
        return Closure(files, library_versions(libraries))

    def _name(self, path: Path) -> str:
        if path not in self._names:
            self._names[path] = path.relative_to(self.root).as_posix()
        return self._names[path]

    def _source(self, path: Path) -> Source:
        """Read one Python file; one that is none counts with its bytes."""
        if path not in self._read:
            content = path.read_bytes()
            key = hashlib.sha256(content).hexdigest()
            if key not in self._known:
                try:
                    self._known[key] = read_source(content)
                except (SyntaxError, ValueError):
                    self._known[key] = Source(key, (), (), False, ())
                self._is_new = True
            self._read[path] = self._known[key]
        return self._read[path]

    def _influential(self, path: Path, module: str, source: Source) -> list[str]:
        """Return what a module may import, each name once, without what only decides whether a stage runs."""
        if (path, module) not in self._imports:
            self._imports[path, module] = [
                name
                for name in dict.fromkeys(self._imported(path, module, source))
                if name and not WITHOUT_INFLUENCE & {name, name.rpartition(".")[0]}
            ]
        return self._imports[path, module]

    def _imported(self, path: Path, module: str, source: Source) -> Iterator[str]:
        """Yield the absolute dotted names that a module may import."""
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for name in (name.replace(NAME, module) for name in source.imports):
            level = len(name) - len(name.lstrip("."))
            if level:
                parts = package.split(".") if package else []
                parts = parts[: len(parts) - level + 1]
                yield ".".join([*parts, *filter(None, [name[level:]])])
            else:
                yield name
        folders = [name.replace(NAME, module) for name in source.packages]
        for name in [*folders, *([package] if source.discovers else [])]:
            yield from self._modules_below(name)

    def _modules_below(self, package: str) -> Iterator[str]:
        """Yield the modules of a package of the project, those of its sub-packages included."""
        folder = self.root.joinpath(*package.split("."))
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(self.root).with_suffix("").parts
            if not any(part.startswith(".") for part in parts):
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _files_of(self, name: str) -> list[tuple[Path, str]]:
        """Return the file of a module of the project, and those of the packages around it, with their names."""
        if name not in self._found:
            package, _, last = name.rpartition(".")
            around = self._files_of(package) if package else []
            path = self.root.joinpath(*name.split("."))
            files = (path / "__init__.py", path.with_name(f"{last}.py")) if last else ()
            self._found[name] = around + [(file, name) for file in files if file.is_file()]
        return self._found[name]

    def _assets(self, path: Path, source: Source) -> dict[str, str]:
        """Return the digests of the files beside a module that strings in it name, and of those below such folders."""
        if path not in self._digests:
            root = self.root.resolve()
            named = {(path.parent / name).resolve() for name in source.asset_names}
            inside = [found for found in named if found.is_relative_to(root) and found not in (root, path.parent)]
            below = {file for found in inside for file in (found.rglob("*") if found.is_dir() else [found])}
            names = sorted(file.relative_to(root) for file in below if file.is_file())
            self._digests[path] = {name.as_posix(): _digest_of(root / name) for name in names if not _is_no_asset(name)}
        return self._digests[path]


def _is_no_asset(path: Path) -> bool:
    """Return whether a file is Python, or something that editors, file managers and git leave behind."""
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return hidden or path.suffix in {".py", ".pyc", ".orig", ".rej"} or path.name.endswith("~")


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _words(lines: Sequence[str]) -> list[str]:
    """Return the words of some commands, as a shell would."""
    words: list[str] = []
    for line in lines:
        try:
            words += shlex.split(line, comments=True)
        except ValueError:  # a quote that stays open
            words += line.split()
    return words


def _modules_in(lines: Sequence[str]) -> list[str]:
    """Return the modules that commands run with `-m`."""
    words = _words(lines)
    return [module for option, module in pairwise(words) if option == "-m"]
