import pytest

from negotiation_env import ScriptedJudge, Verdict
from negotiation_env.benchmark.compare import compare, matches
from negotiation_env.benchmark.config import Decoding, Setting
from negotiation_env.events import JudgeCall
from negotiation_env.judges.pairwise import Preference, ScoringPairwise
from tests.benchmark.hand_made import compared, episode, place, question, question_place
from tests.conftest import two_parties


class Length:
    """Prefers the longer answer; says nothing of an empty mind."""

    name = "length"

    def __init__(self):
        self.asked = []

    def compare(self, pairs):
        self.asked.append(len(pairs))
        return [self._preference(pair) for pair in pairs]

    def _preference(self, pair):
        if "?" in pair.first + pair.second:
            return Preference(None, self.name, "cannot tell")
        first, second = len(pair.first), len(pair.second)
        return Preference(0.5 if first == second else float(first > second), self.name)


class FirstPlace(Length):
    def _preference(self, pair):
        return Preference(1.0, self.name)


def pairs_of(found):
    return [(match.first.tags["negotiator"], match.second.tags["negotiator"]) for match in found.values()]


def answered(*answers, scenario=None):
    """Games of a, b, … with themselves over one scenario."""
    return [episode(place(name), scenario, answer=words) for name, words in zip("abcd", answers, strict=False)]


def only(found):
    (match,) = found.values()
    return match


def test_every_two_negotiators_are_compared_once_by_each_objective():
    found = matches(answered("x", "y", "z"), ["quality", "clarity"])
    assert pairs_of(found) == [("a", "b"), ("a", "c"), ("b", "c")] * 2
    assert [match.objective for match in found.values()] == ["quality"] * 3 + ["clarity"] * 3
    assert len({match.id for match in found.values()}) == 6


@pytest.mark.parametrize(
    "other",
    [
        {"decoding": Decoding.SAMPLED},
        {"run": 1},
        {"setting": Setting.MULTI},
    ],
)
def test_what_differs_in_more_than_the_negotiator_is_not_compared(other):
    assert matches([episode(place("a")), episode(place("b", **other))], ["quality"]) == {}
    assert matches([episode(place("a")), episode(place("b"), two_parties("river"))], ["quality"]) == {}


def test_games_against_the_panel_are_not_compared():
    assert matches([episode(place("a", "pushy")), episode(place("b", "pushy"))], ["quality"]) == {}


def test_answers_to_a_question_are_compared():
    episodes = [episode(question_place(name), question()) for name in "ab"]
    assert pairs_of(matches(episodes, ["quality"])) == [("a", "b")]


def test_unscored_games_and_empty_answers_are_not_compared():
    episodes = [episode(place("a")), episode(place("b"), score=None), episode(place("c"), answer="")]
    assert matches(episodes, ["quality"]) == {}


def test_an_answer_counts_whether_or_not_its_parties_agreed():
    assert len(matches([episode(place("a"), agreed=False), episode(place("b"))], ["quality"])) == 1


@pytest.mark.parametrize(("answers", "winner"), [(("long text", "text"), 0), (("a", "bc"), 1), (("ab", "ba"), None)])
def test_the_answer_preferred_in_both_orders_wins(answers, winner):
    (found,) = compare([only(matches(answered(*answers), ["quality"]))], {"quality": Length()})
    assert (found.duel.winner, found.duel.consistent, found.failure) == (winner, True, None)
    assert (found.first, found.second, found.scenario, found.judge) == ("a", "b", "well", "length")
    assert found.place == place("a")


def test_a_judge_that_prefers_a_place_is_inconsistent():
    (found,) = compare([only(matches(answered("x", "y"), ["quality"]))], {"quality": FirstPlace()})
    assert (found.duel.consistent, found.duel.winner, found.failure) == (False, None, None)


def test_where_the_judge_cannot_tell_the_reason_is_kept():
    (found,) = compare([only(matches(answered("x?", "y"), ["quality"]))], {"quality": Length()})
    assert found.failure == "cannot tell"
    assert compared("a", "b", "unsaid").failure == "ill"


def test_each_objective_s_judge_is_asked_once_and_the_answers_keep_their_order():
    length, first = Length(), FirstPlace()
    found = list(matches(answered("x", "yy", "z"), ["length", "first"]).values())
    mixed = [found[each] for each in (3, 0, 4, 1)]
    answers = compare(mixed, {"length": length, "first": first})
    assert [each.id for each in answers] == [match.id for match in mixed]
    assert [each.duel.consistent for each in answers] == [False, True, False, True]
    assert length.asked == first.asked == [4]


def test_a_judge_that_only_scores_is_paid_for_one_call_an_answer():
    class Costly(ScriptedJudge):
        def judge(self, questions):
            calls = [
                JudgeCall(({"role": "user", "content": each.completion},), usage={"cost": 1}) for each in questions
            ]
            return [Verdict(1.0, self.name, calls=(call,)) for call in calls]

    (found,) = compare([only(matches(answered("x", "y"), ["quality"]))], {"quality": ScoringPairwise(Costly())})
    assert [call.messages[0]["content"] for call in found.calls] == ["x", "y"]
