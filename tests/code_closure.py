"""Which code files a stage runs: the import closure of its module, read from the source without importing it.

`python -m tests.code_closure --write` brings the code files in `dvc.yaml` up to date.
"""

import ast
import sys
from pathlib import Path

from pathspec import GitIgnoreSpec
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
ASSETS = {
    "curation/reporting/pages/render.py": ["curation/reporting/pages/templates", "curation/reporting/draw/fonts"],
}
"""Files, and folders of files, that code reads besides importing modules."""


def import_closure(module: str, root: Path = ROOT) -> list[str]:
    """Return the project's files that `python -m module` may import, relative to `root`, sorted.

    Imports inside functions count; those under `if TYPE_CHECKING:` never run and do not.
    """
    waiting, found = [module], set[str]()
    while waiting:
        name = waiting.pop()
        for path in _files_of(name, root):
            relative = path.relative_to(root).as_posix()
            if relative not in found:
                found.add(relative)
                tree = ast.parse(path.read_text(encoding="utf-8"))
                waiting.extend(_imported_names(tree))
                if _discovers(tree):
                    waiting.extend(f"{name.rpartition('.')[0]}.{beside.stem}" for beside in path.parent.glob("*.py"))
    assets = {
        file for code in ASSETS if code in found for path in ASSETS[code] for file in _files_at(root / path, root)
    }
    return sorted(found | assets)


def code_dependencies(module: str, root: Path = ROOT) -> list[str]:
    """Return the import closure as a stage names it in dvc.yaml: a folder where all of its files belong to it, sorted.

    DVC reads and writes dvc.lock anew for every stage that it runs, which takes longer the more there is in it.
    """
    files = set(import_closure(module, root))
    within = {folder: _files_at(folder, root) for folder in (root / "curation").rglob("*") if folder.is_dir()}
    complete = {folder for folder, its in within.items() if its and its <= files}
    largest = [folder for folder in complete if folder.parent not in complete]
    covered = {file for folder in largest for file in within[folder]}
    return sorted([*(folder.relative_to(root).as_posix() for folder in largest), *(files - covered)])


def _files_at(path: Path, root: Path) -> set[str]:
    """Return a file, or the files below a folder, relative to `root`: those that DVC sees."""
    hidden = GitIgnoreSpec.from_lines((root / ".dvcignore").read_text(encoding="utf-8").splitlines())
    files = {
        file.relative_to(root).as_posix() for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()
    }
    return files - set(hidden.match_files(files))


def _files_of(name: str, root: Path) -> list[Path]:
    """Return the file of a module and the `__init__.py` of the packages around it; nothing for third parties."""
    parts = name.split(".")
    if parts[0] not in ("stages", "curation"):
        return []
    packages = [root.joinpath(*parts[:length], "__init__.py") for length in range(1, len(parts) + 1)]
    files = [*packages, root.joinpath(*parts).with_suffix(".py")]
    return [file for file in files if file.exists()]


def _imported_names(tree: ast.AST) -> list[str]:
    """Return the dotted names that a module imports, whichever of them are modules."""
    names: list[str] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        names += _imported_names(node)
    return names


def _discovers(tree: ast.AST) -> bool:
    """Whether a module is a registry, which imports all modules beside it (`curation.core.registry`)."""
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Name) and function.id == "discover" for function in calls)


def write_code_dependencies(path: Path) -> None:
    """Replace the code among the dependencies of every stage in a dvc.yaml; the rest of the file stays."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    content = yaml.load(path.read_text())
    for stage in content["stages"].values():
        module = stage["cmd"].split()[2]
        data = [dependency for dependency in stage["deps"] if not dependency.startswith(("stages/", "curation/"))]
        stage["deps"][:] = data + code_dependencies(module)
    with path.open("w") as file:
        yaml.dump(content, file)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write_code_dependencies(ROOT / "dvc.yaml")
    else:
        sys.stdout.write("\n".join(import_closure(sys.argv[1])) + "\n")
