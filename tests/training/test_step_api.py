"""Training's games are games of the standard step API: a plain `agent_iter` loop plays the same ones."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from negotiation_env import Request, ScriptedJudge  # noqa: E402
from negotiation_env.environment.aec import env as negotiation  # noqa: E402
from negotiation_env.environment.aec import raw_env  # noqa: E402
from negotiation_env.episodes.runner import derive_seed  # noqa: E402
from negotiation_env.game.events import Task  # noqa: E402
from tests.training.test_proofs import (  # noqa: E402
    Polite,
    agree_at_turn_three,
    batch_of,
    on_record,
    trainer_of,
    varied_score,
)

pytestmark = pytest.mark.models


class Hinting(Polite):
    """Changes what is seen and what is said."""

    def observe(self, agent):
        seen = super().observe(agent)
        *before, last = seen["messages"]
        return seen | {"messages": (*before, last | {"content": f"{last['content']}\n\nBe brief."})}


def asked(game, agent, seen, episode):
    """A turn's request, out of what the step API says and of how the runner derives a turn's seed."""
    seat, number = game.possible_agents.index(agent), episode.rules.max_turns - seen["turns_left"] + 1
    task = Task.COMPLETION if seen["completing"] else Task.UTTERANCE
    return Request(episode.id, seat, task, seen["messages"], derive_seed(episode.seed, seat, task, number))


def played_by_hand(game, episode, agents):
    """The episode again, by `agent_iter`, `last` and `step` alone, with the reward that each agent was given."""
    replies, rewards = [], {}
    game.reset(options={"scenario": episode.scenario, "writer": episode.rules.writer})
    for agent in game.agent_iter():
        seen, reward, terminated, truncated, _ = game.last()
        if terminated or truncated:
            rewards[agent] = reward
            game.step(None)
        else:
            request = asked(game, agent, seen, episode)
            replies += agents[request.seat].act([request])
            game.step(replies[-1].text)
    names = [each.name for each in agents]
    again = game.unwrapped.episode(id=episode.id, seed=episode.seed, agents=names, replies=replies)
    return again, rewards


def exactly(episode):
    """Without what only training adds, and without log-probabilities: a batch's last bits are not those of one row."""
    turns = [replace(said, tokens=replace(said.tokens, logprobs=())) for said in episode.turns]
    return replace(episode, turns=tuple(turns), tags={})


@pytest.mark.parametrize("wrap", [None, Polite, Hinting], ids=["order enforced", "step", "observation and step"])
@pytest.mark.parametrize("changes", [{}, {"history_turns": 1}, {"method": "single-agent"}], ids=str)
def test_a_loop_over_the_step_api_gives_the_episodes_ids_and_rewards_of_trainings_rollout(
    small_model, tmp_path, wrap, changes
):
    trainer = trainer_of(small_model, tmp_path, wrap=wrap, **changes)
    batch_of(trainer)
    rollout, judge = trainer.rollout_func, ScriptedJudge(score=varied_score, agrees=agree_at_turn_three)
    rollout.players.prepare(0)  # nothing of the rollout's conversations is left
    for episode in on_record(tmp_path):
        settings = {"scenarios": [episode.scenario], "judge": judge, "prompts": rollout.prompts, **rollout.config.rules}
        game = wrap(raw_env(**settings)) if wrap else negotiation(**settings)
        learner, (_, other) = rollout.players.learner, rollout.players.against(episode.tags["group"])
        agents = [learner if seat == episode.tags["learner_seat"] else other for seat in range(2)]
        again, rewards = played_by_hand(game, episode, agents)
        assert exactly(again) == exactly(episode)
        assert rewards == dict.fromkeys(("negotiator_0", "negotiator_1"), episode.reward)
        for one, other_said in zip(again.turns, episode.turns, strict=True):
            assert one.tokens.logprobs == pytest.approx(other_said.tokens.logprobs, abs=1e-4)
