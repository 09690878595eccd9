import pytest

from negotiation_env import Question, ScriptedJudge
from negotiation_env.errors import JudgeError
from negotiation_env.events import QuestionKind
from negotiation_env.judges.panel import PanelJudge
from tests.conftest import two_parties

SCORE = Question(QuestionKind.SCORE, two_parties(), completion="We share.")
AGREEMENT = Question(QuestionKind.AGREEMENT, two_parties())


def panel(*scores, combine="median"):
    return PanelJudge([ScriptedJudge(score, agrees=lambda _, s=score: s > 2) for score in scores], combine)


@pytest.mark.parametrize(("combine", "value"), [("median", 2.0), ("mean", 8 / 3)])
def test_scores_become_one(combine, value):
    verdict = panel(1, 2, 5, combine=combine).judge([SCORE])[0]
    assert verdict.value == pytest.approx(value)
    assert [each["value"] for each in verdict.details["members"]] == [1, 2, 5]


@pytest.mark.parametrize(("scores", "agreed"), [((1, 3, 4), 1.0), ((1, 1, 4), 0.0), ((1, 4), 0.0)])
def test_more_than_half_must_see_agreement(scores, agreed):
    assert panel(*scores).judge([AGREEMENT])[0].value == agreed


class Broken:
    name = "broken"

    def judge(self, questions):
        raise JudgeError("out of order")


def test_one_that_fails_leaves_the_question_unscored_and_is_named():
    verdict = PanelJudge([ScriptedJudge(3), Broken()]).judge([SCORE])[0]
    assert verdict.value is None
    assert verdict.reason == "broken: out of order"


@pytest.mark.parametrize(("members", "combine"), [([ScriptedJudge()], "median"), ([ScriptedJudge()] * 2, "mode")])
def test_a_panel_needs_two_and_a_known_combination(members, combine):
    with pytest.raises(ValueError, match="panel"):
        PanelJudge(members, combine)
