"""What somebody may have meant who wrote a name that there is not."""

import pytest

from negotiation_env.text.nearest import did_you_mean

KNOWN = ["system", "temperature", "max_turns", "max_turn_tokens", "seed"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("temp", "temperature"),
        ("sytem", "system"),
        ("max", "max_turns"),
        ("max_turn", "max_turns"),
        ("s", None),
        ("", None),
        ("colour", None),
    ],
)
def test_a_name_is_told_that_it_begins_or_looks_like(written, meant):
    assert did_you_mean(written, KNOWN) == (f" (did you mean {meant}?)" if meant else "")
