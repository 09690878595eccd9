"""A benchmark from end to end: games, comparisons, probes, tables; each step goes on where it was.

The folder holds `run.json` (the settings), `tables.json` and, append-only, `episodes.jsonl`, `comparisons.jsonl`,
`probes.jsonl` and `challenges.jsonl`.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from negotiation_env import prompts
from negotiation_env.benchmark.asked import Asked, ask, askings
from negotiation_env.benchmark.compare import Compared, compare, matches
from negotiation_env.benchmark.config import BenchmarkConfig, Decoding
from negotiation_env.benchmark.durability import Challenge, challenges
from negotiation_env.benchmark.lines import Answer, AnswerFile
from negotiation_env.benchmark.measures import seen_of
from negotiation_env.benchmark.plan import Planned, game, place_of, plan
from negotiation_env.benchmark.purse import Purse
from negotiation_env.benchmark.tables import outcome_tables
from negotiation_env.benchmark.win_tables import win_tables
from negotiation_env.episode import Episode, latest_episodes, write_whole
from negotiation_env.evaluate import fingerprint
from negotiation_env.interfaces import Agent, Judge
from negotiation_env.judges.pairwise import PairwiseJudge
from negotiation_env.judges.probes import Examiner
from negotiation_env.progress import progress
from negotiation_env.run_folder import EPISODES, open_run, play_into
from negotiation_env.table import Table, tables_to_json
from negotiation_env.unscored import UnscoredLimit
from negotiation_env.usage import calls_usage, judge_usage, policy_usage

__all__ = ["TABLES", "Cast", "run_benchmark"]

TABLES = "tables.json"
_FREE_TO_CHANGE = ("workers", "cost_limit", "unscored_limit")

A = TypeVar("A", bound=Answer)
Q = TypeVar("Q")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays and who judges.

    Attributes:
        negotiators: By name and decoding.
        panel: The fixed opponents by name.
        judge: Decides and scores.
        comparisons: Who compares two answers, by objective.
        contents: By spec what it does not say of itself, such as its weights' digest; a run goes on only with the same.
    """

    negotiators: Mapping[tuple[str, Decoding], Agent]
    panel: Mapping[str, Agent]
    judge: Judge
    comparisons: Mapping[str, PairwiseJudge]
    contents: Mapping[str, str]


def run_benchmark(config: BenchmarkConfig, cast: Cast, out: Path, *, resume: bool = False) -> list[Table]:
    """Play, compare, ask, and write the tables.

    Args:
        config: The settings.
        cast: The agents and judges that the config names.
        out: The folder to write to.
        resume: Go on with the folder's run: what is there and scored is kept.

    Raises:
        UserError: The folder holds a run already, or, to resume, none or one with other settings; or the cost limit is
            reached. What was played is kept.
        JudgeError: Too much is unscored. What was played is kept.
    """
    games = plan(config)
    open_run(out, _settings(config, cast, games), resume=resume)
    run = _Run(config, cast, out, Purse(config.cost_limit))
    episodes = run.play(games)
    compared = run.compare(episodes)
    asked = run.examine(episodes) if config.probes else {}
    challenged = run.challenge(episodes) if config.probes else {}
    seen = seen_of(episodes, asked.values(), challenged)
    tables = [*win_tables(list(compared.values()), config), *outcome_tables(seen, config)]
    write_whole(out / TABLES, tables_to_json(tables))
    return tables


def _settings(config: BenchmarkConfig, cast: Cast, games: Sequence[Planned]) -> dict[str, Any]:
    """All that decides what is played, compared and asked."""
    kept = {name: value for name, value in asdict(config).items() if name not in _FREE_TO_CHANGE}
    kept |= {"reference": config.baseline, "decoding": [str(each) for each in config.decoding]}
    compare = {objective: judge.name for objective, judge in cast.comparisons.items()}
    return kept | {
        "order": [*config.negotiators, *config.panel],
        "contents": cast.contents,
        "judges": {"games": cast.judge.name, "comparisons": compare},
        "prompts": prompts.VERSION,
        "scenarios": sorted({fingerprint(each.scenario) for each in games}),
    }


@dataclass(frozen=True, slots=True)
class _Run:
    """A run's steps; each keeps what its file holds and asks for the rest."""

    config: BenchmarkConfig
    cast: Cast
    out: Path
    purse: Purse

    def play(self, games: Sequence[Planned]) -> list[Episode]:
        """Every game, those of one setting at a time."""
        path, limit = self.out / EPISODES, UnscoredLimit(self.config.unscored_limit)
        with progress("games", len(games)) as advance:
            for setting in dict.fromkeys(each.place.setting for each in games):
                chosen = [each for each in games if each.place.setting is setting]
                play_into(
                    path,
                    [game(each, self.config.seed, self.cast.negotiators, self.cast.panel) for each in chosen],
                    self.cast.judge,
                    batch=self.config.batch,
                    workers=self.config.workers,
                    limit=limit,
                    progress=self._paying(advance),
                    **self.config.rules(each.scenario for each in chosen),
                )
                self.purse.check()
        limit.finish()
        played = latest_episodes(path)
        return [played[each.id] for each in games]

    def compare(self, episodes: Sequence[Episode]) -> dict[str, Compared]:
        """Which negotiator's answers are better."""
        judges, found = self.cast.comparisons, matches(episodes, self.cast.comparisons)
        return self._complete("comparisons", Compared, found, lambda some: compare(some, judges), _price)

    def examine(self, episodes: Sequence[Episode]) -> dict[str, Asked]:
        """Acceptance and faithfulness, where the judge can say."""
        judge = self.cast.judge
        if not isinstance(judge, Examiner):
            return {}
        return self._complete("probes", Asked, askings(episodes), lambda some: ask(some, judge), _price)

    def challenge(self, episodes: Sequence[Episode]) -> dict[str, Challenge]:
        """Whether agreements are durable."""
        agreed = {each.id: each for each in episodes if each.outcome.agreed and each.reward is not None}
        return self._complete("challenges", Challenge, agreed, self._challenge, _challenge_price)

    def _challenge(self, episodes: Sequence[Episode]) -> list[Challenge]:
        """Each negotiator is tested on the answers that it wrote."""
        own: dict[tuple[str, Decoding], list[Episode]] = defaultdict(list)
        for episode in episodes:
            place = place_of(episode)
            own[place.negotiator, place.decoding].append(episode)
        answers = (challenges(some, self.cast.negotiators[who], self.cast.judge) for who, some in own.items())
        found = {each.id: each for some in answers for each in some}
        return [found[episode.id] for episode in episodes]

    def _paying(self, advance: Callable[[object], None]) -> Callable[[Episode], None]:
        """Pays for games; the limit is looked at after each batch, for one that is broken off is played again whole."""
        batch, told = self.config.batch if self.config.workers == 1 else 1, count(1)

        def note(episode: Episode) -> None:
            advance(episode)
            self.purse.pay(policy_usage([episode]).cost, judge_usage([episode]).cost)
            if next(told) % batch == 0:
                self.purse.check()

        return note

    def _complete(
        self,
        name: str,
        kind: type[A],
        questions: Mapping[str, Q],
        ask: Callable[[Sequence[Q]], Sequence[A]],
        price: Callable[[A], float | None],
    ) -> dict[str, A]:
        file, limit = AnswerFile(self.out / f"{name}.jsonl", kind), UnscoredLimit(self.config.unscored_limit)
        with progress(name, len(questions)) as advance:

            def note(answer: A) -> None:
                advance(answer)
                self.purse.pay(price(answer))
                self.purse.check()

            return file.complete(questions, ask, batch=self.config.batch, limit=limit, progress=note)


def _price(answer: Compared | Asked) -> float | None:
    """Dollars, as far as they are known."""
    return calls_usage(answer.calls).cost


def _challenge_price(challenge: Challenge) -> float | None:
    calls = challenge.verdict.calls if challenge.verdict else ()
    return (calls_usage(calls).cost or 0.0) + (challenge.usage.get("cost") or 0.0)
