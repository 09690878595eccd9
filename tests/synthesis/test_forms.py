import json

import pytest

from negotiation_env.interfaces import Reply
from negotiation_env.judges.forms import Unreadable, parse
from negotiation_env.synthesis.forms import OutOfLimits, kind_of
from negotiation_env.synthesis.plan import Slot
from negotiation_env.synthesis.sources import Known
from tests.synthesis.writers import PAIRS, words

SLOT = Slot(6, 0, "work", "bakery", ("cost_vs_quality", "speed_vs_care"))
DILEMMA = {"dilemma": words("good", 50) + " now?", "tensions": ["cost_vs_quality"]}
BAKER = {
    "name": "The Baker",
    "goal": "You need bread that is worth its name.",
    "values": ["craft", "pride", "patience"],
    "red_line": "It never sells yesterday's bread as new.",
    "style": "Brings samples.",
}
CLERK = BAKER | {"name": "The Clerk", "goal": "You must keep what is spent within what comes in."}
PAIR = {"id": "craft_vs_thrift", "tension": "doing it well versus spending little", "first": BAKER, "second": CLERK}


def row(kind, said, prefix="gen"):
    kind = kind_of(kind, PAIRS)
    return kind.row(parse(Reply(json.dumps(said)), kind.reply), SLOT, prefix)


def test_rows_have_the_shipped_fields():
    assert list(row("dilemmas", DILEMMA).items()) == list(
        {"id": "gen-007", "category": "work", "domain": "bakery", **DILEMMA}.items()
    )
    question = {"prompt": words("ask", 20)}
    assert row("open", question, "mine") == {"id": "mine-007", "category": "work", **question}
    pair = {"id": "gen-craft_vs_thrift", "tension": PAIR["tension"], "personas": [BAKER, CLERK]}
    assert row("personas", PAIR) == pair


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"dilemma": words("short", 20) + "?"}, "dilemma: expected 40 to 120 words, got 20"),
        ({"dilemma": words("long", 121) + "?"}, "dilemma: expected 40 to 120 words, got 121"),
        ({"dilemma": words("flat", 50) + "."}, "dilemma: expected a question at its end"),
        ({"dilemma": "\u200b"}, "got 0"),
        ({"dilemma": "x" * 4000 + words("long", 50) + "?"}, "dilemma: expected at most 4000 characters, got 4"),
        ({"tensions": []}, "tensions: expected some of"),
        ({"tensions": ["rules_vs_mercy"]}, "tensions: expected some of"),
        ({"tensions": ["cost_vs_quality"] * 2}, "tensions: expected some of"),
    ],
)
def test_a_dilemma_out_of_limits_is_rejected(change, why):
    with pytest.raises(OutOfLimits, match=why):
        row("dilemmas", DILEMMA | change)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"id": "Craft vs Thrift"}, "id: expected small letters"),
        ({"tension": "craft"}, "tension: expected 3 to 14 words"),
        ({"second": CLERK | {"name": "the baker"}}, "name: expected two"),
        ({"second": CLERK | {"name": "The\u00a0 **Baker**"}}, "name: expected two"),
        ({"second": CLERK | {"name": "** **"}}, "name: expected letters or digits"),
        ({"first": BAKER | {"values": ["craft", "pride", "x" * 4000]}}, "values: expected 3 to 6"),
        ({"second": CLERK | {"goal": BAKER["goal"] + " Always."}}, "goal: expected two that differ"),
        ({"first": BAKER | {"goal": "He needs bread that is worth its name."}}, "goal: expected the second person"),
        ({"first": BAKER | {"values": ["craft", "craft", "pride"]}}, "values: expected 3 to 6"),
        ({"first": BAKER | {"values": ["a", "b", "far too many words here"]}}, "values: expected 3 to 6"),
        ({"first": BAKER | {"red_line": "None."}}, "red_line: expected 5 to 30 words"),
    ],
)
def test_a_persona_pair_out_of_limits_is_rejected(change, why):
    with pytest.raises(OutOfLimits, match=why):
        row("personas", PAIR | change)


def test_a_question_of_a_few_words_is_rejected():
    with pytest.raises(OutOfLimits, match="prompt: expected 12 to 60 words, got 2"):
        row("open", {"prompt": "Why me?"})


@pytest.mark.parametrize("said", [DILEMMA | {"verdict": "good"}, DILEMMA | {"tensions": "all"}, {}, [DILEMMA], "text"])
def test_what_does_not_follow_the_schema_is_unreadable(said):
    with pytest.raises(Unreadable):
        row("dilemmas", said)


def test_the_prompt_names_the_slot_and_its_goals_and_shows_few_texts_of_its_domain_only():
    known = [Known(str(number), f"text {number}", "bakery") for number in range(9)]
    known += [Known("other", "elsewhere", "harbour"), Known("eval", "for evaluation", "bakery", held_out=True)]
    system, user = kind_of("dilemmas", PAIRS).messages(SLOT, known)
    shown = json.loads(user["content"])
    assert (shown["category"], shown["domain"], shown["avoid"]) == ("work", "bakery", ["text 6", "text 7", "text 8"])
    goals = {"id": "cost_vs_quality", "first_goal": "You want cost.", "second_goal": "You want quality."}
    assert shown["tensions"][0] == goals
    assert "40 to 120 words" in system["content"]


def test_an_author_of_personas_sees_which_tensions_there_are():
    _, user = kind_of("personas", PAIRS).messages(SLOT, [Known("cost_vs_quality", "long text")])
    assert json.loads(user["content"])["avoid"] == ["cost_vs_quality"]
