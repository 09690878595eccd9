import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env import Utterance
from negotiation_env.data import load_brief_demos, load_demos
from negotiation_env.environment.episode import read_episodes
from negotiation_env.game import turn_grammar
from negotiation_env.game.turn_grammar import handshake, parse_dialogue, parse_turn

RESULTS = Path(__file__).parents[2] / "examples" / "results"
OFFER = "Let us share.\nPROPOSE: Share it."


def after(*turns, seats=2):
    return handshake([Utterance(n % seats, text) for n, text in enumerate(turns)], seats)


def examples_in_the_table():
    """Each line that the module's own table shows, with what it says that it is."""
    rows = [line.split("|")[1:3] for line in turn_grammar.__doc__.split("\n") if line.startswith("| `")]
    sort = re.compile("proposal|acceptance|stray|words")
    return [(line, sort.search(told)[0]) for lines, told in rows for line in re.findall("`([^`]+)`", lines)]


def read_as(text):
    turn = parse_turn(text)
    if turn.accepts:
        return "acceptance" if turn.proposal in (None, "plan") else f"acceptance of {turn.proposal}"
    if turn.proposal is not None:
        return "proposal" if turn.proposal == "plan" else f"proposal of {turn.proposal}"
    return "words" if turn.grammatical else "stray"


@pytest.mark.parametrize(("line", "told"), examples_in_the_table())
@pytest.mark.parametrize("turn", ["{}", "Fine words.\n{}", "{}\n\nFine words.", "Fine words.\n  {}  \nMore of them."])
def test_each_line_of_the_table_is_what_it_says_wherever_it_stands(line, told, turn):
    assert read_as(turn.format(line)) == told


def test_the_documentation_shows_the_same_table():
    table = "".join(re.findall(r"(?m)^\|.*\n", turn_grammar.__doc__))
    assert table in (RESULTS.parents[1] / "docs" / "game.md").read_text("utf-8")


def test_the_table_has_a_line_of_each_sort():
    assert {told for _, told in examples_in_the_table()} == {"proposal", "acceptance", "stray", "words"}


@pytest.mark.parametrize(
    ("text", "proposal", "accepts"),
    [
        ("PROPOSE: ~5 kg, *not* more", "~5 kg, *not* more", False),
        ("**PROPOSE: We share the well.**", "We share the well.", False),
        ("ACCEPT: **PROPOSE:** We share.", "We share.", True),
        ("ACCEPT\nbut only on Mondays", None, False),
        ("ACCEPT\n(but only if you pay double)", None, False),
        ("ACCEPT\n… but not yet.", None, False),
        ("ACCEPT\n(We begin on Monday.)", None, True),
        ("ACCEPT\nACCEPT", None, True),
        ("PROPOSE: one\nACCEPT", None, False),
        ("ACCEPT\nThat is:\nPROPOSE: one", None, False),
        ("PROPOSE: one\nPROPOSE: two", None, False),
        ("PROPOSE: one\nACCEPT your point", None, False),
        ("ACCEPT-able", None, False),
        ("I accept your point.", None, False),
    ],
)
def test_what_a_tag_names_and_what_undoes_it(text, proposal, accepts):
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


@pytest.mark.parametrize(
    "again", ["Share it.", "share it", "**Share it.**", '"Share  it."', "Share it!", "PROPOSE: Share it."]
)
def test_an_acceptance_that_restates_the_proposal_that_stands_counts(again):
    assert after(OFFER, f"ACCEPT: {again}").agreed
    assert after(OFFER, f"Well said.\n**ACCEPT:** {again}\nI will bring the forms.").agreed


@pytest.mark.parametrize(
    "other", ["Share it in May.", "Share", "Do not share it.", "Share it 50:50.", "I like your plan."]
)
def test_one_that_names_another_plan_is_a_counter_proposal(other):
    state = after(OFFER, f"ACCEPT: {other}")
    assert (state.agreed, state.proposal, state.proposer) == (False, other, 1)
    assert after(OFFER, f"ACCEPT: {other}", "Good.\nACCEPT").agreed


def test_an_older_proposal_that_is_restated_is_proposed_anew():
    turns = (OFFER, "PROPOSE: Halve it.", "ACCEPT: Share it.")
    assert (after(*turns).agreed, after(*turns).proposer) == (False, 0)
    assert not after(*turns, "ACCEPT: Halve it.").agreed
    assert after(*turns, "ACCEPT: Share it.").agreed


def test_ones_own_proposal_restated_as_accepted_changes_nothing():
    assert after(OFFER, "Yes.\nACCEPT", "Hm.", "ACCEPT", "ACCEPT: Share it.", seats=3).accepted == {1}


def test_in_a_dialogue_each_turn_is_told_what_it_comes_to():
    texts = (OFFER, "ACCEPT: Halve it.", "ACCEPT: halve it", "Well.")
    turns = parse_dialogue([Utterance(n % 2, text) for n, text in enumerate(texts)])
    assert [(turn.proposal, turn.accepts) for turn in turns] == [
        ("Share it.", False),
        ("Halve it.", False),
        (None, True),
        (None, False),
    ]


TAGS = st.sampled_from(
    [
        "PROPOSE: Share it.",
        "**PROPOSE:** Halve it.",
        "ACCEPT",
        "Accept.",
        "**ACCEPT**",
        "ACCEPT: Share it.",
        "ACCEPT: x",
    ]
)
WORDS = st.sampled_from(
    ["Fine.", "I would never ACCEPT this", "> ACCEPT", "> PROPOSE: Share it.", '"ACCEPT"', "accept", "Lea: ACCEPT", ""]
)
ANY_TURN = st.lists(TAGS | WORDS, max_size=3).map("\n".join)
NO_TAG = st.lists(WORDS, max_size=3).map("\n".join)


@given(st.data(), st.integers(2, 4))
def test_as_long_as_one_party_bears_no_tag_there_is_no_agreement(data, seats):
    """So that no others can agree for it, whatever they say and however they quote."""
    silent = data.draw(st.integers(0, seats - 1))
    turns = [data.draw(NO_TAG if n % seats == silent else ANY_TURN) for n in range(data.draw(st.integers(1, 12)))]
    assert not after(*turns, seats=seats).agreed


@given(st.lists(ANY_TURN, max_size=12), st.integers(2, 4))
def test_who_agreed_has_said_so_after_the_plan_was_on_the_table(turns, seats):
    state = after(*turns, seats=seats)
    if state.proposal is not None:
        named = [n for n, text in enumerate(turns) if parse_turn(text).proposal == state.proposal]
        assert any(n % seats == state.proposer for n in named)
    for seat in state.accepted:
        own = [parse_turn(text) for n, text in enumerate(turns) if n % seats == seat and n > named[0]]
        assert seat != state.proposer
        assert any(turn.accepts for turn in own)
    assert state.agreed == (len(state.accepted) == seats - 1)


@given(st.text() | ANY_TURN)
def test_a_turn_that_quotes_another_line_by_line_bears_no_tag(text):
    quoted = "\n".join(f"> {line}" for line in text.split("\n"))
    assert read_as(quoted) == "words"


@given(st.lists(NO_TAG, min_size=3, max_size=3), st.permutations(["PROPOSE: Share it.", "**ACCEPT**"]))
def test_two_contrary_tags_in_one_turn_cancel(around, tags):
    parts = [around[0], tags[0], around[1], tags[1], around[2]]
    assert read_as("\n".join(parts)) == "stray"


def test_quoting_the_other_sides_tag_in_ones_own_turn_is_no_acceptance():
    assert not after(OFFER, 'You said "ACCEPT" but I do not.').agreed


def test_the_handshake_agrees_with_the_demonstrations_labels():
    for demo in [*load_demos(), *load_brief_demos()]:
        dialogue = [Utterance(turn["seat"], turn["text"]) for turn in demo["dialogue"]]
        assert handshake(dialogue, 2).agreed == demo["agreed"], demo["id"]


def test_the_demonstrations_read_as_they_did_by_the_first_rule():
    """That knew bare tags on the last line only; the digest was taken with it."""
    dialogues = [[parse_turn(turn["text"]) for turn in demo["dialogue"]] for demo in load_demos()]
    read = json.dumps([[(turn.proposal, turn.accepts) for turn in turns] for turns in dialogues])
    assert hashlib.sha256(read.encode()).hexdigest().startswith("2eed22ad2c47d4629333f4c4972d5995")


@pytest.mark.parametrize("path", sorted(RESULTS.rglob("episodes.jsonl")), ids=lambda path: path.parts[-4])
def test_the_committed_games_are_ruled_as_they_were_by_the_first_rule(path):
    games = list(read_episodes(path))
    rulings = [(game, each) for game in games for each in game.rulings if each.kind == "agreement"]
    assert bool(rulings) is not all(game.rules.single for game in games)
    for game, ruling in rulings:
        state = handshake(game.dialogue[: ruling.turn], len(game.agents))
        told = ruling.verdict.details
        if "proposal" not in told:  # decided by reading: no turn bears a tag
            assert state.proposal is None
            continue
        assert (state.proposal, state.proposer) == (told["proposal"], told["proposer"])
        whole = not ruling.verdict.reason.endswith("it breaks off")
        assert whole or told["proposal"][-1] not in ".!?"
        least = 1.0 if ruling.verdict.judge.endswith("heads v8)") else 1.5
        agreed = state.agreed and told.get("plan", 5.0) >= least and whole  # empty words are no plan
        assert (sorted(state.accepted), float(agreed)) == (told["accepted"], ruling.verdict.value)
