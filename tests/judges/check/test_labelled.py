import json

import pytest

from negotiation_env.errors import UserError
from negotiation_env.game.events import QuestionKind
from negotiation_env.judges.check.labelled import COLUMNS, INTEGRATIVE, STRATA, read_labelled

SIDES = {
    "dilemma_id": "well",
    "dilemma": "One well, two who need it. What now?",
    "A": {"name": "Lea", "goal": "water the field"},
    "B": {"name": "Noor", "goal": "water for the school"},
}
ANSWER = {**SIDES, "type": "completion", "id": "well/vague", "tier": "vague", "text": "We shall see.", "score": 1}
TURNS = [{"speaker": "Noor", "text": "Mornings?"}, {"speaker": "Lea", "text": "Yes, mornings are yours."}]
DIALOGUE = {**SIDES, "type": "dialogue", "id": "well/agree/0", "kind": "agree_full", "turns": TURNS, "agreement": 1}


def written(tmp_path, *rows):
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_an_answer_becomes_a_question_for_a_score(tmp_path):
    (answer,) = read_labelled(written(tmp_path, ANSWER)).answers
    assert (answer.id, answer.group, answer.label, answer.dilemma) == ("well/vague", "vague", 1.0, "well")
    assert (answer.question.kind, answer.question.completion) == (QuestionKind.SCORE, "We shall see.")
    assert [persona.name for persona in answer.question.scenario.personas] == ["Lea", "Noor"]


def test_speakers_of_a_dialogue_become_seats(tmp_path):
    (dialogue,) = read_labelled(written(tmp_path, DIALOGUE)).dialogues
    assert (dialogue.group, dialogue.label, dialogue.question.kind) == ("agree_full", 1.0, QuestionKind.AGREEMENT)
    assert [(said.seat, said.text) for said in dialogue.question.dialogue] == [
        (1, "Mornings?"),
        (0, "Yes, mornings are yours."),
    ]


def test_a_third_party_of_a_row_has_a_seat(tmp_path):
    third = {"C": {"name": "Omar", "goal": "water for the goats"}}
    turns = [*TURNS, {"speaker": "Omar", "text": "I take the evenings."}]
    (dialogue,) = read_labelled(written(tmp_path, {**DIALOGUE, **third, "turns": turns})).dialogues
    assert [said.seat for said in dialogue.question.dialogue] == [1, 0, 2]


def test_the_shipped_set_is_complete_and_every_tier_is_in_one_stratum():
    shipped = read_labelled()
    assert (shipped.name, len(shipped.answers), len(shipped.dialogues)) == ("judge_check.jsonl", 210, 30)
    assert len({item.dilemma for item in shipped.items}) == 10
    assert {item.label for item in shipped.dialogues} == {0.0, 1.0}
    in_strata = [tier for tiers in STRATA.values() for tier in tiers]
    assert len(set(in_strata)) == len(in_strata)
    assert {item.group for item in shipped.answers} <= set(in_strata)
    assert {*INTEGRATIVE, *(tier for tiers in COLUMNS.values() for tier in tiers)} == set(in_strata)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("no json\n", "Expecting value"),
        ([1], "expected a JSON object, got \\[1\\]"),
        ({**DIALOGUE, "type": "essay"}, "expected 'completion' or 'dialogue' under 'type', got 'essay'"),
        ({**DIALOGUE, "A": {}}, "A: persona: the field 'name' is missing"),
        ({**DIALOGUE, "B": None}, "B: persona: expected a JSON object, got None"),
        ({**DIALOGUE, "B": {**SIDES["B"], "values": "calm"}}, "B: persona: expected a list of texts under 'values'"),
        ({**DIALOGUE, "id": "\ud83d"}, r"expected text under 'id', got '\\ud83d'"),
        ({**ANSWER, "id": "b", "text": "Half \ud83d."}, "expected text under 'text', got"),
        ({**ANSWER, "id": "b", "score": True}, "expected a number from 0 to 5 under 'score', got True"),
        ('{"id": 1, "score": NaN}\n', "NaN is not a finite number"),
        ('{"id": 1, "id": 2}\n', "the name 'id' stands twice in one object"),
        ({**DIALOGUE, "dilemma": " "}, "scenario: expected text under 'dilemma'"),
        ({**ANSWER, "id": "b", "score": 6}, "expected a number from 0 to 5 under 'score', got 6"),
        ({**ANSWER, "id": "b", "score": None}, "expected a number from 0 to 5 under 'score', got None"),
        ({**ANSWER, "id": "b", "text": 3}, "expected text under 'text', got 3"),
        (ANSWER, "the id 'well/vague' stands in line 1; ids must differ"),
        ({**DIALOGUE, "agreement": 0.5}, "expected 0 or 1 under 'agreement', got 0.5"),
        ({**DIALOGUE, "turns": []}, "expected a list of turns under 'turns', got \\[\\]"),
        ({**DIALOGUE, "turns": ["hi"]}, "expected a list of turns under 'turns'"),
        (
            {**DIALOGUE, "turns": [{"speaker": "Ida", "text": "?"}]},
            "expected one of Lea, Noor as the speaker, got 'Ida'",
        ),
    ],
)
def test_a_wrong_line_is_named(tmp_path, row, told):
    with pytest.raises(UserError, match=f"mine.jsonl, line 2: {told}"):
        read_labelled(written(tmp_path, ANSWER, row))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no labelled set '.*mine.jsonl': No such file"),
        (b"\xff\xfe\x00", "mine.jsonl is no UTF-8 text .*labelled set"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, told):
    path = tmp_path / "mine.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=told):
        read_labelled(path)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path):
    plain = read_labelled(written(tmp_path, ANSWER, DIALOGUE))
    content = (tmp_path / "mine.jsonl").read_bytes()
    (tmp_path / "mine.jsonl").write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n") + b"\r\n")
    assert read_labelled(tmp_path / "mine.jsonl") == plain


def test_an_empty_file_is_no_set(tmp_path):
    with pytest.raises(UserError, match="got an empty file"):
        read_labelled(written(tmp_path))
