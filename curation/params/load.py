"""Reading `params.yaml`: all that is wrong with it at once, one line a key."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from curation.core.errors import ParamsError
from curation.params.schema import PARAMETERS, SECTIONS, Parameter, Params
from curation.params.wording import form_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def load_params(path: Path) -> Params:
    """Read and check `params.yaml`. A key that it lacks has its default.

    Raises:
        ParamsError: the file is missing, is no YAML, or holds values that do not fit; the message names every one.
    """
    return checked(read_yaml(path), path)


def checked(content: Any, path: Path) -> Params:
    """Check the content of a `params.yaml`.

    Args:
        content: as YAML gives it.
        path: of the file, for messages.

    Raises:
        ParamsError: there are unknown keys, or values that do not fit; the message names every one.
    """
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        lines = sorted({_line(detail, content) for detail in error.errors()})
        raise ParamsError(f"{path}: {len(lines)} to correct\n" + "\n".join(f"  {line}" for line in lines)) from None


def read_yaml(path: Path) -> Any:
    """Read a YAML 1.2 file (where `1e-3` is a number).

    Raises:
        ParamsError: the file is missing or is no YAML.
    """
    try:
        return deepcopy(_parsed(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ParamsError(f"{path} is missing: restore it with `git checkout {path}`") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is not readable as YAML: {' '.join(str(error).split())}") from None


@lru_cache(maxsize=4)
def _parsed(text: str) -> Any:
    """Parse a file once: a stage asks for the parameters more than once."""
    return YAML(typ="safe", pure=True).load(text)


def _line(detail: "ErrorDetails", content: Any) -> str:
    """Return one line for one error: the key, what is wrong, the value found."""
    place = detail["loc"]
    key = ".".join(str(part) for part in place) or "the file"
    if detail["type"] == "extra_forbidden":
        return f"{key}: unknown key{_hint(place)}"
    if detail["type"] == "missing":
        return f"{key}: missing"
    if any(isinstance(part, str) for part in place[2:]) and (declared := _of_simple_value(content, place)):
        # It may have one of several types: one line, instead of one for each.
        return f"{declared.key}: must be {form_of(declared)} (found {content[declared.section][declared.name]!r})"
    message = detail["msg"].removeprefix("Value error, ")
    if not message[:2].isupper():  # the name of a strategy stays as it is
        message = message[0].lower() + message[1:]
    if detail["type"] in ("tuple_type", "too_short", "too_long"):
        message = message.replace("tuple", "list")  # YAML has no tuples
    found = detail["input"]
    shown = "" if isinstance(found, dict) else f" (found {found!r})"
    return f"{key}: {message}{shown}"


def _of_simple_value(content: Any, place: Sequence[str | int]) -> Parameter | None:
    """Return the parameter at a place, unless its value has mappings in it, whose keys are places of their own."""
    section, name = place[:2]
    value = content[section].get(name)
    if isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(item, Mapping) for item in value)):
        return None
    return next((item for item in PARAMETERS if (item.section, item.name) == (section, name)), None)


def _hint(place: Sequence[str | int]) -> str:
    """Say what an unknown key may have been meant to be."""
    name = str(place[-1])
    if len(place) == 1:
        near = get_close_matches(name, SECTIONS, 1)
        return f"; did you mean {near[0]}?" if near else "; there are the sections " + ", ".join(SECTIONS)
    if len(place) > 2:
        return ""
    section = str(place[0])
    elsewhere = [parameter.section for parameter in PARAMETERS if parameter.name == name]
    if elsewhere:
        return f"; it belongs to section {' or '.join(elsewhere)}"
    near = get_close_matches(name, SECTIONS[section].model_fields, 1)
    return f"; did you mean {near[0]}?" if near else ""
