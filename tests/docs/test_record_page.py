"""The page of the record names each field of each value in it, and no other."""

import re
from dataclasses import fields

import pytest

from negotiation_env.episodes.episode import Episode, FailedTurn, Said
from negotiation_env.game.events import JudgeCall, Outcome, Ruling, Verdict
from negotiation_env.game.rules import Rules
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.interfaces import TokenTrace
from tests.docs.pages import ROOT

VALUES = (
    Episode,
    Scenario,
    Persona,
    Rules,
    Said,
    TokenTrace,
    Ruling,
    Verdict,
    JudgeCall,
    Outcome,
    FailedTurn,
)
PAGE = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_every_field_is_named_in_its_order(value):
    section = PAGE.partition(f"## {value.__name__}\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [field.name for field in fields(value)]
