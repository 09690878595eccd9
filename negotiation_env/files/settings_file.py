"""Settings out of TOML files: read, checked, and explained where they are wrong."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

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
        faults = [(*_place(kind, fault["loc"]), fault) for fault in error.errors()]
        told = [_told(*each) for each in faults if not any(_within(place, each[0]) for place, *_ in faults)]
        raise UserError(f"{path}: {'; '.join(told)}") from error


def _place(kind: Any, loc: Sequence[int | str]) -> tuple[list[str], Any]:
    """Where a fault is in the file, and what the last key is a key of; pydantic also names a union's members."""
    place: list[str] = []
    for part in loc:
        members = {member.__name__: member for member in get_args(kind) if isinstance(member, type)}
        if isinstance(kind, UnionType) and part in members:
            kind = members[str(part)]
            continue
        kind, owner = _value_of(kind, str(part)), kind
        place.append(str(part))
    return place, owner if place else kind


def _value_of(kind: Any, key: str) -> Any:
    """The type of what stands behind a key; None where there is no knowing."""
    if is_dataclass(kind):
        return get_type_hints(kind).get(key)
    return get_args(kind)[1] if get_origin(kind) is Mapping else None


def _within(place: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a place is inside another, which is then the fault of a union's member that was not meant."""
    return len(place) > len(other) and place[: len(other)] == other


def _told(place: Sequence[str], owner: Any, fault: "ErrorDetails") -> str:
    if fault["type"] == "unexpected_keyword_argument":
        return _unknown(place, owner)
    told = fault["msg"].removeprefix("Value error, ")
    return f"{'.'.join(place)}: {told}" if place else told


def _unknown(place: Sequence[str], owner: Any) -> str:
    """An unknown key, the known one that it looks like, if any, and all of them."""
    known = [field.name for field in fields(owner)] if is_dataclass(owner) else []
    told = f"; the keys are {', '.join(known)}" if known else ""
    return f"there is no key {'.'.join(place)!r}{did_you_mean(place[-1], known)}{told}"
