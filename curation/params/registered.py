"""Parameters whose values are the names of what a folder of the engine holds (`curation.core.registry`)."""

from typing import Annotated

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from curation.core.registry import member_names


class Registered:
    """Marks a string that has to be the name of a member of a registry; editors are offered the names there are."""

    def __init__(self, package: str, what: str) -> None:
        """Name the registry.

        Args:
            package: dotted name of the package whose modules are the members.
            what: what they are, for the message.
        """
        self.package, self.what = package, what

    def _check(self, name: str) -> str:
        names = member_names(self.package)
        if name not in names:
            context = {"what": self.what, "names": ", ".join(names)}
            raise PydanticCustomError("registered", "there is no such {what}; there are {names}", context)
        return name

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return a string that is checked; pydantic calls this."""
        return core_schema.no_info_after_validator_function(self._check, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema, which lists the names; pydantic calls this."""
        return {**handler(schema), "enum": list(member_names(self.package))}


RuleName = Annotated[str, Registered("curation.selection.rules", "rule of selection")]
TrainingMethodName = Annotated[str, Registered("curation.model.training.methods", "method of training")]
