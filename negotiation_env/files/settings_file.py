"""Settings out of TOML files: read, checked, and explained where they are wrong."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from negotiation_env.errors import UserError
from negotiation_env.files.user_files import read_text
from negotiation_env.text.strict_json import finite

__all__ = ["check_settings", "read_toml"]

T = TypeVar("T")


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """The tables of a TOML file.

    Args:
        path: The file.
        what: What it should be, for the message, such as "judge file".

    Raises:
        UserError: It is missing, no TOML, or has a number that is not finite.
    """
    try:
        return tomllib.loads(read_text(path, what), parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from error


def check_settings(kind: type[T], found: dict[str, Any], path: Path) -> T:
    """The settings as a value of a dataclass; unknown keys are errors.

    Raises:
        UserError: A key or value is wrong; the message names it.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(found, extra="forbid")
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'it'}: {item['msg']}" for item in error.errors())
        raise UserError(f"{path}: {told}") from error
