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
side of it: a system message with its persona, the dilemma and how to speak, in the words of its prompt set; its own
turns as the assistant's; what the others said as the user's. Among three or more parties the speaker's name stands
before a turn, and "> " before its further lines but the tags of the grammar, so that no line can pass for another turn.
Once everybody has spoken the judge is asked after each turn whether they agree. On agreement the writer
(`negotiator_0` unless told otherwise) observes a request for the joint answer (`completing` is 1) and its next action
is that answer, which the judge scores. Without agreement after `max_turns` utterances the reward is 0; with
`reward_without_agreement` the answer is written and its score is the reward all the same.

With `max_turns=0` a single agent answers alone: the writer observes the dilemma, all personas and the request for the
joint answer at once, the others do nothing, and the answer's score is the reward. With `personas=False` the agents
observe no personas, neither their own nor the others'; the judge still does. A scenario without personas is an open
question: one agent, which observes the question alone and needs `max_turns=0`.

With `guards` words may be refused: `step` then leaves the game as it is but for the speaker's own chat, which says why,
and the same agent is selected again. `infos[agent]` has "broken", the names of broken constraints, and "intervention".

An episode whose judge or agent fails is *unscored*: it is truncated, not terminated, its rewards are no verdict
(0.0, since PettingZoo wants a number), and `infos[agent]["outcome"]["status"]` is `"unscored"`. What a model says is
never an error: control tokens of chat templates, fake speakers, control characters, empty and over-long messages are
neutralised and reported in `infos[agent]["events"]`. What it only thinks (`negotiation_env.text.thoughts`) is taken off
its words, and nobody is shown it; the record has it. `NegotiationEnv.episode` is the record of a game at any time.

`reset(seed, options)` takes `options={"scenario": Scenario or id, "writer": seat}`; a warning names other keys.
`possible_agents` never changes, as PettingZoo wants it: there are as many as the largest scenario has parties that the
environment was made with. One with more is refused at reset; one with fewer leaves the last of them out of `agents`,
and to ask what those observe is refused too.

## Version history

* v0: first release.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from gymnasium.utils.seeding import np_random

from negotiation_env.environment.bookkeeping import AFTER_RESET, Bookkeeping
from negotiation_env.environment.choices import (
    chosen_rules,
    chosen_scenario,
    given_scenarios,
    parties,
    require_fit,
    reset_options,
    writer_seat,
)
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.guarding import Enforcement, require_reader
from negotiation_env.environment.prompting import Prompts, chosen_prompts, ids_of, seat_prompts, warn_of_mismatch
from negotiation_env.environment.render import show_news, transcript
from negotiation_env.environment.stepping import OrderEnforced, plain, step_together
from negotiation_env.environment.turns import FailedTurn, turns_of
from negotiation_env.errors import UserError
from negotiation_env.game.events import Outcome, Question, QuestionKind, Ruling, Turn, Utterance, Verdict
from negotiation_env.game.moves import Phase
from negotiation_env.game.protocol import Negotiation
from negotiation_env.game.rewards import reward
from negotiation_env.game.rules import RuleSettings
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.files import Given, load_guards
from negotiation_env.guards.watch import Finding
from negotiation_env.interfaces import Judge, Reply
from negotiation_env.judges.specs import resolve_judge

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["NegotiationEnv", "env", "raw_env"]

# Python 3.11 is slow to look members up in their class.
_COMPLETING, _OVER, _TURN = Phase.COMPLETING, Phase.OVER, QuestionKind.TURN
_OUTCOME = tuple(field.name for field in fields(Outcome))


class GameSettings(RuleSettings, total=False):
    """How games are played: arguments of `NegotiationEnv`, which says what they are."""

    prompts: Prompts
    guards: Given | None


class Settings(GameSettings, total=False):
    """All its arguments."""

    scenarios: str | Path | Scenario | Sequence[Scenario]
    judge: str | Judge | None
    render_mode: str | None


def env(**settings: Unpack[Settings]) -> OrderEnforced:
    """The environment, with PettingZoo's order checks; takes the arguments of `NegotiationEnv`."""
    return OrderEnforced(raw_env(**settings))


def raw_env(**settings: Unpack[Settings]) -> "NegotiationEnv":
    """The environment without wrappers; takes the arguments of `NegotiationEnv`."""
    return NegotiationEnv(**settings)


class NegotiationEnv(Bookkeeping):
    """The negotiation game; this module's docstring is its specification.

    Args:
        scenarios: Scenarios to draw from, or one alone, or the name of a split or file for `load_scenarios`.
        judge: A judge, or its spec string. None is the embedded judge, which loads no model before it has to score a
            completion.
        render_mode: "human" prints each turn, "ansi" lets `render` return the transcript, None does neither.
        prompts: What the seats are told: the name of a prompt set, the path of one, a `PromptSet`, or one of these for
            each seat, the last one also for the seats beyond. None follows the judge: "handshake" for one that sees
            agreement by tags, such as the embedded one, else "natural".
        guards: What has to hold as the game goes on: the name of shipped guards, the path of a guard file, `Guards`, or
            several of these; see `negotiation_env.guards.files`.
        **rules: The fields of `Rules`: max_turns, history_turns, complete_without_agreement, reward_without_agreement,
            judge_sees_dialogue, max_characters, writer, personas.

    Raises:
        TypeError: A rule has no such name.
        ValueError: A rule's value is out of range, or does not fit one of the scenarios.
        UserError: There is no such split, file, judge or prompt set, there are no such guards, or the judge cannot
            answer what they ask.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "negotiation_v0",
        "render_modes": ["human", "ansi"],
        "render_fps": 1,
        "is_parallelizable": False,
    }

    game: Negotiation = AFTER_RESET()

    def __init__(
        self,
        scenarios: str | Path | Scenario | Sequence[Scenario] = "train",
        judge: str | Judge | None = None,
        render_mode: str | None = None,
        prompts: Prompts = None,
        guards: Given | None = None,
        **rules: Unpack[RuleSettings],
    ) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode must be None, 'human' or 'ansi'; got {render_mode!r}")
        self.scenarios, self.rules, self.render_mode = given_scenarios(scenarios), chosen_rules(rules), render_mode
        self.judge = resolve_judge("embedded" if judge is None else judge)
        self.prompts = chosen_prompts(prompts, self.judge)
        warn_of_mismatch(self.prompts, self.judge)
        self.guards = None if guards is None else load_guards(guards)
        require_reader(self.guards, self.judge)
        require_fit(self.scenarios, self.rules)
        super().__init__(max(scenario.seats for scenario in self.scenarios))

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        """Every verdict since the reset."""
        return tuple(Ruling(*each) for each in self._rulings)

    @property
    def asked_again(self) -> tuple[int, int]:
        """How many words guards refused of which no turn was made: since the reset, and in the turn that is pending."""
        return (self._enforced.asked_again, len(self._enforced.refused)) if self._enforced else (0, 0)

    @cached_property
    def _random(self) -> "Generator":  # made where it is needed: not in a game whose scenario is given
        return np_random(0)[0]

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Start a negotiation; where that is refused the one before goes on.

        Args:
            seed: Seeds the draw of the scenario; None goes on with the last seed's draws.
            options: "scenario": a `Scenario`, or the id of one of this environment's, with no more parties than it has
                `possible_agents`; "writer": the seat that writes the completion. None leaves the choice as it is.

        Raises:
            UserError: The options are no mapping, or name no scenario, one too large, or a writer that is no seat.
            ValueError: The rules do not fit the scenario.
        """
        chosen = reset_options(options)
        if seed is not None:
            self._random = np_random(seed)[0]
        scenario, writer = self._scenario(chosen.get("scenario")), chosen.get("writer")
        rules = self.rules if writer is None else replace(self.rules, writer=writer_seat(writer, scenario))
        self.game = Negotiation(scenario, rules, seat_prompts(self.prompts, scenario.seats, scenario=scenario))
        self._rulings: list[tuple[QuestionKind, int, Verdict]] = []
        self._enforced = Enforcement(self.game, self.guards) if self.guards else None
        self._failed: FailedTurn | None = None
        self._open_books(scenario.seats)
        self._seats = {agent: seat for seat, agent in enumerate(self.agents)}
        self.agent_selection = self.agents[self.game.speaker or 0]

    def observe(self, agent: str) -> dict[str, Any]:
        """The chat as an agent sees it now; out of its turn, what it would see if it had to speak.

        Raises:
            UserError: The agent has no seat in this game.
        """
        game, seat = self.game, self._seats.get(agent)
        if seat is None:
            raise UserError(f"{self._known(agent)} has no seat: {parties(game.scenario)}; look at this game's agents")
        completing = game.phase is _COMPLETING and game.speaker == seat
        messages = game.view(seat, completing=completing)
        return {
            "messages": self._enforced.shown(messages, seat) if self._enforced else messages,
            "turns_left": self.rules.max_turns - game.turns,
            "completing": int(completing),
        }

    @plain
    def step(self, action: str | None) -> None:
        """The selected agent says something; a finished agent steps with None.

        Raises:
            TypeError: The action is not a string.
        """
        if self.game.phase is _OVER:
            self._was_dead_step(action)
        else:
            step_together([(self, action)], self.judge)

    def hear(self, words: str) -> Question | None:
        """The first half of a step: the selected agent speaks. What a judge has to answer next, if anything."""
        if self._enforced:
            return self._guarded(self._enforced.say(words), self._enforced)
        utterance = self.game.say(words)  # all rewards are still 0, for the game's only one ends it
        self.infos[self.agent_selection] = {"events": utterance.events}
        if not (question := self.game.question):
            self._settle()
        return question

    def rule(self, question: Question, verdict: Verdict) -> Question | None:
        """The second half, where a judge was asked. What it has to answer next: of a turn that guards asked about."""
        self._rulings.append((question.kind, self.game.turns, verdict))
        if question.kind is _TURN and self._enforced:
            return self._guarded(self._enforced.answer(question.asked, verdict), self._enforced)
        self.game.rule(verdict)
        self._settle()
        return None

    def abort(self, reason: str) -> None:
        """The agent whose turn it is failed to speak: the episode ends unscored."""
        turn = self.game.pending
        self.game.fail(reason)
        if isinstance(turn, Turn):
            self._failed = FailedTurn(turn.seat, turn.task, self.game.outcome.reason)
        self._settle()

    def episode(
        self,
        *,
        id: str,
        seed: int = 0,
        agents: Sequence[str] = (),
        replies: Sequence[Reply] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> Episode:
        """The record of the game, whoever stepped it; while it goes on it is unscored and says so.

        Args:
            id: Unique within a file.
            seed: What seeded the agents' words.
            agents: Who played in each seat; by default the seats' own names.
            replies: What the agents gave in each turn, refused words too, a failed turn last, where their tokens and
                usage shall go along.
            tags: Anything JSON-ready.

        Raises:
            ValueError: There are not as many replies as turns, or not as many names as seats.
        """
        game, names = self.game, tuple(agents or self._seats)
        if len(names) != game.scenario.seats:
            raise ValueError(f"expected {game.scenario.seats} names of agents, one for each seat; got {len(names)}")
        said, failed = turns_of(game, self._failed, replies, self._enforced)
        return Episode(
            id,
            game.scenario,
            seed,
            game.rules,
            names,
            self.judge.name,
            said,
            self.rulings,
            game.outcome,
            reward(game.outcome, game.rules),
            ids_of(game.prompts),
            tags=tags or {},
            failed=failed,
            guards=self.guards.id if self.guards else "",
        )

    def state(self) -> str:
        """The whole transcript; hides nothing."""
        return transcript(self.game, self.judge.name)

    def render(self) -> str | None:
        """The transcript in mode "ansi"; mode "human" prints while the game goes on."""
        return self.state() if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Nothing is held open."""

    def _guarded(self, found: Question | tuple[Utterance, Finding], enforced: Enforcement) -> Question | None:
        """The same under guards, which may ask about the words, or refuse them; then the same agent is asked again."""
        if isinstance(found, Question):
            return found
        utterance, finding = found
        self.infos[self.agent_selection] = {
            "events": utterance.events,
            "broken": tuple(each.constraint for each in finding.violations),
            "intervention": finding.intervention,
        }
        if not (question := self.game.question) and not enforced.refused:
            self._settle()
        return question

    def _scenario(self, wanted: Any) -> Scenario:
        if wanted is None:
            return self.scenarios[int(self._random.integers(len(self.scenarios)))]
        return chosen_scenario(wanted, self.scenarios, len(self.possible_agents))

    def _settle(self) -> None:
        """Bring PettingZoo's books in line with the game, which waits for no judge."""
        seat = self.game.speaker
        if seat is None:
            outcome = self.game.outcome
            self._close_books(reward(outcome, self.game.rules), {name: getattr(outcome, name) for name in _OUTCOME})
        self.agent_selection = self.agents[seat or 0]
        if self.render_mode == "human":
            show_news(self.game, self.judge.name)
