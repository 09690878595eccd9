import json

import pytest

from negotiation_env import Question, Reply
from negotiation_env.errors import UserError
from negotiation_env.game.events import QuestionKind
from negotiation_env.judges.criteria import load_criteria
from negotiation_env.judges.forms import ScoreForm
from negotiation_env.judges.material import instructions
from tests.conftest import two_parties

OWN = """
name = "Thrift"
definition = "It wastes nothing."
overall_weight = 0.0
anchors = ["none", "one", "two", "three", "four", "five"]
[[aspects]]
name = "money"
definition = "It is cheap. $dilemma {score}"
weight = 1.0
"""


def test_collective_agency_has_its_four_aspects_and_six_anchors():
    criteria = load_criteria()
    assert [aspect.name for aspect in criteria.aspects] == ["knowledge", "benevolence", "power", "vitality"]
    assert len(criteria.anchors) == 6


def test_conflict_resolution_is_shipped_too():
    assert load_criteria("conflict_resolution").name == "Conflict resolution"


def test_another_objective_is_a_file_and_reaches_the_prompt_unfilled(tmp_path):
    (tmp_path / "thrift.toml").write_text(OWN)
    prompt = instructions("score", load_criteria(str(tmp_path / "thrift.toml")))
    assert "for one quality: Thrift" in prompt
    assert "It is cheap. $dilemma {score}" in prompt


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("anchors", "anchor"), "anchor"),
        (('"five"]', "]"), "levels 0 to 5"),
        (('"money"', '"Money"'), "lower-case word"),
        (('"money"', '"score"'), "none of parties"),
        (("weight = 1.0", "weight = 0.0"), "at least one must be above"),
        (("[[aspects]]", "[[aspects"), "not valid TOML"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(tmp_path, change, told):
    path = tmp_path / "own.toml"
    path.write_text(OWN.replace(*change))
    with pytest.raises(UserError, match=told):
        load_criteria(str(path))


def test_a_missing_file_is_told_what_there_is():
    with pytest.raises(UserError, match="collective_agency or conflict_resolution"):
        load_criteria("no-such.toml")


def test_the_weights_make_the_score(tmp_path):
    (tmp_path / "own.toml").write_text(OWN)
    form = ScoreForm(
        Question(QuestionKind.SCORE, two_parties(), completion="We share."), load_criteria(str(tmp_path / "own.toml"))
    )
    served = {"quote": "We share", "served": 5}
    said = {
        "parties": {"party_1": served, "party_2": served},
        "aspects": {"money": 4},
        "harms": [],
        "reason": "",
        "score": 1,
    }
    assert form.read(Reply(json.dumps(said))).value == 4.0
