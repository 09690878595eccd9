"""The page that follows a GRPO step shows one that was taken."""

import pytest

pytest.importorskip("trl")

from measurements.grpo_step import blocks, drawn, take_step
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "grpo_step.md").read_text(encoding="utf-8")


@pytest.mark.models
def test_the_step_on_the_page_is_the_one_that_is_taken():
    assert drawn(PAGE, blocks(take_step())) == PAGE


def test_a_page_without_a_blocks_place_is_refused():
    with pytest.raises(ValueError, match="expected one block below"):
        drawn("# No blocks", {"row": "{}"})
