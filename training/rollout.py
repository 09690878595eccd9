"""TRL's `rollout_func`: plays a batch of negotiations through the environment and returns training rows."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object

from negotiation_env.agents.models.chat_tokens import ChatTokens
from negotiation_env.environment.episode import Episode, append_episode
from negotiation_env.environment.prompting import chosen_prompts
from negotiation_env.environment.stepping import Wrap
from negotiation_env.episodes.runner import Game, derive_seed, play_many
from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.game.events import JudgeCall
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.files import load_guards
from negotiation_env.interfaces import Judge
from negotiation_env.judges.ranking import Ranking
from negotiation_env.text.secrets import without_secrets
from negotiation_env.training.advantages import group_advantages, no_signal, order_advantages, shuffled
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.engines.adapters import evaluating
from negotiation_env.training.metrics import step_metrics
from negotiation_env.training.players import Players
from negotiation_env.training.rows import Row, empty_row, learner_rows
from negotiation_env.training.timed_judge import TimedJudge

__all__ = ["Rollout", "Step", "task_key"]


def task_key(scenario: Scenario, seat: int) -> str:
    """A dataset prompt: scenario and learner's seat, the two things that a group shares."""
    return json.dumps({"scenario": scenario.id, "seat": seat})


@dataclass(frozen=True, slots=True)
class _Assignment:
    """A negotiation of the step: `row` counts over all processes; `take` is 1 where it is played a second time."""

    step: int
    row: int
    scenario: Scenario
    seat: int
    take: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What the negotiations of one optimizer step bring.

    Attributes:
        episodes: Those of all processes, in the order of their prompts.
        advantages: One for each row.
        rows: What this process trains on, `rows_per_game` for each of its negotiations.
        metrics: What the negotiations amount to, see `step_metrics`.
    """

    episodes: tuple[Episode, ...]
    advantages: tuple[float, ...]
    rows: tuple[Row, ...]
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Played:
    """A step's negotiations before their advantages.

    Attributes:
        episodes: In the order of their prompts.
        replaced: Those in whose place others were played.
        ordered: Advantages of tied answers that the judge put in order, by episode.
    """

    episodes: tuple[Episode, ...]
    replaced: tuple[Episode, ...] = ()
    ordered: Mapping[str, float] = field(default_factory=dict)


class Rollout:
    """Plays the negotiations of a step.

    Seeds follow from the step and the place in the batch alone, so that a resumed run, or one of more processes,
    samples what an unbroken one would.

    Args:
        config: The run's settings.
        scenarios: Training scenarios by id.
        judge: Decides and scores.
        players: The learner and its opponents.
        log: The episode file to append to.
        wrap: As for `play_many`.
    """

    def __init__(
        self,
        config: TrainConfig,
        scenarios: Mapping[str, Scenario],
        judge: Judge,
        players: Players,
        log: Path | None = None,
        wrap: Wrap | None = None,
    ) -> None:
        self.config = config
        self.scenarios = scenarios
        self.judge = TimedJudge(judge)
        (self.prompts,) = chosen_prompts(config.prompts, judge)
        self.players = players
        self.log = log
        self.wrap = wrap
        self.guards = load_guards(config.guards) if config.guards else None
        self._ended: dict[str, Episode] = {}
        """Negotiations of this step and process that have ended and are not on record yet, by id."""
        self._limit = UnscoredLimit(config.unscored_limit)

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        """Play a game for each prompt, or for each `rows_per_game` equal ones; a group comes in a row.

        Whatever ends the step, Ctrl-C too: the negotiations that have ended go on record, without advantages if need
        be.

        Returns:
            What TRL wants of a `rollout_func`, one row per prompt; the `Step` itself; the seconds that it took; and
            `terminal_reward`: for each row a float, or None where unscored, which leaves the row out of its group.

        Raises:
            JudgeError: Too many of the run's negotiations are unscored.
        """
        start, self.judge.seconds = time.perf_counter(), 0.0
        games, number = prompts[:: self.config.rows_per_game], trainer.state.global_step
        first = trainer.accelerator.process_index * len(games)
        own = slice(first, first + len(games))
        try:
            played = self._play_step(
                [self._assignment(number, first + n, each) for n, each in enumerate(games)], trainer.model
            )
            episodes = self._weighed(played, number)
            self._record(played.replaced, episodes, main=trainer.accelerator.is_main_process)
        finally:
            self._keep_ended()
        step = self._step(episodes, own, ChatTokens(trainer.processing_class, thinking=self.config.thinks))
        rewards = [self._prize(each) for each in episodes[own] for _ in range(self.config.rows_per_game)]
        seconds = {"rollout": time.perf_counter() - start - self.judge.seconds, "judge": self.judge.seconds}
        return _columns(step.rows) | {"terminal_reward": rewards, "step": step, "seconds": seconds}

    def _assignment(self, step: int, row: int, prompt: str) -> _Assignment:
        task = json.loads(prompt)
        return _Assignment(step, row, self.scenarios[task["scenario"]], task["seat"])

    def _play_step(self, places: Sequence[_Assignment], model: Any) -> _Played:
        with evaluating(model):
            self.players.prepare(places[0].step)
            played = self._ties_settled(_Played(tuple(gather_object(self._play(places)))))
            return self._played_again(played, places) if self.config.no_signal == "resample" else played

    def _ties_settled(self, played: _Played) -> _Played:
        """Order the answers of groups whose rewards are equal; one process asks for all."""
        if not self.config.rerank_ties:
            return played
        tied = [group for group in self._groups(played.episodes) if self._is_tied(group)]
        rankings = [Ranking(group[0].scenario, tuple(map(_answer, group))) for group in tied]
        verdicts = self.judge.rank(rankings) if rankings and PartialState().is_main_process else [None] * len(tied)
        [verdicts] = broadcast_object_list([verdicts])
        episodes, ordered = list(played.episodes), dict[str, float]()
        for group, ranking, verdict in zip(tied, rankings, verdicts, strict=True):
            episodes[group[0].tags["row"]] = _with_calls(group[0], verdict.calls)
            if verdict.value is not None:
                given = order_advantages(verdict.details["order"], ranking.answers)
                ordered |= dict(zip((episode.id for episode in group), given, strict=True))
        return replace(played, episodes=tuple(episodes), ordered=ordered)

    def _played_again(self, played: _Played, places: Sequence[_Assignment]) -> _Played:
        """Groups that teach nothing get one more scenario, drawn from the run's; what they replace stays on record."""
        silent = self._silent_groups(played)
        again = [self._elsewhere(place) for place in places if place.row // self.config.group_size in silent]
        episodes = list(played.episodes)
        replaced = []
        for episode in gather_object(self._play(again)):
            row = episode.tags["row"]
            replaced.append(episodes[row])
            episodes[row] = episode
        return replace(played, episodes=tuple(episodes), replaced=tuple(replaced))

    def _elsewhere(self, place: _Assignment) -> _Assignment:
        names = sorted(self.scenarios)
        draw = derive_seed(self.config.seed, "resample", place.step, place.row // self.config.group_size)
        return _Assignment(place.step, place.row, self.scenarios[names[draw % len(names)]], place.seat, take=1)

    def _play(self, places: Sequence[_Assignment]) -> list[Episode]:
        games = [self._game(place) for place in places]
        settings = {"wrap": self.wrap, "prompts": self.prompts, "guards": self.guards, **self.config.rules}
        for episode in play_many(games, self.judge, **settings):
            self._ended[episode.id] = episode
        return [self._ended[game.id] for game in games]

    def _game(self, place: _Assignment) -> Game:
        group = place.row // self.config.group_size
        opponent, other = self.players.against(group)
        learner = self.players.learner
        agents = tuple(learner if seat == place.seat else other for seat in range(place.scenario.seats))
        again = ("again",) * place.take
        tags = {
            "step": place.step,
            "row": place.row,
            "group": group,
            "learner_seat": place.seat,
            "opponent": without_secrets(opponent.name),
            "opponent_version": opponent.version,
        } | ({"both_seats": True} if self.config.learner_seat == "both" else {})
        seed = derive_seed(self.config.seed, place.step, place.row, *again)
        name = "/".join(map(str, (place.step, place.row, *again)))
        return Game(name, place.scenario, agents, seed, writer=place.seat, tags=tags)

    def _weighed(self, played: _Played, step: int) -> tuple[Episode, ...]:
        """The negotiations, each with its advantage, which goes on record."""
        silent = self._silent_groups(played) if self.config.no_signal == "drop" else set()
        trained = [each.reward is not None and each.tags["group"] not in silent for each in played.episodes]
        groups = self._groups(played.episodes)
        advantages = [value for group in groups for value in self._advantages(group, played.ordered)]
        if self.config.advantages == "shuffled":
            advantages = shuffled(advantages, trained, self.config.seed, step)
        return tuple(
            replace(episode, tags={**episode.tags, "advantage": value, "trained": counts})
            for episode, value, counts in zip(played.episodes, advantages, trained, strict=True)
        )

    def _record(self, replaced: Sequence[Episode], episodes: Sequence[Episode], *, main: bool) -> None:
        """Write the episodes, once, and count them."""
        self.players.note(episodes)
        played = (*replaced, *episodes)
        self._ended = {episode.id: episode for episode in played} if main else {}
        self._keep_ended()
        for episode in played:
            self._limit.count(episode.failure)

    def _keep_ended(self) -> None:
        for episode in list(self._ended.values()):
            if self.log:
                append_episode(self.log, episode)
            del self._ended[episode.id]

    def _groups(self, episodes: Sequence[Episode]) -> list[Sequence[Episode]]:
        size = self.config.group_size
        return [episodes[start : start + size] for start in range(0, len(episodes), size)]

    def _silent_groups(self, played: _Played) -> set[int]:
        """Those with equal rewards, whose answers were not put in order either."""
        return {
            number
            for number, group in enumerate(self._groups(played.episodes))
            if group[0].id not in played.ordered and self._is_silent(group)
        }

    def _is_silent(self, group: Sequence[Episode]) -> bool:
        return no_signal(list(map(self._prize, group)), self.config.tie_width)

    def _prize(self, episode: Episode) -> float | None:
        """The reward less the penalties for what the learner broke; None is unscored."""
        if episode.reward is None:
            return None
        return episode.reward - self.config.guard_penalty * len(episode.broken(episode.learner_seats))

    def _is_tied(self, group: Sequence[Episode]) -> bool:
        """Whether every negotiation has an answer, and none is better."""
        return all(episode.outcome.score is not None for episode in group) and self._is_silent(group)

    def _advantages(self, group: Sequence[Episode], ordered: Mapping[str, float]) -> list[float]:
        if group[0].id in ordered:
            return [ordered[episode.id] for episode in group]
        return group_advantages(list(map(self._prize, group)), self.config.tie_width)

    def _step(self, episodes: tuple[Episode, ...], own: slice, tokens: ChatTokens) -> Step:
        advantages = [each.tags["advantage"] for each in episodes[own] for _ in range(self.config.rows_per_game)]
        rows = [row for episode in episodes[own] for row in self._rows_of(episode, tokens)]
        return Step(episodes, tuple(advantages), tuple(rows), step_metrics(episodes, self.config.tie_width))

    def _rows_of(self, episode: Episode, tokens: ChatTokens) -> list[Row]:
        """Always as many, for TRL; empty ones where nothing is trained: they count in no normaliser."""
        tasks = self.config.trained_tasks if episode.tags["trained"] else ()
        left_out = None if self.config.trains_thoughts or tokens.marks is None else tokens.marks.thoughts
        seats = episode.learner_seats
        rows = [row for seat in seats for row in learner_rows(episode, seat, tokens.end, tasks, left_out)]
        return rows + [empty_row(tokens.end)] * (self.config.rows_per_game - len(rows))


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Training rows as TRL takes them."""
    return {
        "prompt_ids": [list(row.prompt) for row in rows],
        "completion_ids": [list(row.completion) for row in rows],
        "env_mask": [list(row.mask) for row in rows],
        "logprobs": [list(row.logprobs) for row in rows],
    }


def _with_calls(episode: Episode, calls: Sequence[JudgeCall]) -> Episode:
    """With the calls that ordered its group among those behind its score, so that they are on record and counted."""
    *before, last = episode.rulings
    verdict = replace(last.verdict, calls=(*last.verdict.calls, *calls))
    return replace(episode, rulings=(*before, replace(last, verdict=verdict)))


def _answer(episode: Episode) -> str:
    return episode.outcome.completion or ""
