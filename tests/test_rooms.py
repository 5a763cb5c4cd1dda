"""Imports go one way: no module imports, by whatever detour, one that imports it, and rooms know only those below."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

ROOMS = [
    {"core"},
    {"code"},
    {"params"},
    {"tables"},
    {"raw", "buckets"},  # raw files are found in a folder or in a bucket, and objects are named as files are
    {"workers"},
    {"execution"},
    {"image"},
    {"video"},
    {"cleaning"},
    {"embeddings"},
    {"model"},
    {"datapool"},
    {"labels"},
    {"selection"},
    {"export"},
    {"reporting"},
    # What is combined or taken out is read as what is looked at is; a stage that must not run restores what was
    # recorded.
    {"pipeline", "history", "inspection"},
    {"explore"},
    {"cli", "reference"},  # the reference describes the commands, one of which writes parameters as it does
]
"""The rooms of `curation`, the lowest first: a room imports from itself and from those before it."""


def modules(root: Path) -> dict[str, Path]:
    """Return the files of the packages `curation` and `stages` by the names of their modules."""
    files = (file for package in ("curation", "stages") for file in sorted((root / package).rglob("*.py")))
    return {".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names that code imports, also inside functions, but not what it imports for types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from imported(node)


def import_graph(root: Path) -> dict[str, set[str]]:
    """Return for each module those that it imports."""
    files = modules(root)

    def module_of(name: str) -> str | None:
        return name if name in files else name.rpartition(".")[0] if name.rpartition(".")[0] in files else None

    return {
        module: {found for name in imported(ast.parse(file.read_text())) if (found := module_of(name))} - {module}
        for module, file in files.items()
    }


def room_of(module: str) -> str | None:
    """Return the room of a module; None for those of the stages, and for `curation` itself."""
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] if package == "curation" and rest else None


def upward(graph: dict[str, set[str]]) -> list[str]:
    """Return the imports from a room that is not below."""
    rank = {room: number for number, rooms in enumerate(ROOMS) for room in rooms}
    edges = ((module, other) for module, others in graph.items() for other in sorted(others))
    return [
        f"{module} imports {other}"
        for module, other in edges
        if (room := room_of(module)) and (below := room_of(other)) and rank[below] > rank[room]
    ]


@pytest.mark.thorough
def test_no_module_imports_one_that_imports_it() -> None:
    graph = import_graph(REPOSITORY)
    assert len(graph) > 150
    TopologicalSorter(graph).prepare()


@pytest.mark.thorough
def test_rooms_import_only_from_those_below() -> None:
    rooms = {file.name for file in (REPOSITORY / "curation").iterdir() if (file / "__init__.py").exists()}
    assert rooms == set().union(*ROOMS)
    assert upward(import_graph(REPOSITORY)) == []


def test_a_circle_and_a_way_up_are_found(tmp_path: Path) -> None:
    for module, text in {
        "curation/core/a.py": "def late():\n    from curation.image.b import c\n",
        "curation/image/b.py": "from curation.image import c\n",
        "curation/image/c.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import curation.core.a\n",
    }.items():
        (tmp_path / module).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / module).write_text(text)
    graph = import_graph(tmp_path)
    assert upward(graph) == ["curation.core.a imports curation.image.b"]
    TopologicalSorter(graph).prepare()
    (tmp_path / "curation/image/c.py").write_text("import curation.core.a\n")
    with pytest.raises(CycleError):
        TopologicalSorter(import_graph(tmp_path)).prepare()
