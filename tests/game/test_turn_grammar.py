import pytest

from negotiation_env import Utterance
from negotiation_env.data import load_demos
from negotiation_env.game.turn_grammar import handshake, parse_turn

OFFER = "Let us share.\nPROPOSE: Share it."


def after(*turns, seats=2):
    return handshake([Utterance(n % seats, text) for n, text in enumerate(turns)], seats)


@pytest.mark.parametrize(
    ("text", "proposal", "accepts"),
    [
        ("Fine words.\nPROPOSE: Share the well.", "Share the well.", False),
        ("Fine words.\nACCEPT", None, True),
        ("ACCEPT.", None, True),
        ("I accept your point.", None, False),
        ("ACCEPT\nbut only on Mondays", None, False),
        ("I would ACCEPT", None, False),
        ("PROPOSE:", None, False),
        ("PROPOSE: one\nACCEPT", None, False),
        ("accept", None, False),
    ],
)
def test_only_one_tag_on_the_last_line_counts(text, proposal, accepts):
    turn = parse_turn(text)
    assert (turn.proposal, turn.accepts) == (proposal, accepts)


def test_accepting_the_others_latest_proposal_is_agreement():
    state = after(OFFER, "Yes.\nACCEPT")
    assert state.agreed
    assert (state.proposal, state.proposer) == ("Share it.", 0)


def test_one_party_alone_can_never_agree():
    assert not after(OFFER, "Hm.", "Then I do.\nACCEPT").agreed


def test_there_must_be_a_proposal():
    assert not after("Well?", "Yes.\nACCEPT").agreed


def test_a_counter_proposal_voids_the_first():
    assert not after(OFFER, "No.\nPROPOSE: Halve it.", "Hm.", "Mine still.\nACCEPT").agreed
    assert after(OFFER, "No.\nPROPOSE: Halve it.", "Good.\nACCEPT").agreed


def test_among_three_both_others_must_accept_the_same_proposal():
    assert not after(OFFER, "Yes.\nACCEPT", "Hm.", seats=3).agreed
    assert after(OFFER, "Yes.\nACCEPT", "Yes.\nACCEPT", seats=3).agreed
    assert not after(OFFER, "Yes.\nACCEPT", "No.\nPROPOSE: Other.", "Yes.\nACCEPT", seats=3).agreed


def test_quoting_the_other_sides_tag_in_ones_own_turn_is_no_acceptance():
    assert not after(OFFER, 'You said "ACCEPT" but I do not.').agreed


def test_the_handshake_agrees_with_the_demonstrations_labels():
    for demo in load_demos():
        dialogue = [Utterance(turn["seat"], turn["text"]) for turn in demo["dialogue"]]
        assert handshake(dialogue, 2).agreed == demo["agreed"], demo["id"]
