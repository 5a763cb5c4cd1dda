"""What a parameter may hold, in words: type and range as its field's JSON schema has them, unit, meaning of null."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from curation.params.schema import SECTIONS, Parameter

Schema = Mapping[str, Any]


@cache
def _properties(section: str) -> Schema:
    """Return the JSON schema of each parameter of a section by its name."""
    properties: Schema = SECTIONS[section].model_json_schema()["properties"]
    return properties


def form_of(parameter: Parameter) -> str:
    """Return type and range in words, to follow 'must be': `an integer, 1 or more, or null`."""
    schema, about = _properties(parameter.section)[parameter.name], parameter.about
    if about.form or about.values:
        words = about.form or f"one of {', '.join(about.values)}"
        return f"{words}, or null" if _is_nullable(schema) else words
    return in_words(schema)


def in_words(schema: Schema) -> str:
    """Return what fits a JSON schema, in words."""
    words = [_of_one_type(part) for part in _alternatives(schema) if part.get("type") != "null"]
    return ", or ".join([*words, *(["null"] if _is_nullable(schema) else [])])


def limits_of(parameter: Parameter) -> str:
    """Return what a parameter may hold as a line, such as `Integer, 1 or more. Unit: frames. null: no limit`."""
    words = form_of(parameter).removesuffix(", or null")
    for article in ("an ", "a ", "the "):
        words = words.removeprefix(article)
    first = words if words.startswith("true") else words[0].upper() + words[1:]
    about = parameter.about
    unit = f" Unit: {about.unit}." if about.unit else ""
    null = f" null: {about.null}." if about.null else ""
    return f"{first}.{unit}{null}"


def _alternatives(schema: Schema) -> Sequence[Schema]:
    """Return the schemas of which one has to fit."""
    alternatives: Sequence[Schema] = schema.get("anyOf", [schema])
    return alternatives


def _is_nullable(schema: Schema) -> bool:
    return any(part.get("type") == "null" for part in _alternatives(schema))


def _of_one_type(schema: Schema) -> str:
    """Return what fits a schema without alternatives."""
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "integer":
            return ", ".join(["an integer", *_range(schema)])
        case "number":
            return ", ".join(["a number", *_range(schema)])
        case "array":
            item = in_words(schema["items"]).replace("an integer", "integers").replace("a number", "numbers")
            return ", ".join([f"a list of {item}", *_range(schema)])
        case "object":
            return "a mapping"
        case _:
            return ", ".join(["text", *_range(schema)])


def _range(schema: Schema) -> list[str]:
    """Return the limits of a number, a text's length or a list's: none, one or two."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    words: list[str] = []
    if low is not None and high is not None:
        words.append(f"{low:g} to {high:g}")
    elif low is not None:
        words.append(f"{low:g} or more")
    elif above is not None:
        words.append(f"above {above:g}")
        words += [f"at most {high:g}"] if high is not None else []
    elif high is not None:
        words.append(f"{high:g} or less")
    if below is not None:
        words.append(f"below {'2**32' if below == 2**32 else format(below, 'g')}")
    if "multipleOf" in schema:
        words.append("even" if schema["multipleOf"] == 2 else f"a multiple of {schema['multipleOf']:g}")
    if "maxLength" in schema:
        words.append(f"{schema.get('minLength', 0)} to {schema['maxLength']} characters")
    if "maxItems" in schema:
        words.append(f"at most {schema['maxItems']} of them")
    return words
