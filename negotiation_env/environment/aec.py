"""Negotiation as a PettingZoo AEC environment.

| | |
|---|---|
| Import | `from negotiation_env import env` |
| Made by | `pettingzoo.make("aec", "negotiation-v0")` after `import negotiation_env` |
| Agents | `negotiator_0` … `negotiator_{n-1}`, one for each persona of the scenario |
| Action | any `str`: what the agent says |
| Observation | `{"messages": chat, "turns_left": int, "completing": 0 or 1}` |
| Reward | terminal, the same for all: the Collective Agency score, 0 to 5; 0 without agreement |

## Rules

The agents face a dilemma, each with a persona of its own, and speak in turn. An agent observes the chat as its own
side of it: a system message with its persona, the dilemma and the turn grammar; its own turns as the assistant's; what
the others said as the user's. Among three or more parties the speaker's name stands before a turn, and "> " before its
further lines but the tags of the grammar, so that no line can pass for another turn. Once everybody has spoken the
judge is asked after each turn whether they agree. On agreement the writer (`negotiator_0` unless told otherwise)
observes a request for the joint answer (`completing` is 1) and its next action is that answer, which the judge scores.
Without agreement after `max_turns` utterances the reward is 0; with `reward_without_agreement` the answer is written
and its score is the reward all the same.

With `max_turns=0` a single agent answers alone: the writer observes the dilemma, all personas and the request for the
joint answer at once, the others do nothing, and the answer's score is the reward. With `personas=False` the agents
observe no personas, neither their own nor the others'; the judge still does. A scenario without personas is an open
question: one agent, which observes the question alone and needs `max_turns=0`.

An episode whose judge or agent fails is *unscored*: it is truncated, not terminated, its rewards are no verdict
(0.0, since PettingZoo wants a number), and `infos[agent]["outcome"]["status"]` is `"unscored"`. What a model says is
never an error: control tokens of chat templates, fake speakers, control characters, empty and over-long messages are
neutralised and reported in `infos[agent]["events"]`.

`reset(seed, options)` takes `options={"scenario": Scenario or id, "writer": seat}`; other keys are ignored.
`possible_agents` never changes, as PettingZoo wants it: there are as many as the largest scenario has parties that the
environment was made with. A scenario with more is refused at reset. One with fewer leaves the last of them out of
`agents`; they observe nothing, and to ask for what they see is refused too.

## Version history

* v0: first release.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from gymnasium.spaces import Dict, Discrete, Space
from gymnasium.spaces import Sequence as SequenceSpace
from gymnasium.utils.seeding import np_random
from pettingzoo import AECEnv
from pettingzoo.utils import OrderEnforcingWrapper

from negotiation_env.data import load_scenarios
from negotiation_env.environment.choices import chosen_scenario, parties, require_fit, reset_options, writer_seat
from negotiation_env.environment.render import show_news, transcript
from negotiation_env.environment.spaces import FreeText
from negotiation_env.errors import UserError
from negotiation_env.game.events import Outcome, Question, QuestionKind, Ruling, Verdict
from negotiation_env.game.protocol import Negotiation, Phase, Rules
from negotiation_env.game.rewards import reward
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Judge
from negotiation_env.judges.asking import judged
from negotiation_env.judges.specs import resolve_judge

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["NegotiationEnv", "env", "observation_space", "raw_env", "step_many"]

_OUTCOME = tuple(field.name for field in fields(Outcome))
_Last = tuple[dict[str, Any] | None, float, bool, bool, dict[str, Any]]


def env(**settings: Any) -> OrderEnforcingWrapper:
    """The environment, with PettingZoo's order checks; takes the arguments of `NegotiationEnv`."""
    return _OrderEnforcingWrapper(raw_env(**settings))


class _OrderEnforcingWrapper(OrderEnforcingWrapper):  # type: ignore[misc]
    """PettingZoo's, which reads each field of the environment through two calls of its own; this one asks once."""

    env: "NegotiationEnv"

    def last(self, observe: bool = True) -> _Last:
        """What the selected agent sees, its reward, whether it is done, and its info."""
        found: _Last = self.env.last(observe) if self._has_reset else super().last(observe)
        return found

    def step(self, action: str | None) -> None:
        """The selected agent says something."""
        if self._has_reset and self.env.agents:
            self._has_updated = True
            self.env.step(action)
        else:
            super().step(action)

    def __str__(self) -> str:
        return str(self.env)


def raw_env(**settings: Any) -> "NegotiationEnv":
    """The environment without wrappers; takes the arguments of `NegotiationEnv`."""
    return NegotiationEnv(**settings)


def observation_space(max_turns: int) -> Dict:
    """The space of one agent's observations."""
    message = Dict({"role": FreeText(max_words=1), "content": FreeText()})
    return Dict({"messages": SequenceSpace(message), "turns_left": Discrete(max_turns + 1), "completing": Discrete(2)})


class NegotiationEnv(AECEnv[str, dict[str, Any], str]):  # type: ignore[misc]
    """The negotiation game; this module's docstring is its specification.

    Args:
        scenarios: Scenarios to draw from, or the name of a split or file for `load_scenarios`.
        judge: A judge, or its spec string. None is the embedded judge without its diagnostic probe: it loads no model
            before it has to score a completion.
        render_mode: "human" prints each turn, "ansi" lets `render` return the transcript, None does neither.
        **rules: The fields of `Rules`: max_turns, history_turns, complete_without_agreement, reward_without_agreement,
            judge_sees_dialogue, max_characters, writer, personas.

    Raises:
        TypeError: A rule has no such name.
        ValueError: A rule's value is out of range, or does not fit one of the scenarios.
        UserError: There is no such split, file or judge.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "negotiation_v0",
        "render_modes": ["human", "ansi"],
        "render_fps": 1,
        "is_parallelizable": False,
    }

    def __init__(
        self,
        scenarios: str | Sequence[Scenario] = "train",
        judge: str | Judge | None = None,
        render_mode: str | None = None,
        **rules: Any,
    ) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode must be None, 'human' or 'ansi'; got {render_mode!r}")
        self.scenarios = tuple(load_scenarios(scenarios) if isinstance(scenarios, str) else scenarios)
        self.judge = _default_judge() if judge is None else resolve_judge(judge)
        self.rules = Rules(**rules)
        require_fit(self.scenarios, self.rules)
        self.render_mode = render_mode
        seats = max(scenario.seats for scenario in self.scenarios)
        self.possible_agents = [f"negotiator_{seat}" for seat in range(seats)]
        self.agents: list[str] = []

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        """Every verdict since the reset."""
        return tuple(Ruling(*each) for each in self._rulings)

    # Spaces and random numbers are made when they are first needed: many games, one env each, need neither.

    @cached_property
    def observation_spaces(self) -> dict[str, Space[Any]]:
        """The space of each agent's observations."""
        return {agent: observation_space(self.rules.max_turns) for agent in self.possible_agents}

    @cached_property
    def action_spaces(self) -> dict[str, Space[Any]]:
        """The space of each agent's actions, any text."""
        return {agent: FreeText() for agent in self.possible_agents}

    @cached_property
    def _random(self) -> "Generator":
        return np_random(0)[0]

    def observation_space(self, agent: str) -> Space[Any]:
        """The space of an agent's observations; the same object at each call.

        Raises:
            UserError: This environment has no such agent.
        """
        return self.observation_spaces[self._known(agent)]

    def action_space(self, agent: str) -> Space[Any]:
        """The space of an agent's actions, any text; the same object at each call.

        Raises:
            UserError: This environment has no such agent.
        """
        return self.action_spaces[self._known(agent)]

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Start a negotiation; where that is refused the one before goes on.

        Args:
            seed: Seeds the draw of the scenario; None goes on with the last seed's draws.
            options: "scenario": a `Scenario` or the id of one of this environment's, with at most as many parties as
                `possible_agents`; "writer": the seat that writes the completion. None leaves the choice as it is.

        Raises:
            UserError: The options are no mapping, no scenario has that id, it has too many parties, or the writer is no
                seat.
            ValueError: The rules do not fit the scenario.
        """
        chosen = reset_options(options)
        if seed is not None:
            self._random = np_random(seed)[0]
        scenario = self._scenario(chosen.get("scenario"))
        writer = chosen.get("writer")
        rules = self.rules if writer is None else replace(self.rules, writer=writer_seat(writer, scenario))
        self.game = Negotiation(scenario, rules)
        self._rulings: list[tuple[QuestionKind, int, Verdict]] = []
        self.agents = self.possible_agents[: scenario.seats]
        self._seats = {agent: seat for seat, agent in enumerate(self.agents)}
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        self.agent_selection = self.agents[self.game.speaker or 0]

    def observe(self, agent: str) -> dict[str, Any]:
        """The chat as an agent sees it now.

        Out of its turn an agent sees what it would see if it had to speak.

        Raises:
            UserError: The agent has no seat in this game.
        """
        game, seat = self.game, self._seats.get(agent)
        if seat is None:
            raise UserError(f"{self._known(agent)} has no seat: {parties(game.scenario)}; look at this game's agents")
        completing = game.phase is Phase.COMPLETING and game.speaker == seat
        return {
            "messages": game.view(seat, completing=completing),
            "turns_left": self.rules.max_turns - game.turns,
            "completing": int(completing),
        }

    def step(self, action: str | None) -> None:
        """The selected agent says something; a finished agent steps with None.

        Raises:
            TypeError: The action is not a string.
        """
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
        elif question := self._hear(_words(action)):
            self._rule(question, *judged(self.judge, [question]))

    def abort(self, reason: str) -> None:
        """An agent failed to speak: the episode ends unscored."""
        self.game.fail(reason)
        self._settle()

    def state(self) -> str:
        """The whole transcript; hides nothing."""
        return transcript(self.game, self.judge.name)

    def render(self) -> str | None:
        """The transcript in mode "ansi"; mode "human" prints while the game goes on."""
        return transcript(self.game, self.judge.name) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Nothing is held open."""

    if not TYPE_CHECKING:  # a type checker would take any name for one of its attributes

        def __getattr__(self, name: str) -> Any:
            """What a reset brings is asked for before the first one; or there is no such attribute."""
            when = "" if "game" in vars(self) else " before the first reset()"
            raise AttributeError(f"{type(self).__name__} has no {name!r}{when}")

    def _known(self, agent: str) -> str:
        if agent not in self.possible_agents:
            raise UserError(f"no agent {agent!r:.80}; there are {', '.join(self.possible_agents)}")
        return agent

    def _scenario(self, wanted: Any) -> Scenario:
        if wanted is None:
            return self.scenarios[int(self._random.integers(len(self.scenarios)))]
        return chosen_scenario(wanted, self.scenarios, len(self.possible_agents))

    def _hear(self, action: str) -> Question | None:
        """What a judge has to answer next, if anything."""
        utterance = self.game.say(action)  # all rewards are still 0, for the game's only one ends it
        self.infos[self.agent_selection] = {"events": utterance.events}
        if question := self.game.question:
            return question
        self._settle()
        return None

    def _rule(self, question: Question, verdict: Verdict) -> None:
        self._rulings.append((question.kind, self.game.turns, verdict))
        self.game.rule(verdict)
        self._settle()

    def _settle(self) -> None:
        """Bring PettingZoo's books in line with the game, which waits for no judge."""
        seat = self.game.speaker
        if seat is None:
            self._end()
        self.agent_selection = self.agents[seat or 0]
        if self.render_mode == "human":
            show_news(self.game, self.judge.name)

    def _end(self) -> None:
        outcome = self.game.pending
        assert isinstance(outcome, Outcome)
        prize, told = reward(outcome, self.game.rules), {name: getattr(outcome, name) for name in _OUTCOME}
        for agent in self.agents:
            self.rewards[agent] = 0.0 if prize is None else prize
            self.terminations[agent] = prize is not None
            self.truncations[agent] = prize is None
            self.infos[agent]["outcome"] = dict(told)
        self._accumulate_rewards()


def _default_judge() -> Judge:
    from negotiation_env.judges.smoke_test.judge import EmbeddedJudge

    return EmbeddedJudge()


def step_many(envs: Sequence[Any], actions: Sequence[str | None], judge: Judge) -> None:
    """One step in each of many games: all speak, then one judge call answers all that ask.

    Args:
        envs: Environments that wait for an agent, wrapped or not, each another.
        actions: One for each, the selected agent's words.
        judge: Asked once for all agreement and score questions of this step.

    Raises:
        TypeError: An action is not a string. Nothing was changed then, in any game.
        ValueError: There are not as many actions as environments.
    """
    games: list[NegotiationEnv] = [each.unwrapped for each in envs]
    spoken = list(zip(games, map(_words, actions), strict=True))
    asking = [(game, question) for game, words in spoken if (question := game._hear(words))]
    if asking:
        verdicts = judged(judge, [question for _, question in asking])
        for (game, question), verdict in zip(asking, verdicts, strict=True):
            game._rule(question, verdict)


def _words(action: str | None) -> str:
    if not isinstance(action, str):
        raise TypeError(f"expected the action as a str (what the agent says), got {type(action).__name__}")
    return action
