"""Judges of somebody's own that fail in every way: only their own questions are unscored, and nothing ends."""

import asyncio
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

from negotiation_env import Question, ScriptedJudge, Verdict
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.specs import resolve_agent
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.prompting import chosen_prompts
from negotiation_env.episodes.runner import Game, play
from negotiation_env.errors import UserError
from negotiation_env.game.events import JudgeCall, QuestionKind
from negotiation_env.judges.asking import judged
from negotiation_env.judges.forms import Pair
from negotiation_env.judges.functions import FunctionJudge
from negotiation_env.judges.pairwise import Preference, as_pairwise, both_orders
from negotiation_env.judges.panel import PanelJudge
from negotiation_env.judges.probes import Probe, ProbeKind, examined
from negotiation_env.judges.specs import resolve_judge
from tests.conftest import two_parties

SCORE = Question(QuestionKind.SCORE, two_parties(), completion="We share.")
AGREEMENT = Question(QuestionKind.AGREEMENT, two_parties())
PROBE = Probe(ProbeKind.FAITHFULNESS, two_parties(), "We share.")
PAIR = Pair(two_parties(), "We share.", "We do not.")


class Own:
    """A judge that does the same for whatever it is asked."""

    name = "my own"

    def __init__(self, answer):
        self.judge = self.examine = self.compare = answer


def raising(error):
    def answer(asked):
        raise error

    return Own(answer)


def giving(value, **more):
    return Own(lambda asked: [Verdict(value, "my own", **more) for _ in asked])


WAYS = {
    "raises": (
        raising(ZeroDivisionError("by zero")),
        r"my own raised ZeroDivisionError at test_asking\.py:\d+: by zero",
    ),
    "raises without words": (raising(KeyError()), r"my own raised KeyError at .*"),
    "quotes a model": (
        raising(ValueError("<|im_start|>\x1b[31m\ud83d\nfive" + "!" * 999)),
        r"my own raised [^<\x1b\n]{,300}",
    ),
    "gives nothing": (Own(lambda _: None), "my own raised TypeError .* 'NoneType' object is not iterable"),
    "gives too many": (Own(lambda asked: [Verdict(1.0, "x")] * (len(asked) + 1)), "expected 1 answers .* got 2"),
    "gives too few": (Own(lambda _: []), "expected 1 answers from the my own, one a question; got 0"),
    "gives numbers": (Own(lambda asked: [3.0 for _ in asked]), "my own gave a float; expected a (Verdict|Preference)"),
}
VERDICTS = {
    "is out of range": (Own(lambda asked: [Verdict(7.0, "x")]), ".*expected a value from 0 to 5.* got 7.0"),
    "is no number": (Own(lambda asked: [Verdict(float("nan"), "x")]), ".*expected a value from 0 to 5.* got nan"),
    "is a text": (Own(lambda asked: [Verdict("3", "x")]), "my own raised TypeError .*"),
    "cannot be recorded": (giving(3.0, details={"model": object()}), "my own gave what no record can hold: .*"),
    "has calls that are none": (giving(3.0, calls=("call",)), "my own gave what no record can hold: .*"),
}


@pytest.mark.parametrize(("judge", "told"), [*WAYS.values(), *VERDICTS.values()], ids=[*WAYS, *VERDICTS])
def test_a_question_that_a_judge_fails_is_unscored_and_says_why(judge, told):
    for (verdict,) in (judged(judge, [SCORE]), examined(judge, [PROBE])):
        assert verdict.value is None
        assert re.fullmatch(told, verdict.reason), verdict.reason


@pytest.mark.parametrize(("judge", "told"), WAYS.values(), ids=WAYS)
def test_so_is_a_pair(judge, told):
    told = told.replace("1 answers", "2 answers").replace("got 2", "got 3")  # both orders are asked for at once
    (duel,) = both_orders(judge, [PAIR])
    assert duel.unscored
    assert re.fullmatch(told, duel.forward.reason), duel.forward.reason


@pytest.mark.parametrize("value", [float("nan"), -1.0, 1.5, "first"])
def test_a_preference_off_its_scale_is_none(value):
    (duel,) = both_orders(Own(lambda asked: [Preference(value, "x") for _ in asked]), [PAIR])
    assert (duel.unscored, duel.winner) == (True, None)


def test_a_judge_of_scores_that_raises_leaves_its_pairs_unscored():
    (duel,) = both_orders(as_pairwise(ScriptedJudge(lambda _: 1 / 0)), [PAIR])
    assert "raised ZeroDivisionError" in duel.forward.reason


def test_a_member_of_a_panel_that_raises_is_named():
    (verdict,) = PanelJudge([ScriptedJudge(3), raising(OSError("no disk"))]).judge([SCORE])
    assert verdict.value is None
    assert "my own raised OSError" in verdict.reason


NO_SCORE = "expected a number from 0 to 5, or None for unscored"
ANSWERS = {
    "a number": (SCORE, 3, 3.0, ""),
    "numpy's": (SCORE, np.float32(2.5), 2.5, ""),
    "yes": (AGREEMENT, True, 1.0, ""),
    "numpy's no": (AGREEMENT, np.bool_(False), 0.0, ""),
    "nothing": (SCORE, None, None, "judge gave no value"),
    "numpy's yes for a score": (SCORE, np.array(True), None, f"judge returned a ndarray; {NO_SCORE}"),
    "a yes for a score": (SCORE, True, None, f"judge returned a bool; {NO_SCORE}"),
    "hardly too much": (SCORE, 5.001, None, f"judge returned 5.001; {NO_SCORE}"),
    "too much": (SCORE, 7, None, f"judge returned 7; {NO_SCORE}"),
    "nan": (SCORE, float("nan"), None, f"judge returned nan; {NO_SCORE}"),
    "words": (SCORE, "3", None, f"judge returned a str; {NO_SCORE}"),
    "half a yes": (AGREEMENT, 0.5, None, "judge returned 0.5; expected True or False, or None for unscored"),
}


@pytest.mark.parametrize(("question", "given", "value", "reason"), ANSWERS.values(), ids=ANSWERS)
def test_a_function_judges_by_a_number_or_leaves_the_question_unscored(question, given, value, reason):
    (verdict,) = judged(FunctionJudge(lambda _: given, "judge"), [question])
    assert (verdict.value, verdict.reason) == (value, reason)


def test_a_function_that_raises_is_asked_once_and_costs_no_other_question_its_answer():
    asked = []

    def moody(question):
        asked.append(question.completion)
        return 2 / len(question.completion)

    questions = [replace(SCORE, completion=words) for words in ("a", "", "b")]
    found = judged(FunctionJudge(moody), questions)
    assert [verdict.value for verdict in found] == [2.0, None, 2.0]
    assert re.fullmatch(r"moody raised ZeroDivisionError at test_asking\.py:\d+: division by zero", found[1].reason)
    assert asked == ["a", "", "b"]


def test_a_function_that_looks_for_tags_has_the_parties_told_of_them(tmp_path, monkeypatch):
    (tmp_path / "tag_judge.py").write_text("def verdict(question):\n    return 1\nverdict.prompts = 'handshake'")
    monkeypatch.syspath_prepend(tmp_path)
    assert [each.name for each in chosen_prompts(None, resolve_judge("function:tag_judge:verdict"))] == ["handshake"]
    sys.modules.pop("tag_judge", None)


def test_a_function_s_prompts_are_a_name():
    def verdict(question):
        return 1

    verdict.prompts = 7
    with pytest.raises(UserError, match=r"verdict\.prompts: expected a prompt set's name, got 7"):
        FunctionJudge(verdict)


def test_a_function_is_a_judge_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "own_judge.py").write_text("def verdict(question):\n    return 1")
    monkeypatch.syspath_prepend(tmp_path)
    judge = resolve_judge("function:own_judge:verdict")
    assert (judge.name, judged(judge, [SCORE])[0].value) == ("function:own_judge:verdict", 1.0)
    sys.modules.pop("own_judge", None)


@pytest.mark.parametrize("value", [0.5, 5.0, 0.1])
def test_an_agreement_that_is_neither_yes_nor_no_is_unscored(value):
    calls = (JudgeCall((), "maybe", usage={"cost": 1.0}),)
    (verdict,) = judged(giving(value, calls=calls), [AGREEMENT])
    assert (verdict.value, verdict.calls) == (None, calls)
    assert "1.0 or 0.0" in verdict.reason


def test_a_share_above_one_is_none():
    assert examined(giving(1.0), [PROBE])[0].value == 1.0
    assert examined(giving(1.5), [PROBE])[0].value is None
    assert examined(giving(1.5), [replace(PROBE, kind=ProbeKind.ACCEPTANCE)])[0].value == 1.5


def test_lists_in_the_place_of_tuples_do_no_harm():
    calls = [JudgeCall([{"role": "user", "content": "?"}], "3")]
    (verdict,) = judged(giving(3.0, calls=calls, details={"seen": {1, 2}, "odd": float("nan")}), [SCORE])
    assert (verdict.value, verdict.reason) == (3.0, "")
    agent = ChatAgent(FakeModel())
    episode = play(Game("g", two_parties(), (agent, agent)), giving(1.0, calls=calls))
    assert Episode.from_json(episode.to_json()).rulings[0].verdict.calls[0].reply == "3"


@pytest.mark.parametrize("value", [3, True, np.float32(3.0), np.float64(3.0), np.int64(3)])
def test_a_number_of_any_kind_becomes_one_that_can_be_recorded(value):
    (verdict,) = judged(giving(value), [SCORE])
    assert type(verdict.value) is float
    assert verdict.value == float(value)


def test_one_question_costs_no_other_its_answer():
    def one_bad(asked):
        if "bad" in [question.completion for question in asked]:
            raise RuntimeError("this one")
        return [Verdict(3.0, "my own") for _ in asked]

    questions = [replace(SCORE, completion=words) for words in ("a", "bad", "b")]
    assert [verdict.value for verdict in judged(Own(one_bad), questions)] == [3.0, None, 3.0]


class Untellable(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UserError("install torch")])
def test_what_is_no_slip_of_the_judge_passes(error):
    with pytest.raises(type(error)):
        judged(raising(error), [SCORE])


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), asyncio.CancelledError(), Untellable()])
def test_a_judge_that_leaves_or_cannot_say_why_leaves_its_question_unscored(error):
    (verdict,) = judged(raising(error), [SCORE])
    assert verdict.value is None
    assert f"raised {type(error).__name__}" in verdict.reason


@pytest.mark.parametrize("judge", [WAYS["quotes a model"][0], giving(3.0, reason="\ud83d")])
def test_the_game_is_recorded_and_read_again(judge):
    agent = ChatAgent(FakeModel())
    episode = play(Game("g", two_parties(), (agent, agent)), judge)
    assert episode.outcome.status == "unscored"
    assert Episode.from_json(episode.to_json()) == episode


MODULE = """
def judge(): return {body}
def agent(): return {body}
"""


@pytest.mark.parametrize("resolve", [resolve_judge, resolve_agent])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("1 / 0", r"python:broken:\w+ raised ZeroDivisionError at broken\.py:\d: division by zero"),
        ("None", r"python:broken:\w+ made a NoneType; expected an? (Judge|Agent) \(name, "),
        ("open('/nowhere/at/all')", "raised FileNotFoundError"),
        ("1\n1 / 0", "python:broken:judge cannot be loaded: it raised ZeroDivisionError|python:broken:agent cannot"),
        ("1\n(", "cannot be loaded: it raised SyntaxError"),
    ],
)
def test_a_factory_that_fails_is_told_in_one_line(tmp_path, monkeypatch, resolve, body, told):
    (tmp_path / "broken.py").write_text(MODULE.format(body=body))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    kind = resolve.__name__.removeprefix("resolve_")
    with pytest.raises(UserError, match=told) as caught:
        resolve(f"python:broken:{kind}")
    assert "\n" not in str(caught.value)
    sys.modules.pop("broken", None)
