"""The page on guards says of each proposition and number what its own docstring says."""

import inspect

import pytest

from negotiation_env.guards.propositions import NUMBERS, PROPOSITIONS
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "guards.md").read_text(encoding="utf-8")
SHIPPED = {**PROPOSITIONS, **NUMBERS}


@pytest.mark.parametrize("name", SHIPPED)
def test_what_a_formula_can_ask_is_told_in_a_line_of_its_own(name):
    told = inspect.getdoc(SHIPPED[name]).partition("\n\n")[0].replace("\n", " ")
    assert f"| `{name}` | {told} |\n" in PAGE
