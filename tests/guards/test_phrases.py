"""The quick look of phrases says what their patterns say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env.guards import phrases

NAMES = [name for name in phrases.__all__ if name.isupper()]


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_whatever_a_pattern_matches_is_found(name, data):
    ways = getattr(phrases, name)
    text = data.draw(st.from_regex(ways.pattern))
    assert ways.found_in(text)
    assert ways.found_in(text.encode().upper().decode())


@pytest.mark.parametrize("name", NAMES)
def test_other_letters_than_asciis_are_looked_through_too(name):
    assert not getattr(phrases, name).found_in("The nurse stays; ſince 京都 she does.")


def test_a_curly_apostrophe_is_one_as_models_write_it():
    assert phrases.ACCEPTANCE.found_in("It’s a deal.")
    assert phrases.CONCESSION.found_in("You’re right about the nurse.")
