import pytest

from negotiation_env import Question, ScriptedJudge
from negotiation_env.errors import JudgeError
from negotiation_env.game.events import QuestionKind, Verdict
from negotiation_env.judges.panel import ExaminingPanel, PanelJudge
from negotiation_env.judges.probes import Examiner, Probe, ProbeKind
from negotiation_env.judges.specs import resolve_judge
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


class Examining(ScriptedJudge):
    """Accepts from a satisfaction of 3."""

    def __init__(self, satisfaction):
        super().__init__()
        self.satisfaction = satisfaction

    def examine(self, probes):
        value = self.satisfaction
        return [Verdict(value, self.name, details={} if value is None else {"accepts": value >= 3}) for _ in probes]


class Failing(Examining):
    def examine(self, probes):
        raise JudgeError("out of order")


PROBE = Probe(ProbeKind.ACCEPTANCE, two_parties(), "We share.")


def test_a_panel_of_examiners_answers_probes_and_more_than_half_must_accept():
    found = ExaminingPanel([Examining(1.0), Examining(3.0), Examining(5.0)]).examine([PROBE, PROBE])
    assert [(each.value, each.details["accepts"]) for each in found] == [(3.0, True)] * 2
    (split,) = ExaminingPanel([Examining(1.0), Examining(4.0)], "mean").examine([PROBE])
    assert (split.value, split.details["accepts"]) == (2.5, False)


@pytest.mark.parametrize("other", [Examining(None), Failing(3.0)])
def test_a_probe_that_one_member_fails_has_no_value(other):
    (found,) = ExaminingPanel([Examining(3.0), other]).examine([PROBE])
    assert (found.value, "accepts" in found.details) == (None, False)


def test_a_panel_can_examine_where_all_its_members_can():
    assert not isinstance(resolve_judge("panel:median:scripted,scripted"), Examiner)
    assert not isinstance(resolve_judge("panel:median:embedded,scripted"), Examiner)
    both = resolve_judge("panel:median:embedded,embedded")
    assert isinstance(both, Examiner)
    assert isinstance(both.fresh(), Examiner)


@pytest.mark.parametrize(("members", "combine"), [([ScriptedJudge()], "median"), ([ScriptedJudge()] * 2, "mode")])
def test_a_panel_needs_two_and_a_known_combination(members, combine):
    with pytest.raises(ValueError, match="panel"):
        PanelJudge(members, combine)
