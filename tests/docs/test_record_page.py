"""The page of the record names each field of each value in it, and no other."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest

from negotiation_env.environment.episode import Episode
from tests.docs.pages import ROOT

SECTIONS = (ROOT / "docs" / "record.md").read_text(encoding="utf-8").split("\n## ")


def values(kind: Any) -> Iterator[type]:
    """The dataclasses that a value of this type is made of, itself first."""
    if is_dataclass(kind):
        yield kind
        for each in get_type_hints(kind).values():
            yield from values(each)
    for each in get_args(kind):
        yield from values(each)


VALUES = tuple(dict.fromkeys(values(Episode)))


def test_the_values_of_the_record_are_found():
    assert {"Episode", "Said", "TokenTrace", "JudgeCall", "FailedTurn"} <= {value.__name__ for value in VALUES}


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_every_field_is_named_in_its_order(value):
    in_files = getattr(value, "__pydantic_config__", {}).get("alias_generator", str)
    (section,) = [each for each in SECTIONS if each.startswith(f"{value.__name__}\n")]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [in_files(field.name) for field in fields(value)]
