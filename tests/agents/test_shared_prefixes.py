from hypothesis import given
from hypothesis import strategies as st

from negotiation_env.agents.models.shared_prefixes import LEAST, alike

BRIEF = list(range(100, 100 + 2 * LEAST))


def test_equal_chats_are_fed_once_but_for_their_last_id():
    assert alike([[*BRIEF, 4]] * 3) == [(len(BRIEF), [0, 1, 2])]


def test_chats_are_fed_together_up_to_where_they_part_however_long_they_go_on():
    long, short = [*BRIEF, *[1] * 100], [*BRIEF, 2]
    assert alike([long, [7, 7], short]) == [(1, [1]), (len(BRIEF), [0, 2])]


def test_the_groups_are_those_that_save_the_most_ids():
    one, other = [*BRIEF, *[1] * 20], [*BRIEF, *[2] * 20]
    assert alike([[*one, 3], [*other, 3], [*one, 4], [*other, 4]]) == [(len(one), [0, 2]), (len(other), [1, 3])]
    assert alike([[*one, 3], [*other, 3], [*other, 4]]) == [(len(BRIEF), [0, 1, 2])]


def test_chats_that_share_too_little_for_a_pass_are_fed_by_themselves():
    few = [8] * (LEAST - 1)
    assert alike([[*few, 1, 1], [*few, 2]]) == [(len(few) + 1, [0]), (len(few), [1])]


@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=3 * LEAST), max_size=8))
def test_every_chat_is_in_one_group_and_keeps_an_id(chats):
    groups = alike(chats)
    assert sorted(row for _, members in groups for row in members) == list(range(len(chats)))
    for length, members in groups:
        assert {tuple(chats[row][:length]) for row in members} == {tuple(chats[members[0]][:length])}
        assert all(length < len(chats[row]) for row in members)
