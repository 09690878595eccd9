from hypothesis import given
from hypothesis import strategies as st

from agents.models.beginnings import alike


def test_equal_chats_are_fed_once_but_for_their_last_id():
    assert alike([[1, 2, 3, 4]] * 3) == [(3, [0, 1, 2])]


def test_chats_that_share_half_of_their_ids_are_fed_together_up_to_where_they_part():
    assert alike([[1, 2, 3, 9], [7, 7], [1, 2, 3, 4, 5]]) == [(3, [2, 0]), (1, [1])]


def test_chats_that_share_little_are_not():
    assert alike([[1, 2, 3, 4], [1, 9, 9, 9]]) == [(3, [0]), (3, [1])]


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), max_size=8))
def test_every_chat_is_in_one_group_and_keeps_an_id(chats):
    groups = alike(chats)
    assert sorted(row for _, members in groups for row in members) == list(range(len(chats)))
    for length, members in groups:
        assert {tuple(chats[row][:length]) for row in members} == {tuple(chats[members[0]][:length])}
        assert all(length < len(chats[row]) for row in members)
