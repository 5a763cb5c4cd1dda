"""Reading `params.yaml`: all that is wrong with it at once, one line a key."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from curation.core.errors import ParamsError
from curation.params.schema import Params

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def load_params(path: Path) -> Params:
    """Read and check `params.yaml`.

    Raises:
        ParamsError: the file is missing, is no YAML, or holds values that do not fit; the message names every one.
    """
    content = read_yaml(path)
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        lines = sorted({_line(detail) for detail in error.errors()})
        raise ParamsError(f"{path}: {len(lines)} to correct\n" + "\n".join(f"  {line}" for line in lines)) from None


def read_yaml(path: Path) -> Any:
    """Read a YAML 1.2 file (where `1e-3` is a number).

    Raises:
        ParamsError: the file is missing or is no YAML.
    """
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path} is missing: restore it with `git checkout {path}`") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is not readable as YAML: {' '.join(str(error).split())}") from None


def _line(detail: "ErrorDetails") -> str:
    """Return one line for one error: the key, what is wrong, the value found."""
    key = ".".join(str(part) for part in detail["loc"]) or "the file"
    if detail["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if detail["type"] == "missing":
        return f"{key}: missing"
    message = detail["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    found = detail["input"]
    shown = "" if isinstance(found, dict) else f" (found {found!r})"
    return f"{key}: {message}{shown}"
