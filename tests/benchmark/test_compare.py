import pytest

from negotiation_env import ScriptedJudge, Verdict
from negotiation_env.benchmark.compare import compare, not_played
from negotiation_env.benchmark.compare import matches as matches_of
from negotiation_env.benchmark.config import Comparison, Decoding, Setting
from negotiation_env.benchmark.plan import Planned, place_of
from negotiation_env.game.events import JudgeCall
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


def matches(episodes, names, judge="length", settings=tuple(Setting)):
    """Of a plan of just these games."""
    games = [Planned(place_of(each), each.scenario) for each in episodes]
    objectives = {name: Comparison("a spec", settings) for name in names}
    return matches_of(games, {each.id: each for each in episodes}, objectives, dict.fromkeys(names, judge))


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


def test_of_unscored_games_and_empty_answers_only_the_match_is_known():
    episodes = [episode(place("a")), episode(place("b"), score=None), episode(place("c"), answer="")]
    found = matches(episodes, ["quality"])
    assert [match.played for match in found.values()] == [False, False, False]
    first, *_ = (not_played(match) for match in found.values())
    assert (first.first, first.second, first.duel, first.failure, first.calls) == ("a", "b", None, "not played", ())


def test_who_plays_as_it_is_meets_every_decoding_and_run_of_the_others_and_another_such_one_once():
    model = [place("a", decoding=decoding, run=run) for decoding in Decoding for run in (0, 1)]
    script, other = place("b", decoding=None, run=None), place("c", decoding=None, run=None)
    found = matches([episode(where) for where in (*model, script, other)], ["quality"])
    assert pairs_of(found) == [("a", "b"), ("a", "c")] * 4 + [("b", "c")]
    assert [match.place for match in found.values()][::2] == [*model, script]


def test_a_match_with_who_plays_as_it_is_stands_where_the_other_one_does():
    games = [episode(place("b", decoding=None, run=None)), episode(place("a", decoding=Decoding.SAMPLED, run=1))]
    assert only(matches(games, ["quality"])).place == place("b", decoding=Decoding.SAMPLED, run=1)


def test_an_objective_is_compared_in_its_settings_only():
    episodes = [episode(place(name)) for name in "ab"] + [episode(question_place(name), question()) for name in "ab"]
    assert len(matches(episodes, ["quality"])) == 2
    (found,) = matches(episodes, ["quality"], settings=(Setting.CONFLICT, Setting.MULTI)).values()
    assert found.place.setting is Setting.CONFLICT


def test_an_answer_is_about_the_judge_and_both_texts():
    said = only(matches(answered("x", "y"), ["quality"])).subject_digest
    assert said == only(matches(answered("x", "y"), ["quality"])).subject_digest
    others = [(answered("x", "z"), "length"), (answered("z", "y"), "length"), (answered("x", "y"), "another")]
    assert len({only(matches(games, ["quality"], judge)).subject_digest for games, judge in others} | {said}) == 4
    assert compare([only(matches(answered("x", "y"), ["quality"]))], {"quality": Length()})[0].subject_digest == said


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
