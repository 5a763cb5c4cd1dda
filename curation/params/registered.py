"""Parameters whose values are the names of what a folder of the engine holds (`curation.core.registry`)."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from curation.core.registry import member_names, stated


class Registered:
    """Marks a string that has to be the name of a member of a registry; editors are offered the names there are."""

    def __init__(self, package: str) -> None:
        """Name the registry.

        Args:
            package: dotted name of the package whose modules are the members.
        """
        self.package = package

    def _check(self, name: str) -> str:
        names = member_names(self.package)
        if name not in names:
            *others, last = (repr(known) for known in names)
            context = {"expected": f"{', '.join(others)} or {last}" if others else last}
            raise PydanticCustomError("registered", "Input should be {expected}", context)
        return name

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return a string that is checked; pydantic calls this."""
        return core_schema.no_info_after_validator_function(self._check, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema, which lists the names; pydantic calls this."""
        return {**handler(schema), "enum": list(member_names(self.package))}


class Sentences(Mapping[str, str]):
    """What each member of a registry says that it does, read from its source: nothing is imported."""

    def __init__(self, package: str, variable: str) -> None:
        """Name the registry.

        Args:
            package: dotted name of the package whose modules are the members.
            variable: what a module calls its member.
        """
        self._package, self._variable = package, variable

    def __iter__(self) -> Iterator[str]:
        return iter(member_names(self._package))

    def __len__(self) -> int:
        return len(member_names(self._package))

    def __getitem__(self, name: str) -> str:
        if name not in member_names(self._package):
            raise KeyError(name)
        said = [stated(self._package, name, self._variable, argument) for argument in ("sentence", "advice")]
        return "; ".join(filter(None, said))


RuleName = Annotated[str, Registered("curation.selection.rules")]
TrainingMethodName = Annotated[str, Registered("curation.model.training.methods")]
