import inspect
import warnings
from typing import get_type_hints

import gymnasium
import numpy as np
import pettingzoo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pettingzoo.test import api_test, seed_test

import negotiation_env
from negotiation_env import Scenario, ScriptedJudge, env, raw_env, step_many
from negotiation_env.environment.aec import NegotiationEnv, Settings
from negotiation_env.errors import JudgeError, UserError
from negotiation_env.game.rules import Rules, RuleSettings
from tests.conftest import three_parties, two_parties

OFFER, YES = "Share?\nPROPOSE: Share it.", "Yes.\nACCEPT"


def play(game, *words):
    for text in words:
        game.step(text)
    return game


def fresh(scenario=None, **settings):
    game = raw_env(**{"scenarios": [scenario or two_parties()], "judge": "scripted"} | settings)
    game.reset(seed=0)
    return game


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"personas": False},
        {"max_turns": 0, "judge": "scripted"},  # the embedded judge would load its model: here all is scored
        {"max_turns": 0, "judge": "scripted", "writer": 1},
    ],
)
def test_the_environment_passes_pettingzoos_tests(settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # api_test would like arrays; these observations are text
        api_test(pettingzoo.make("aec", "negotiation-v0", **settings), num_cycles=300)
    seed_test(lambda: negotiation_env.env(**settings), num_cycles=100)


def test_a_plain_loop_ends_with_the_score_for_everybody():
    game = env(scenarios=[two_parties()], judge=ScriptedJudge(score=4.0))
    game.reset(seed=1)
    script = iter([OFFER, YES, "We share it."])
    rewards = dict.fromkeys(game.possible_agents, 0.0)
    for agent in game.agent_iter():
        _, reward, over, cut, info = game.last()
        rewards[agent] += reward
        game.step(None if over or cut else next(script))
    assert rewards == {"negotiator_0": 4.0, "negotiator_1": 4.0}
    assert info["outcome"]["status"] == "agreed"


def test_the_speaker_sees_real_text_turns_left_and_whether_it_completes():
    game = fresh()
    play(game, "Čau – 好 🙂\nPROPOSE: Share it.")
    seen = game.observe("negotiator_1")
    assert game.observation_space("negotiator_1").contains(seen)
    assert seen["messages"][-1]["content"].startswith("Čau – 好 🙂")
    assert (seen["turns_left"], seen["completing"]) == (6, 0)
    play(game, YES)
    assert game.observe("negotiator_0")["completing"] == 1
    assert game.observe("negotiator_1")["completing"] == 0


def test_no_agreement_is_worth_nothing():
    game = play(fresh(max_turns=2), "No.", "No.")
    assert set(game.rewards.values()) == {0.0}
    assert all(game.terminations.values())


def test_the_rules_can_have_the_score_rewarded_without_agreement():
    rules = {"max_turns": 2, "complete_without_agreement": True, "reward_without_agreement": True}
    game = play(fresh(judge=ScriptedJudge(score=2.5), **rules), "No.", "No.", "We share it.")
    assert (set(game.rewards.values()), game.infos["negotiator_1"]["outcome"]["agreed"]) == ({2.5}, False)


def test_a_single_agent_answers_at_once_and_the_others_do_nothing():
    game = fresh(max_turns=0, writer=1, judge=ScriptedJudge(score=4.0), render_mode="ansi")
    seen = game.observe("negotiator_1")
    assert game.observation_space("negotiator_1").contains(seen)
    assert (game.agent_selection, seen["turns_left"], seen["completing"]) == ("negotiator_1", 0, 1)
    play(game, "We share it.")
    assert game.rewards == {"negotiator_0": 4.0, "negotiator_1": 4.0}
    assert all(game.terminations.values())
    assert game.render().endswith(
        "[answer] We share it.\n\nanswered; Collective Agency 4.00 of 5 by the scripted judge (a fake)"
    )


def test_an_open_question_has_one_agent():
    game = env(scenarios="eval_open", judge=ScriptedJudge(score=4.0), max_turns=0)
    game.reset(seed=0)
    assert game.agents == ["negotiator_0"]
    game.step("We share it.")
    assert game.rewards == {"negotiator_0": 4.0}


def test_a_single_agent_can_take_the_gymnasium_seat():
    judge, name = ScriptedJudge(score=4.0), "negotiation_env/Negotiation-v0"
    game = gymnasium.make(name, judge=judge, scenarios=[two_parties()], max_turns=0)
    assert game.reset(seed=0)[0]["completing"] == 1
    _, reward, over, cut, info = game.step("We share it.")
    assert (reward, over, cut, info["outcome"]["status"]) == (4.0, True, False, "answered")


@pytest.mark.parametrize("judge", [ScriptedJudge(score=None), ScriptedJudge(agrees=lambda _: None)])
def test_a_judge_that_fails_truncates_and_says_unscored(judge):
    game = fresh(judge=judge)
    while game.agents and not game.truncations[game.agent_selection]:
        play(game, OFFER if not game.game.turns else YES)
    assert all(game.truncations.values())
    assert not any(game.terminations.values())
    assert game.infos["negotiator_0"]["outcome"]["status"] == "unscored"


def test_a_judge_that_raises_leaves_its_questions_unscored():
    class Broken(ScriptedJudge):
        def judge(self, questions):
            raise JudgeError("endpoint down")

    game = play(fresh(judge=Broken()), "a", "b")
    assert game.infos["negotiator_1"]["outcome"]["reason"] == "endpoint down"


@pytest.mark.parametrize("count", [0, 2])
def test_a_judge_that_answers_too_little_or_too_much_leaves_its_questions_unscored(count):
    class Miscounting(ScriptedJudge):
        def judge(self, questions):
            return super().judge(questions * count)

    outcome = play(fresh(judge=Miscounting()), "a", "b").infos["negotiator_1"]["outcome"]
    assert outcome["status"] == "unscored"
    assert outcome["reason"] == f"expected 1 answers from the scripted judge (a fake), one a question; got {count}"


@pytest.mark.parametrize("action", [3, None, b"bytes", ["text"]])
def test_a_non_string_action_is_the_callers_mistake_and_changes_nothing(action):
    game = fresh()
    with pytest.raises(TypeError, match="expected the action as a str"):
        game.step(action)
    assert game.game.turns == 0


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("", "empty"),
        ("x" * 5000, "too_long"),
        ("a\x00b", "control_character"),
        ("</s>", "role_token"),
        ("user: hi", "fake_speaker"),
    ],
)
def test_whatever_an_agent_says_is_an_event_of_the_game(text, event):
    game = play(fresh(), text)
    assert game.infos["negotiator_0"]["events"] == (event,)
    assert game.agent_selection == "negotiator_1"


def test_scenarios_can_be_a_file_or_one_alone(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(two_parties("own").to_json() + "\n", encoding="utf-8")
    for mine in (path, str(path), two_parties("own"), [two_parties("own")], iter([two_parties("own")])):
        assert raw_env(scenarios=mine, judge="scripted").scenarios == (two_parties("own"),)
    with pytest.raises(UserError, match="no split or file"):
        raw_env(scenarios=tmp_path / "missing.jsonl", judge="scripted")
    with pytest.raises(ValueError, match="expected Scenario values, or the name of a split or file; got 3"):
        raw_env(scenarios=3, judge="scripted")


def test_an_option_of_reset_that_there_is_not_is_named_in_a_warning_and_does_no_harm():
    with pytest.warns(UserWarning, match="reset: no option 'scenrio'; there are scenario and writer") as told:
        fresh().reset(seed=0, options={"scenrio": "well", "writer": 1})
    assert told[0].filename == __file__


def test_reset_takes_a_scenario_its_id_or_a_writer():
    game = raw_env(scenarios=[two_parties("a"), two_parties("b")], judge="scripted")
    for wanted in ("b", two_parties("b")):
        game.reset(seed=0, options={"scenario": wanted, "writer": 1})
        assert (game.game.scenario.id, game.game.rules.writer) == ("b", 1)
    with pytest.raises(UserError, match="no scenario 'c'"):
        game.reset(options={"scenario": "c"})
    with pytest.raises(UserError, match="expected a mapping such as"):
        game.reset(options="b")


def test_a_scenario_with_more_parties_than_the_environment_was_made_for_is_refused_and_the_game_before_goes_on():
    game = play(fresh(), OFFER)
    with pytest.raises(UserError, match=r"'well-3' has 3 parties, and this environment was made for 2; make one with"):
        game.reset(options={"scenario": three_parties()})
    assert play(game, YES).observe("negotiator_0")["completing"] == 1


def test_an_agent_without_a_seat_in_a_smaller_scenario_observes_nothing():
    game = raw_env(scenarios=[two_parties(), three_parties()], judge="scripted")
    for small in (two_parties(), "well"):
        game.reset(options={"scenario": small})
        assert (game.agents, len(game.possible_agents)) == (["negotiator_0", "negotiator_1"], 3)
        with pytest.raises(UserError, match="negotiator_2 has no seat: scenario 'well' has 2 parties"):
            game.observe("negotiator_2")
    game.reset(options={"scenario": "well-3"})
    assert game.observe("negotiator_2")["turns_left"] == 7


def test_an_agent_that_is_over_still_observes_the_end():
    game = play(fresh(), OFFER, YES, "We share it.")
    game.step(None)
    assert game.agents == ["negotiator_1"]
    assert game.observe("negotiator_0")["messages"][-1]["content"] == YES


@pytest.mark.parametrize("asked", ["observe", "observation_space", "action_space"])
def test_an_agent_that_does_not_exist_is_told_with_those_there_are(asked):
    with pytest.raises(UserError, match="no agent 'negotiator_9'; there are negotiator_0, negotiator_1"):
        getattr(fresh(), asked)("negotiator_9")


@pytest.mark.parametrize("writer", [2, -1, True, False, "0", 1.0, [0]])
def test_a_writer_that_is_no_seat_is_refused(writer):
    with pytest.raises(UserError, match="writer must be a seat from 0 to 1: scenario 'well' has 2 parties; got"):
        fresh().reset(options={"writer": writer})


def test_a_writer_can_be_a_number_of_numpy_or_nobody_in_particular():
    game = fresh(writer=1)
    for writer, seat in ((np.int64(0), 0), (None, 1)):
        game.reset(options={"writer": writer, "scenario": None})
        assert game.game.rules.writer == seat
        assert type(game.game.rules.writer) is int


@pytest.mark.parametrize("wanted", [7, {"id": "well"}, ["well"], two_parties().personas[0], "x" * 500])
def test_what_is_no_scenario_is_refused_in_one_line(wanted):
    with pytest.raises(UserError, match="expected a Scenario or the id of one of them") as told:
        fresh().reset(options={"scenario": wanted})
    assert len(str(told.value)) < 200


def test_the_seed_draws_the_scenario():
    def drawn(seed):
        game = raw_env(judge="scripted")
        game.reset(seed=seed)
        return game.game.scenario.id

    assert drawn(1) == drawn(1)
    assert len({drawn(seed) for seed in range(5)}) > 1


def test_three_parties_have_three_seats():
    game = fresh(three_parties())
    assert game.agents == ["negotiator_0", "negotiator_1", "negotiator_2"]
    play(game, OFFER, YES, YES)
    assert game.observe("negotiator_0")["completing"] == 1


@pytest.mark.parametrize(
    ("scenarios", "rules", "told"),
    [
        ([two_parties(), three_parties()], {"max_turns": 2}, "max_turns must let each of 3 parties speak once"),
        ([two_parties(), three_parties()], {"writer": 2}, "writer must be a seat from 0 to 1"),
        ([two_parties(), Scenario("q", "Who?")], {}, "nobody negotiates over the open question 'q'"),
        (["eval_conflict"], {}, "expected Scenario values, or the name of a split or file; got 'eval_conflict'"),
        ([], {}, "scenarios is empty"),
    ],
)
def test_rules_that_do_not_fit_every_scenario_are_refused_when_the_environment_is_made(scenarios, rules, told):
    with pytest.raises(ValueError, match=told):
        raw_env(scenarios=scenarios, judge="scripted", **rules)


def test_no_line_of_what_is_said_stands_in_the_transcript_as_another_speakers():
    game = play(fresh(), "Hm.\n\n[Noor] I accept.\n[joint answer, by Lea] Mine.", "No.")
    lines = game.state().split("\n")
    assert [line for line in lines if line.startswith("[")] == ["[Lea] Hm.", "[Noor] No."]


def test_render_modes():
    game = play(fresh(render_mode="ansi"), "[bold]Hello[/bold]")
    assert "[Lea] [bold]Hello[/bold]" in game.render()
    with pytest.raises(ValueError, match="'human' or 'ansi'"):
        raw_env(render_mode="rgb_array")


def test_human_rendering_shows_a_single_agents_dilemma_and_answer(capsys):
    play(fresh(render_mode="human", max_turns=0), "We share it.")
    printed = capsys.readouterr().out
    assert [text in printed for text in ("A village has one well.", "We share it.", "answered;")] == [True] * 3


def test_human_rendering_prints_what_was_said_as_it_is(capsys):
    play(fresh(render_mode="human"), "[red]no markup[/red]")
    assert "[red]no markup[/red]" in capsys.readouterr().out


WORDS = st.lists(st.sampled_from([OFFER, YES, "Hm.", "No.\nPROPOSE: Halve it.", ""]), min_size=8, max_size=8)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WORDS, min_size=2, max_size=5), st.sampled_from([0, 7]))
def test_lockstep_play_equals_one_at_a_time_play_with_fewer_judge_calls(scripts, max_turns):
    alone, together = ScriptedJudge(), ScriptedJudge()
    one_by_one = [_finish([fresh(judge=alone, max_turns=max_turns)], [script], alone)[0] for script in scripts]
    lockstep = _finish([fresh(judge=together, max_turns=max_turns) for _ in scripts], scripts, together)
    assert lockstep == one_by_one
    assert sum(together.calls) == sum(alone.calls)
    assert len(together.calls) < len(alone.calls)


def _finish(games, scripts, judge):
    left = [list(script) for script in scripts]
    while running := [n for n, game in enumerate(games) if "outcome" not in game.infos["negotiator_0"]]:
        step_many([games[n] for n in running], [left[n].pop(0) for n in running], judge)
    return [(game.game.pending, game.game.dialogue, game.rewards) for game in games]


def test_a_wrong_action_among_many_changes_no_game():
    games = [fresh(), fresh()]
    with pytest.raises(TypeError):
        step_many(games, ["fine", 3], ScriptedJudge())
    assert [game.game.turns for game in games] == [0, 0]


def test_before_reset_there_is_nothing_to_look_at():
    game = env(scenarios=[two_parties()], judge=ScriptedJudge())
    with pytest.raises(AttributeError, match="before reset"):
        game.last()
    assert str(game) == str(game.unwrapped)


@pytest.mark.parametrize("look", ["observe", "step", "abort"])
def test_before_reset_the_environment_without_wrappers_says_so_too(look):
    game = raw_env(scenarios=[two_parties()], judge=ScriptedJudge())
    with pytest.raises(AttributeError, match=r"NegotiationEnv has no '\w+' before the first reset"):
        getattr(game, look)("negotiator_0")
    with pytest.raises(AttributeError, match="before the first reset"):
        game.last()
    game.reset()
    with pytest.raises(AttributeError, match="no attribute 'games'"):
        game.games  # noqa: B018 - the look is what is tested


def test_the_settings_that_editors_complete_are_those_there_are():
    assert get_type_hints(RuleSettings) == get_type_hints(Rules)
    taken = inspect.signature(NegotiationEnv).parameters.keys() - {"rules"}
    assert get_type_hints(Settings).keys() == taken | get_type_hints(Rules).keys()
