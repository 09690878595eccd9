"""A PettingZoo wrapper acts the same in a loop of one's own, in `step_many`, in `play_many` and in an evaluation."""

import os
import re
from pathlib import Path

import pytest
from pettingzoo.utils import BaseWrapper

import negotiation_env
from negotiation_env.agents.functions import FunctionAgent
from negotiation_env.environment.aec import NegotiationEnv, env, raw_env
from negotiation_env.environment.episode import read_episodes
from negotiation_env.environment.stepping import step_many
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.run_folder import EPISODES
from negotiation_env.episodes.runner import Game, play, play_many
from negotiation_env.errors import UserError
from negotiation_env.judges.scripted import ScriptedJudge
from tests.conftest import two_parties


class Polite(BaseWrapper):
    """Changes what is said."""

    def step(self, action):
        super().step(action if action is None else f"Please. {action}")


class Rude(NegotiationEnv):
    """Changes it without a wrapper."""

    def step(self, action):
        super().step(action if action is None else f"Now! {action}")


class Deaf(BaseWrapper):
    """Changes what is seen."""

    def observe(self, agent):
        seen = super().observe(agent)
        return seen | {"messages": [*seen["messages"][:-1], {"role": "user", "content": "…"}]}


def made(wrap, judge):
    game = wrap(raw_env(scenarios=[two_parties()], judge=judge, max_turns=4))
    game.reset(seed=0)
    return game


def said(game):
    return [turn.text for turn in game.unwrapped.game.dialogue]


WRAPS = {
    "changes actions": (Polite, "Please. Hm."),
    "inside the order checks": (lambda game: env_around(Polite(game)), "Please. Hm."),
    "around the order checks": (lambda game: Polite(env_around(game)), "Please. Hm."),
    "twice": (lambda game: Polite(Polite(game)), "Please. Please. Hm."),
    "changes nothing": (BaseWrapper, "Hm."),
    "none": (lambda game: game, "Hm."),
}


def env_around(game):
    return type(env(scenarios=[two_parties()], judge="scripted"))(game)


@pytest.mark.parametrize(("wrap", "words"), WRAPS.values(), ids=WRAPS)
def test_a_wrapper_acts_the_same_wherever_a_game_is_stepped(wrap, words, tmp_path):
    judge, agent = ScriptedJudge(), FunctionAgent(lambda _: "Hm.")
    stepped, many = made(wrap, judge), made(wrap, judge)
    for _ in range(4):
        stepped.step("Hm.")
        step_many([many], ["Hm."], judge)
    played = play(Game("g", two_parties(), (agent, agent)), judge, wrap=wrap, max_turns=4)
    aside = next(play_many([Game("g", two_parties(), (agent, agent))], judge, workers=2, wrap=wrap, max_turns=4))
    evaluate([agent], judge, [two_parties()], tmp_path, wrap=wrap, max_turns=4)
    (evaluated,) = read_episodes(tmp_path / EPISODES)
    dialogues = [[each.text for each in game.dialogue] for game in (played, aside, evaluated)]
    assert [said(stepped), said(many), *dialogues] == [[words] * 4] * 5


def test_a_subclass_with_a_step_of_its_own_is_stepped_through_it():
    game = Rude(scenarios=[two_parties()], judge=ScriptedJudge())
    game.reset(seed=0)
    step_many([game], ["Hm."], game.judge)
    assert said(game) == ["Now! Hm."]


def test_as_many_actions_as_environments_are_needed_and_nothing_happens_else():
    games = [made(BaseWrapper, ScriptedJudge()) for _ in range(3)]
    with pytest.raises(ValueError, match="expected 3 actions, one for each environment; got 2"):
        step_many(games, ["Hm."] * 2, ScriptedJudge())
    assert [said(game) for game in games] == [[]] * 3


def test_games_without_a_step_of_their_own_are_judged_together_beside_those_with_one():
    judge = ScriptedJudge()
    games = [made(wrap, judge) for wrap in (Polite, BaseWrapper, env_around, Polite)]
    for _ in range(2):
        step_many(games, ["Hm."] * 4, judge)
    assert judge.calls == [2, 1, 1]


def test_a_wrapper_with_a_step_of_its_own_is_not_handed_to_another_judge():
    games = [made(BaseWrapper, ScriptedJudge()), made(Polite, ScriptedJudge())]
    with pytest.raises(ValueError, match="an environment with a step of its own was made; got scripted judge"):
        step_many(games, ["Hm."] * 2, ScriptedJudge())
    assert [said(game) for game in games] == [[], []]


class Mute(BaseWrapper):
    """Takes no turn."""

    def step(self, action):
        pass


class Twice(BaseWrapper):
    """Takes two turns for one."""

    def step(self, action):
        super().step(action)
        super().step(action)


@pytest.mark.parametrize("wrap", [Mute, Twice])
def test_a_wrapper_that_makes_no_turn_of_a_reply_or_more_ends_a_run_and_costs_no_other_game(wrap):
    loud, ended = FunctionAgent(lambda _: "Hm."), []
    games = [Game(f"game {number}", two_parties(), (loud, loud)) for number in range(3)]
    chosen = iter([BaseWrapper, BaseWrapper, wrap])
    with pytest.raises(ValueError, match="game 'game 2': expected one turn a step"):
        ended.extend(play_many(games, ScriptedJudge(), wrap=lambda game: next(chosen)(game), batch=1))
    assert [episode.id for episode in ended] == ["game 0", "game 1"]


def test_what_a_wrapper_shows_is_what_agents_hear():
    heard = []
    agent = FunctionAgent(lambda text: heard.append(text) or "Hm.")
    play(Game("g", two_parties(), (agent, agent)), ScriptedJudge(), wrap=Deaf, max_turns=2)
    assert all("[HEARD] …" in text for text in heard)


def test_a_wrapper_that_takes_back_a_turn_is_refused():
    class Twice(BaseWrapper):
        def step(self, action):
            super().step(action)
            if self.unwrapped.game.speaker is not None:
                super().step(action)

    agent = FunctionAgent(lambda _: "Hm.")
    with pytest.raises(ValueError, match="game 'g': expected one turn a step"):
        play(Game("g", two_parties(), (agent, agent)), ScriptedJudge(), wrap=Twice, max_turns=4)


@pytest.mark.parametrize("wrap", [lambda game: None, lambda game: env(scenarios=[two_parties()], judge="scripted")])
def test_what_does_not_wrap_the_game_it_was_given_is_refused(wrap):
    agent = FunctionAgent(lambda _: "Hm.")
    with pytest.raises(TypeError, match="wrap: expected PettingZoo wrappers around the environment it was given"):
        play(Game("g", two_parties(), (agent, agent)), ScriptedJudge(), wrap=wrap)


def test_an_evaluation_does_not_go_on_with_other_wrappers(tmp_path):
    agent = FunctionAgent(lambda _: "Hm.", name="hm")
    evaluate([agent], ScriptedJudge(), [two_parties()], tmp_path, wrap=Polite)
    evaluate([agent], ScriptedJudge(), [two_parties()], tmp_path, wrap=Polite, resume=True)
    with pytest.raises(UserError, match=r"contents\.wrap was '\S+Polite' and is None"):
        evaluate([agent], ScriptedJudge(), [two_parties()], tmp_path, resume=True)


def test_only_the_environment_feeds_a_game_that_is_played():
    root = Path(negotiation_env.__file__).parent
    feeding = re.compile(r"games?(\[\w+\])?\.(say|rule|fail|hear|deliver|stop)\(")
    sources = [Path(folder, name) for folder, _, names in os.walk(root, followlinks=True) for name in names]
    found = {path.name for path in sources if path.suffix == ".py" and feeding.search(path.read_text(encoding="utf-8"))}
    alone = {"cost.py", "longest_game.py", "doctor.py"}  # without a judge: what the longest game takes, a trial
    assert found - alone == {"aec.py", "stepping.py", "guarding.py"}
