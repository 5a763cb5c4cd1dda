"""Registries: what there is of a kind lies in one folder, one module for each, and is listed nowhere else.

A registry is a module called `registry` that calls `discover(__name__, …)`. Every other module of its folder whose
name does not begin with `_` is a member, called like the module, and says what it is in a variable that all members
have. To add one, add its file; to take one away, delete it.

Which names there are is read from the folder; a module is imported when its member is looked up. So parameters and
options of the command line know the names without importing torch or faiss, and a member costs nothing until it is
used.
"""

import ast
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from curation.core.errors import RegistryError

Member = TypeVar("Member")

_REGISTRY = "registry"


def member_names(package: str) -> tuple[str, ...]:
    """Return the names of the members that lie in a package, sorted, without importing them.

    Args:
        package: dotted name, such as `curation.selection.rules`.
    """
    found = (module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__))
    return tuple(sorted(name for name in found if _is_member(name)))


def _is_member(module: str) -> bool:
    return module.isidentifier() and not module.startswith("_") and module != _REGISTRY


def stated(package: str, name: str, variable: str, argument: str) -> str:
    """Return a text that a member says of itself, from its source, without importing it; empty where it says none.

    Args:
        package: dotted name.
        name: of the member's module.
        variable: what the module calls its member, `RULE` in `RULE = Rule(sentence="…")`.
        argument: by which the text is given, `sentence`.
    """
    folders = map(Path, importlib.import_module(package).__path__)
    source = next(path for folder in folders if (path := folder / f"{name}.py").is_file())
    for statement in ast.parse(source.read_text(encoding="utf-8")).body:
        if (
            isinstance(statement, ast.Assign)
            and isinstance(statement.value, ast.Call)
            and any(isinstance(target, ast.Name) and target.id == variable for target in statement.targets)
        ):
            given = {keyword.arg: keyword.value for keyword in statement.value.keywords}.get(argument)
            return str(given.value) if isinstance(given, ast.Constant) else ""
    return ""


class Registry(Mapping[str, Member]):
    """The members of a package by name, in alphabetical order; each is imported when it is looked up."""

    def __init__(self, package: str, variable: str, kind: type[Member], *, hyphens: bool = False) -> None:
        """Name what is registered.

        Args:
            package: dotted name of the package whose modules are the members.
            variable: what a module calls its member.
            kind: class of the members.
            hyphens: names have a hyphen where the module has an underscore, as is usual on a command line.
        """
        self._package, self._variable, self._kind, self._hyphens = package, variable, kind, hyphens

    def __iter__(self) -> Iterator[str]:
        names = member_names(self._package)
        return iter(name.replace("_", "-") for name in names) if self._hyphens else iter(names)

    def __len__(self) -> int:
        return len(member_names(self._package))

    def __contains__(self, name: object) -> bool:
        return name in tuple(self)

    def __getitem__(self, name: str) -> Member:
        """Import a member.

        Raises:
            KeyError: there is none of that name.
            RegistryError: its module does not say what it is, or needs a package that is not installed.
        """
        if name not in self:
            raise KeyError(name)
        module = f"{self._package}.{name.replace('-', '_') if self._hyphens else name}"
        try:
            member = getattr(importlib.import_module(module), self._variable, None)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] == self._package.partition(".")[0]:
                raise
            raise RegistryError(
                f"{module} needs the package {error.name!r}, which is not installed: install it, and name it in "
                "pyproject.toml"
            ) from None
        if not isinstance(member, self._kind):
            raise RegistryError(
                f"{module} has no {self._variable} = {self._kind.__name__}(…), which says what it is: see the other "
                f"modules of {self._package}"
            )
        return member


def discover(registry: str, variable: str, kind: type[Member], *, hyphens: bool = False) -> Registry[Member]:
    """Return the registry of the modules that lie beside the calling one: all of them belong to its code.

    Args:
        registry: `__name__` of the calling module, which is called `registry`.
        variable: what a module calls its member.
        kind: class of the members.
        hyphens: names have a hyphen where the module has an underscore.
    """
    package, _, name = registry.rpartition(".")
    if name != _REGISTRY:
        raise ValueError(f"discover(__name__, …) is called in a module called {_REGISTRY}, not in {registry}")
    return Registry(package, variable, kind, hyphens=hyphens)
