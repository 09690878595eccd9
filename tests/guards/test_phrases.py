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
    assert ways.found_in(text.swapcase()) == (ways.pattern.search(text.swapcase()) is not None)


@pytest.mark.parametrize("name", NAMES)
def test_other_letters_than_asciis_are_looked_through_too(name):
    assert not getattr(phrases, name).found_in("The nurse stays; ſince 京都 she does.")
