"""The JSON schema of `params.yaml`, by which editors complete keys, show what they mean, and mark wrong values."""

import json
from typing import Any

from curation.params.schema import PARAMETERS, SECTIONS, Params
from curation.reference.texts import text_of


def json_schema() -> str:
    """Return the schema as JSON. Rules between parameters are not in it."""
    schema: dict[str, Any] = Params.model_json_schema()
    definitions = schema["$defs"]
    for parameter in PARAMETERS:
        definitions[SECTIONS[parameter.section].__name__]["properties"][parameter.name]["description"] = "\n".join(
            text_of(parameter)
        )
    for model in (schema, *definitions.values()):
        model.pop("title", None)
        for declared in model.get("properties", {}).values():
            declared.pop("title", None)
    # A section that is not there has the defaults of its parameters, which stand beside each of them.
    for section in SECTIONS:
        schema["properties"][section] = {"$ref": f"#/$defs/{SECTIONS[section].__name__}"}
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "params.yaml", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
