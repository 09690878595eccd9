from dataclasses import replace
from itertools import combinations

import pytest

from negotiation_env import ScriptedJudge
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.errors import JudgeError
from negotiation_env.game.events import JudgeCall
from negotiation_env.judges.forms import Pair
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings
from negotiation_env.judges.pairwise import Preference, ScoringPairwise, both_orders, win_rate
from tests.conftest import two_parties
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply

LONG, SHORT = "A long and careful plan for the well.", "A plan."


def duel(reply, first=LONG, second=SHORT):
    with EndpointServer(reply) as server:
        judge = LLMJudge(Endpoint(EndpointSettings("m", server.url)), settings=LLMJudgeSettings(attempts=1))
        return both_orders(judge, [Pair(two_parties(), first, second)])[0]


def always(better):
    return f'{{"first": "plan", "second": "plan", "reason": "", "better": "{better}"}}'


def test_what_is_better_in_both_orders_wins():
    assert (duel(judge_reply).winner, duel(judge_reply, SHORT, LONG).winner) == (0, 1)


def test_a_judge_that_prefers_a_place_counts_for_neither():
    found = duel(lambda _: always("first"))
    assert (found.consistent, found.winner, found.unscored) == (False, None, False)


def test_a_tie_in_both_orders_is_consistent_and_no_win():
    found = duel(lambda _: always("tie"))
    assert (found.consistent, found.winner) == (True, None)


@pytest.mark.parametrize(
    "reply", ["The first.", '{"first": "no such words", "second": "", "reason": "", "better": "first"}']
)
def test_what_cannot_be_read_is_unscored(reply):
    assert duel(lambda _: reply).unscored


def test_a_win_rate_is_over_counted_pairs_and_tells_the_others():
    duels = [duel(judge_reply)] * 3 + [duel(judge_reply, SHORT, LONG)] + [duel(lambda _: always("first"))] * 2
    duels += [duel(lambda _: always("tie")), duel(lambda _: "?")]
    found = win_rate(duels)
    assert (found.wins, found.losses, found.ties, found.inconsistent, found.unscored) == (3, 1, 1, 2, 1)
    assert found.rate.value == pytest.approx(0.75)
    assert found.inconsistent_share == pytest.approx(2 / 7)


def test_any_judge_that_scores_can_compare():
    judge = ScoringPairwise(ScriptedJudge(lambda question: min(5.0, len(question.completion) / 10)), margin=0.1)
    pairs = [Pair(two_parties(), LONG, SHORT), Pair(two_parties(), SHORT, LONG), Pair(two_parties(), SHORT, SHORT)]
    assert [found.winner for found in both_orders(judge, pairs)] == [0, 1, None]
    assert ScoringPairwise(ScriptedJudge(None)).compare(pairs)[0].value is None


def test_a_judge_of_scores_is_asked_in_one_order_and_has_no_share_of_disagreement():
    judge = ScriptedJudge(lambda question: min(5.0, len(question.completion) / 10))
    duels = both_orders(ScoringPairwise(judge), [Pair(two_parties(), LONG, SHORT), Pair(two_parties(), SHORT, SHORT)])
    assert [(found.ordered, found.consistent, found.winner) for found in duels] == [
        (False, True, 0),
        (False, True, None),
    ]
    assert judge.calls == [2]
    assert win_rate(duels).inconsistent_share is None
    mixed = win_rate([*duels, duel(lambda _: always("first"))])
    assert (mixed.inconsistent, mixed.inconsistent_share) == (1, 1.0)


def test_the_calls_behind_an_answers_score_are_told_once():
    class Paying(ScriptedJudge):
        def judge(self, questions):
            calls = [(JudgeCall((), question.completion),) for question in questions]
            return [replace(each, calls=call) for each, call in zip(super().judge(questions), calls, strict=True)]

    answers = ("One.", "Two.", "Three.")
    found = both_orders(ScoringPairwise(Paying()), [Pair(two_parties(), *each) for each in combinations(answers, 2)])
    told = [call.reply for each in found for call in (*each.forward.calls, *each.backward.calls)]
    assert told == ["One.", "Two.", "Three."]


class Broken:
    name = "broken"

    def judge(self, questions):
        raise JudgeError("out of order")

    def compare(self, pairs):
        raise JudgeError("out of order")


@pytest.mark.parametrize("judge", [Broken(), ScoringPairwise(Broken())], ids=["compares", "scores"])
def test_a_judge_that_fails_as_a_whole_leaves_all_pairs_unscored(judge):
    duels = both_orders(judge, [Pair(two_parties(), LONG, SHORT)] * 2)
    assert [(found.unscored, found.forward.reason) for found in duels] == [(True, "out of order")] * 2


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_preference_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match="expected a value from 0 to 1, or None for unscored"):
        Preference(value, "a judge")
