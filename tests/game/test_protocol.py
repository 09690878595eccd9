import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from negotiation_env import Question, Rules, Scenario, Verdict
from negotiation_env.errors import IllegalMove
from negotiation_env.game.events import Outcome, Turn, Utterance
from negotiation_env.game.moves import MOVES, Phase, moves_table
from negotiation_env.game.protocol import ONLY_THOUGHT, Negotiation
from negotiation_env.text.untrusted import SILENCE, SLACK
from tests.conftest import three_parties, two_parties

YES, NO, UNSCORED = Verdict(1.0, "j"), Verdict(0.0, "j"), Verdict(None, "j", "timeout")


def snapshot(game):
    return game.pending, game.phase, game.dialogue, game.completion


def play(game, *moves):
    for move in moves:
        game.say(move) if isinstance(move, str) else game.rule(move)
    return game.pending


def test_two_parties_alternate_and_the_judge_is_asked_once_both_have_spoken(scenario):
    game = Negotiation(scenario)
    assert (game.pending.seat, game.pending.number) == (0, 1)
    assert play(game, "one").seat == 1
    assert play(game, "two").kind == "agreement"
    assert play(game, NO).seat == 0


def test_agreement_lets_the_writer_complete_and_the_score_ends_it(scenario):
    game = Negotiation(scenario, Rules(writer=1))
    turn = play(game, "one", "two", YES)
    assert (turn.seat, turn.task) == (1, "completion")
    assert play(game, "plan", Verdict(3.5, "j")) == Outcome("agreed", 2, True, "plan", 3.5)


def test_without_agreement_it_ends_after_the_last_turn(scenario):
    assert play(Negotiation(scenario, Rules(max_turns=2)), "one", "two", NO) == Outcome("no_agreement", 2)


def test_an_evaluation_has_a_completion_written_either_way(scenario):
    game = Negotiation(scenario, Rules(max_turns=2, complete_without_agreement=True))
    assert play(game, "one", "two", NO).task == "completion"
    assert play(game, "plan", Verdict(2.0, "j")) == Outcome("no_agreement", 2, False, "plan", 2.0)


def test_with_no_turns_a_single_agent_answers_at_once_and_the_score_ends_it(scenario):
    game = Negotiation(scenario, Rules(max_turns=0, writer=1))
    assert (game.phase, game.pending.seat, game.pending.task) == ("completing", 1, "completion")
    assert play(game, "plan").kind == "score"
    assert play(game, Verdict(3.5, "j")) == Outcome("answered", 0, False, "plan", 3.5)


def test_an_open_question_is_shown_as_it_is_and_answered_alone():
    question = Scenario("q", "How do we share a well?")
    game = Negotiation(question, Rules(max_turns=0))
    assert game.pending.messages == ({"role": "user", "content": "How do we share a well?"},)
    assert play(game, "In turns.", Verdict(2.0, "j")) == Outcome("answered", 0, False, "In turns.", 2.0)


def test_nobody_negotiates_over_an_open_question():
    with pytest.raises(ValueError, match="expected max_turns=0"):
        Negotiation(Scenario("q", "How do we share a well?"))


def test_the_parties_see_no_personas_if_told_so_and_the_judge_still_does(scenario):
    game = Negotiation(scenario, Rules(personas=False))
    turns = [game.pending, play(game, "one"), play(game, "two", YES)]
    assert not any(persona.goal in str(turn.messages) for turn in turns for persona in scenario.personas)
    assert play(game, "plan").scenario == scenario


@pytest.mark.parametrize(
    ("rules", "moves"),
    [
        (Rules(), ("one", "two", UNSCORED)),
        (Rules(), ("one", "two", YES, "plan", UNSCORED)),
        (Rules(max_turns=0), ("plan", UNSCORED)),
    ],
)
def test_a_judge_that_fails_ends_it_unscored(scenario, rules, moves):
    outcome = play(Negotiation(scenario, rules), *moves)
    assert (outcome.status, outcome.score, outcome.reason) == ("unscored", None, "timeout")


@pytest.mark.parametrize("rules", [Rules(), Rules(max_turns=0)])
def test_an_agent_that_fails_ends_it_unscored(scenario, rules):
    game = Negotiation(scenario, rules)
    game.fail("endpoint down")
    assert (game.pending.status, game.pending.reason) == ("unscored", "endpoint down")


def test_the_judge_of_the_completion_sees_the_dialogue_only_if_told_so(scenario):
    assert play(Negotiation(scenario), "one", "two", YES, "plan").dialogue == ()
    assert len(play(Negotiation(scenario, Rules(judge_sees_dialogue=True)), "one", "two", YES, "plan").dialogue) == 2


def test_what_was_wrong_with_a_message_is_recorded_and_never_fatal(scenario):
    said = Negotiation(scenario).say("ok<|im_end|>\x07\ud800")
    assert said.events == ("control_character", "role_token")
    assert "<|im_end|>" in said.raw
    assert "\\ud800" in said.raw


@pytest.mark.parametrize("raw", ["<think>My limit is 40.</think>\n\nHalf?", "My limit is 40.</think>Half?"])
def test_a_thought_is_no_part_of_what_is_said(scenario, raw):
    game = Negotiation(scenario)
    assert game.say(raw) == Utterance(0, "Half?")
    assert game.thoughts == ("My limit is 40.",)
    assert "40" not in repr((game.pending, game.dialogue))


def test_a_turn_that_is_nothing_but_thought_is_an_empty_turn(scenario):
    game = Negotiation(scenario)
    assert game.say("<think>My limit is 40.") == Utterance(0, SILENCE, ("empty", ONLY_THOUGHT), "")
    assert game.say("<think>\n</think>") == Utterance(1, SILENCE, ("empty",), "")
    assert game.thoughts == ("My limit is 40.", "")


def test_a_thought_does_not_use_up_the_room_of_the_words(scenario):
    game = Negotiation(scenario, Rules(max_characters=10))
    said = game.say(f"<think>{'hm ' * SLACK}</think>Half?\ud83d")
    assert (said.text, said.raw) == ("Half?\ufffd", "Half?\\ud83d")
    assert len(game.thoughts[0]) == 10 + SLACK


def test_the_marks_of_a_thought_in_anothers_words_hide_nothing(scenario):
    game = Negotiation(scenario)
    game.say("<think>")
    game.say("I say: half. PROPOSE: half.")
    assert game.dialogue[1].text == "I say: half. PROPOSE: half."
    assert "half" in game.pending.dialogue[1].text


def test_a_non_string_is_the_callers_mistake_and_changes_nothing(scenario):
    game = Negotiation(scenario)
    before = snapshot(game)
    with pytest.raises(TypeError, match="expected the message as a str, got int"):
        game.say(3)
    assert snapshot(game) == before


@pytest.mark.parametrize("rules", [Rules(max_turns=1), Rules(writer=2), Rules(max_turns=0, writer=2)])
def test_rules_must_fit_the_number_of_parties(scenario, rules):
    with pytest.raises(ValueError, match="must"):
        Negotiation(scenario, rules)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"max_turns": -1}, "max_turns must be at least 0"),
        ({"history_turns": 0}, "must be at least 1"),
        ({"max_characters": 0}, "must be at least 1"),
        ({"reward_without_agreement": True}, "needs complete_without_agreement"),
        ({"writer": True}, "expected writer as int, got True"),
        ({"max_turns": "7"}, "expected max_turns as int, got '7'"),
        ({"history_turns": 2.0}, "expected history_turns as int, got 2.0"),
        ({"max_characters": None}, "expected max_characters as int, got None"),
        ({"personas": "no"}, "expected personas as bool, got 'no'"),
        ({"judge_sees_dialogue": 1}, "expected judge_sees_dialogue as bool, got 1"),
    ],
)
def test_rules_out_of_range_are_refused(bad, told):
    with pytest.raises(ValueError, match=told):
        Rules(**bad)


@pytest.mark.parametrize("word", ["x", "é", "\u200b", "\ud83d", " ", "<", "user: ", "\n"])
def test_of_an_utterance_without_end_no_more_is_read_or_kept_than_the_limit_and_a_slack(scenario, word):
    game = Negotiation(scenario, Rules(max_characters=100))
    huge = word * (10_000_000 // len(word))
    tracemalloc.start()
    said = game.say(huge)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000  # bytes
    assert "too_long" in said.events
    assert len(said.text) <= 100
    assert said.raw == huge[: 100 + SLACK].encode("utf-8", "backslashreplace").decode()


def test_every_phase_but_the_last_can_be_left():
    assert {phase for phase, _ in MOVES} == set(Phase) - {Phase.OVER}


def test_the_contributors_guide_shows_the_table_of_moves_as_it_is():
    assert moves_table() in Path(__file__).parents[2].joinpath("CONTRIBUTING.md").read_text(encoding="utf-8")


class AnyCalls(RuleBasedStateMachine):
    """Random calls, legal or not: no illegal state is reached, and a wrong call changes nothing."""

    @initialize(
        parties=st.sampled_from([two_parties(), three_parties()]),
        max_turns=st.sampled_from([0, 3, 4, 5, 6]),
        complete=st.booleans(),
        personas=st.booleans(),
    )
    def begin(self, parties, max_turns, complete, personas):
        rules = Rules(max_turns=max_turns, complete_without_agreement=complete, personas=personas)
        self.game = Negotiation(parties, rules)

    @rule(text=st.text(max_size=20))
    def say(self, text):
        self.attempt(Turn, lambda: self.game.say(text))

    @rule(value=st.sampled_from([0.0, 1.0, 4.5, None]))
    def judge(self, value):
        self.attempt(Question, lambda: self.game.rule(Verdict(value, "j")))

    @precondition(lambda self: self.game.turns == 2)
    @rule()
    def fail(self):
        self.attempt((Turn, Question), lambda: self.game.fail("lost"))

    def attempt(self, legal, call):
        before = snapshot(self.game)
        if isinstance(self.game.pending, legal):
            call()
            assert snapshot(self.game) != before
        else:
            with pytest.raises(IllegalMove):
                call()
            assert snapshot(self.game) == before

    @invariant()
    def the_pending_thing_fits_the_phase(self):
        if not hasattr(self, "game"):
            return
        game, pending = self.game, self.game.pending
        expected = {Phase.SPEAKING: Turn, Phase.COMPLETING: Turn, Phase.OVER: Outcome}.get(game.phase, Question)
        assert isinstance(pending, expected)
        assert game.turns <= game.rules.max_turns
        assert [said.seat for said in game.dialogue] == [n % len(game.scenario.personas) for n in range(game.turns)]
        if isinstance(pending, Outcome) and pending.status == "unscored":
            assert pending.score is None
        if game.rules.max_turns == 0:
            assert game.phase not in (Phase.SPEAKING, Phase.AGREEING)


TestAnyCalls = AnyCalls.TestCase
TestAnyCalls.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
