"""A taskset and an environment for verifiers (`verifiers.v1`), and so for prime-rl; its id is `negotiation-verifiers`.

Roles: the `learner` has one seat, an `opponent` each of the others, and the `writer` writes the joint answer. What the
writer says is never trained on (arXiv 2603.10476, "Training"), the opponent's words only with `train_opponent`.

`negotiation_env.episodes.runner` plays the game, so that the same words make the same episode as everywhere; it is in
the learner's trace, as `info["negotiation"]`. A trace is a conversation that only grows, and so is each seat's chat.
"""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial
from typing import Final

from pydantic import field_validator

from negotiation_env.agents.specs import resolve_agent
from negotiation_env.data import load_scenarios
from negotiation_env.environment.aec import raw_env
from negotiation_env.episodes.runner import Game, derive_seed, play
from negotiation_env.errors import JudgeError
from negotiation_env.game.rules import Rules
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Agent
from negotiation_env.interop.verifiers_seats import NegotiationHarness, RoleAgent
from negotiation_env.loading.heavy import importing

with importing("negotiation in verifiers", "verifiers"):
    import verifiers.v1 as vf

__all__ = ["NegotiationHarness", "NegotiationTaskset", "NegotiationVerifiersEnv"]

GAMES: Final = 1024
"""Most games of one process at a time; each waits for its models and its judge in a thread of its own."""
_ROLE: Final = vf.AgentConfig(runtime={"type": "subprocess"})  # not their sandbox elsewhere: nothing runs in it


class ScenariosConfig(vf.TasksetConfig):
    """Which scenarios: a split or the path of a JSONL file, and the seed of personas, seats and games."""

    split: str = "train"
    seed: int = 0


class ScenarioData(vf.TaskData):
    """A scenario, and the seed of its games."""

    scenario: Scenario
    seed: int


class NegotiationTask(vf.Task[ScenarioData, vf.State, vf.TaskConfig]):
    """One scenario to negotiate."""

    @property
    def key(self) -> str:
        """The scenario's id."""
        return str(self.data.id)


class NegotiationTaskset(vf.Taskset[NegotiationTask, ScenariosConfig]):
    """The scenarios of a split."""

    def load(self) -> Iterator[NegotiationTask]:
        """Each scenario once; its games have the seed that `negotiate eval` gives them."""
        for each in load_scenarios(self.config.split, seed=self.config.seed):
            seed = derive_seed(self.config.seed, each.id)
            yield NegotiationTask(ScenarioData(id=each.id, scenario=each, seed=seed), self.config.task)


class NegotiationConfig(vf.EnvConfig):
    """The three roles, and how the game is played.

    Attributes:
        train_opponent: Train on the opponents' words, too.
        opponent_agent: The spec of one of this project's own agents, such as "scripted", in the opponents' place.
        judge: The judge's spec.
        prompts: A prompt set's name or path; "" follows the judge.
        guards: The name of shipped guards or a guard file; "" is none.
        rules: As for any game; the learner has the writer's seat. Where they leave no turns, it answers alone.
        retries: Of a whole episode, such as one that a judge left unscored.
    """

    learner: vf.AgentConfig = _ROLE
    opponent: vf.AgentConfig = _ROLE
    writer: vf.AgentConfig = _ROLE
    train_opponent: bool = False
    opponent_agent: str = ""
    judge: str = "embedded"
    prompts: str = ""
    guards: str = ""
    rules: Rules = Rules()
    retries: vf.RetryConfig = vf.RetryConfig(max_retries=2)

    @field_validator("rules")
    @classmethod
    def _growing(cls, rules: Rules) -> Rules:
        if rules.history_turns is not None:
            told = "expected no history_turns: a trace of verifiers only grows, and no turn is taken out of it again"
            raise ValueError(f"{told}; got {rules.history_turns}")
        return rules


class NegotiationVerifiersEnv(vf.Env[NegotiationConfig]):
    """One negotiation an episode; its reward, 0 to 5, goes to every seat's trace."""

    async def start(self) -> None:  # noqa: D102
        self.threads = ThreadPoolExecutor(GAMES, "negotiation")
        told, prompts, guards = self.config, self.config.prompts or None, self.config.guards or None
        self.table = await asyncio.to_thread(raw_env, judge=told.judge, prompts=prompts, guards=guards)
        self.other = await asyncio.to_thread(resolve_agent, told.opponent_agent) if told.opponent_agent else None

    async def stop(self) -> None:  # noqa: D102
        self.threads.shutdown(wait=False, cancel_futures=True)

    async def setup(self, agents: vf.Agents) -> None:  # noqa: D102
        agents.opponent.trainable, agents.writer.trainable = self.config.train_opponent, False

    async def run(self, task: NegotiationTask, agents: vf.Agents) -> None:
        """Play the game.

        Raises:
            JudgeError: It ended unscored: the episode is played again, or counts as failed.
        """
        rules, scenario, table = self.config.rules, task.data.scenario, self.table
        writer = None if rules.single else agents.writer
        async with AsyncExitStack() as talks:

            async def seated(role: vf.Agent) -> RoleAgent:
                return RoleAgent(await talks.enter_async_context(role.interaction(task)), writer, task)

            learner = await seated(agents.learner)
            seats: list[Agent] = [
                learner if seat == rules.writer or rules.single else self.other or await seated(agents.opponent)
                for seat in range(scenario.seats)
            ]
            game = Game(f"{scenario.id} {learner.trace.id}", scenario, tuple(seats), task.data.seed)
            playing = partial(play, game, table.judge, prompts=table.prompts, guards=table.guards, **asdict(rules))
            episode = await asyncio.get_running_loop().run_in_executor(self.threads, playing)
            learner.trace.info["negotiation"] = json.loads(episode.to_json())
            if episode.reward is None:  # raised while the talks are open, so that each trace counts as failed, too
                raise JudgeError(f"unscored: {episode.failure}")
        for each in dict.fromkeys(seat for seat in seats if isinstance(seat, RoleAgent)):
            each.trace.record_reward("collective_agency", episode.reward)
            each.trace.record_metrics({"turns": float(episode.outcome.turns), "agreed": float(episode.outcome.agreed)})
