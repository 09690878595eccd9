"""Settings out of TOML files: read, checked, and explained where they are wrong."""

import tomllib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, get_type_hints

from negotiation_env.errors import UserError
from negotiation_env.files.user_files import read_text
from negotiation_env.text.nearest import did_you_mean
from negotiation_env.text.strict_json import finite

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["Several", "check_settings", "read_toml"]

T = TypeVar("T")
_WRITTEN_BY: Final = {
    "config file": "selfplay",
    "benchmark file": "bench",
    "judge file": "judge",
    "guard file": "guards",
}
"""By what a file should be, the kind of `negotiate init`."""


class _AloneOrSeveral:
    """Tells pydantic, which is slow to import, that text alone is a list of one."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(_as_several, handler(source))


def _as_several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


Several: TypeAlias = Annotated[tuple[T, ...], _AloneOrSeveral()]
"""The type of a key that takes one name, or a list of them."""


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """The tables of a TOML file.

    Args:
        path: The file.
        what: What it should be, for the message, such as "judge file".

    Raises:
        UserError: It is missing, no TOML, or has a number that is not finite.
    """
    if what in _WRITTEN_BY and _is_missing(path):
        place = "" if path.name == str(path) else f", looked for as {path.absolute()}"
        raise UserError(
            f"no {what} {str(path)!r}; `negotiate init {_WRITTEN_BY[what]}` writes one to begin with{place}"
        )
    try:
        return tomllib.loads(read_text(path, what), parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from error


def _is_missing(path: Path) -> bool:
    """Whether nothing is there; all else that can be wrong with a file is told by who reads it."""
    try:
        path.stat()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False


def check_settings(kind: type[T], found: dict[str, Any], path: Path) -> T:
    """The settings as a value of a dataclass; unknown keys are errors.

    Raises:
        UserError: A key or value is wrong; the message names it, and the known key that an unknown one looks like.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(found, extra="forbid")
    except ValidationError as error:
        raise UserError(f"{path}: {'; '.join(_told(kind, item) for item in error.errors())}") from error


def _told(kind: Any, fault: "ErrorDetails") -> str:
    place = [str(part) for part in fault["loc"]]
    if fault["type"] == "unexpected_keyword_argument":
        return _unknown(kind, place)
    told = fault["msg"].removeprefix("Value error, ")
    return f"{'.'.join(place)}: {told}" if place else told


def _unknown(kind: Any, place: Sequence[str]) -> str:
    """An unknown key, the known one that it looks like, if any, and all of them."""
    for name in place[:-1]:
        kind = get_type_hints(kind).get(name) if is_dataclass(kind) else None
    known = [field.name for field in fields(kind)] if is_dataclass(kind) else []
    told = f"; the keys are {', '.join(known)}" if known else ""
    return f"there is no key {'.'.join(place)!r}{did_you_mean(place[-1], known)}{told}"
