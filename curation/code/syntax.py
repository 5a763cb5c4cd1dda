"""What one Python file says, without the words that change nothing: docstrings, comments, formatting.

The digest comes from the syntax tree, and is the same for every Python that can read the file: what newer versions add
to all trees (empty lists of type parameters, for one) is left out.
"""

import ast
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NAME = "{__name__}"
"""Stands in a dynamically imported name for the dotted name of the module that imports it."""

_UNSAID = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields that follow from the place, or change nothing."""
_IMPORTERS = frozenset({"import_module", "__import__"})
_DISCOVERERS = frozenset({"discover", "iter_modules", "walk_packages"})
_OF_ITSELF = frozenset({"__name__", "__path__", "__package__", "__file__", "__spec__"})
_LONGEST_FILENAME = 255
_WORDS = {"Field": ("description",), "About": ("unit", "null", "values", "form")}
"""Arguments that only tell people what something is, by what is called with them."""


@dataclass(frozen=True)
class Source:
    """What one Python file says.

    Attributes:
        digest: of its syntax tree, hexadecimal.
        imports: dotted names that it imports, whichever of them are modules; relative ones begin with dots, and
            `NAME` stands for the module's own name.
        packages: dotted names of packages any module of which it may import, by a name that only a run makes.
        discovers: whether it lists the modules of its own folder and imports them.
        asset_names: strings in it that may name files beside it: none where it never asks for its own place.
    """

    digest: str
    imports: tuple[str, ...]
    packages: tuple[str, ...]
    discovers: bool
    asset_names: tuple[str, ...]


def read_source(text: bytes) -> Source:
    """Read a Python file.

    Raises:
        SyntaxError: it is none.
    """
    tree = ast.parse(text)
    nodes = list(_running(tree))
    strings = _module_strings(tree)
    imports, packages = list[str](), list[str]()
    for node in nodes:
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports += _imported_from(node)
        elif isinstance(node, ast.Call) and _called(node) in _IMPORTERS and node.args:
            known, is_whole = _known_beginning(node.args[0], strings)
            if is_whole:
                imports.append(known)
            elif "." in known:
                packages.append(known.rpartition(".")[0])
    knows_its_place = any(isinstance(node, ast.Name) and node.id in ("__file__", "__spec__") for node in nodes) or any(
        "resources" in name.split(".") for name in imports
    )
    return Source(
        digest=hashlib.sha256(canonical(tree).encode("utf-8", "surrogatepass")).hexdigest(),
        imports=tuple(dict.fromkeys(imports)),
        packages=tuple(dict.fromkeys(packages)),
        discovers=any(isinstance(node, ast.Call) and _lists_its_folder(node) for node in nodes),
        asset_names=_short_strings(nodes) if knows_its_place else (),
    )


def canonical(node: object) -> str:
    """Return a syntax tree as text, without what changes nothing, alike in all versions of Python."""
    if isinstance(node, ast.Constant):
        return f"{type(node.value).__name__}:{node.value!r}"
    if isinstance(node, ast.JoinedStr):  # some versions end a format with an empty string
        parts = [part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")]
        return f"JoinedStr({','.join(map(canonical, parts))})"
    if isinstance(node, ast.AST):
        words = _WORDS.get(_called(node), ()) if isinstance(node, ast.Call) else ()
        fields = [
            f"{name}={canonical(_said(value, words))}"
            for name, value in ast.iter_fields(node)
            if name not in _UNSAID and value is not None and value != []
        ]
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(canonical(item) for item in _without_words(node))}]"
    return repr(node)


def _said(value: object, words: Sequence[str]) -> object:
    """Leave arguments out that only tell people something."""
    if words and isinstance(value, list):
        return [item for item in value if not (isinstance(item, ast.keyword) and item.arg in words)]
    return value


def _without_words(items: Sequence[object]) -> Iterator[object]:
    """Yield the items of a list but for docstrings, `pass`, and what only type checkers read."""
    for item in items:
        if isinstance(item, ast.Pass) or (isinstance(item, ast.Expr) and _is_string(item.value)):
            continue
        if isinstance(item, ast.If) and _is_type_checking(item):
            yield from _without_words(item.orelse)
        else:
            yield item


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree but for what only type checkers read."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _is_type_checking(child):
            for other in child.orelse:
                yield from _running(other)
        else:
            yield from _running(child)


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_type_checking(node: ast.If) -> bool:
    test = node.test
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _imported_from(node: ast.ImportFrom) -> list[str]:
    """Return what `from package import name` may mean: the package, and a module of that name in it."""
    package = "." * node.level + (node.module or "")
    separator = "" if package.endswith(".") or not package else "."
    return [package, *(f"{package}{separator}{alias.name}" for alias in node.names if alias.name != "*")]


def _called(node: ast.Call) -> str:
    """Return the last part of the name of what is called."""
    function = node.func
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def _lists_its_folder(node: ast.Call) -> bool:
    names = {part.id for argument in node.args for part in ast.walk(argument) if isinstance(part, ast.Name)}
    named = {part.value.id for part in node.keywords if isinstance(part.value, ast.Name)}
    return _called(node) in _DISCOVERERS and bool((names | named) & _OF_ITSELF)


def _module_strings(tree: ast.Module) -> dict[str, str]:
    """Return the strings that a module's own names stand for."""
    constants = [
        (statement.targets, statement.value.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
    ]
    return {
        target.id: value
        for targets, value in constants
        for target in targets
        if isinstance(target, ast.Name) and isinstance(value, str)
    }


def _known_beginning(node: ast.expr, strings: dict[str, str]) -> tuple[str, bool]:
    """Return what is known of a string without running the module, from its beginning, and whether that is all."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value, True
    if isinstance(node, ast.Name):
        if node.id in ("__name__", "__package__"):
            return NAME, True
        return strings.get(node.id, ""), node.id in strings
    if isinstance(node, ast.FormattedValue):
        return _known_beginning(node.value, strings)
    if isinstance(node, ast.JoinedStr):
        text = ""
        for part in node.values:
            known, is_whole = _known_beginning(part, strings)
            text += known
            if not is_whole:
                return text, False
        return text, True
    return "", False


def _short_strings(nodes: Sequence[ast.AST]) -> tuple[str, ...]:
    """Return the strings that could be names of files, sorted."""
    found = {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= _LONGEST_FILENAME
    }
    return tuple(sorted(text for text in found if text.strip(". /") and "\n" not in text and "\0" not in text))
