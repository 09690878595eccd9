"""A benchmark from end to end: games, comparisons, probes, tables; each step goes on where it was.

The folder holds `run.json` (the settings), `tables.json` and, append-only, `episodes.jsonl`, `comparisons.jsonl`,
`probes.jsonl` and `challenges.jsonl`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from negotiation_env import prompts
from negotiation_env.benchmark.asked import Asked, ask, askings
from negotiation_env.benchmark.compare import Compared, compare, matches
from negotiation_env.benchmark.config import BenchmarkConfig, Decoding
from negotiation_env.benchmark.durability import Challenge, challenges
from negotiation_env.benchmark.lines import AnswerFile
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


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays and who judges.

    Attributes:
        negotiators: By name and decoding.
        panel: The fixed opponents by name.
        judge: Decides and scores.
        comparisons: Who compares two answers, by objective.
        weights: Digests of local weights, by spec; a run goes on only with the same.
    """

    negotiators: Mapping[tuple[str, Decoding], Agent]
    panel: Mapping[str, Agent]
    judge: Judge
    comparisons: Mapping[str, PairwiseJudge]
    weights: Mapping[str, str]


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
    purse = Purse(config.cost_limit)
    _play(config, cast, games, out, purse)
    played = latest_episodes(out / EPISODES)
    episodes = [played[each.id] for each in games]
    compared = _compare(config, cast, episodes, out, purse)
    asked, challenged = _ask(config, cast, episodes, out, purse) if config.probes else ([], {})
    seen, _ = seen_of(episodes, asked, challenged)
    tables = [*win_tables(compared, config), *outcome_tables(seen, config)]
    write_whole(out / TABLES, tables_to_json(tables))
    return tables


def _settings(config: BenchmarkConfig, cast: Cast, games: Sequence[Planned]) -> dict[str, Any]:
    """All that decides what is played, compared and asked."""
    kept = {name: value for name, value in asdict(config).items() if name not in _FREE_TO_CHANGE}
    judges = {"judge": cast.judge.name} | {name: judge.name for name, judge in cast.comparisons.items()}
    scenarios = sorted({fingerprint(each.scenario) for each in games})
    return kept | {"judges": judges, "weights": cast.weights, "prompts": prompts.VERSION, "scenarios": scenarios}


def _play(config: BenchmarkConfig, cast: Cast, games: Sequence[Planned], out: Path, purse: Purse) -> None:
    limit = UnscoredLimit(config.unscored_limit)
    with progress("games", len(games)) as advance:

        def note(episode: Episode) -> None:
            advance(episode)
            purse.pay(policy_usage([episode]).cost, judge_usage([episode]).cost)

        for setting in dict.fromkeys(each.place.setting for each in games):
            chosen = [each for each in games if each.place.setting is setting]
            play_into(
                out / EPISODES,
                [game(each, config.seed, cast.negotiators, cast.panel) for each in chosen],
                cast.judge,
                batch=config.batch,
                workers=config.workers,
                limit=limit,
                progress=note,
                **config.rules(each.scenario for each in chosen),
            )
    limit.finish()


def _compare(
    config: BenchmarkConfig, cast: Cast, episodes: Sequence[Episode], out: Path, purse: Purse
) -> list[Compared]:
    found, limit = matches(episodes, cast.comparisons), UnscoredLimit(config.unscored_limit)
    with progress("comparisons", len(found)) as advance:

        def note(each: Compared) -> None:
            advance(each)
            purse.pay(calls_usage(each.calls).cost)

        answers = AnswerFile(out / "comparisons.jsonl", Compared).complete(
            found, lambda some: compare(some, cast.comparisons), batch=config.batch, limit=limit, progress=note
        )
    return list(answers.values())


def _ask(
    config: BenchmarkConfig, cast: Cast, episodes: Sequence[Episode], out: Path, purse: Purse
) -> tuple[list[Asked], dict[str, Challenge]]:
    """Acceptance and faithfulness, where the judge can say; and whether agreements are durable."""
    examiner, agreed = (
        cast.judge,
        {each.id: each for each in episodes if each.outcome.agreed and each.reward is not None},
    )
    found = askings(episodes) if isinstance(examiner, Examiner) else {}
    with progress("probes", len(found) + len(agreed)) as advance:

        def note(each: Asked | Challenge) -> None:
            advance(each)
            calls = each.calls if isinstance(each, Asked) else each.verdict.calls if each.verdict else ()
            purse.pay(calls_usage(calls).cost)

        def examine(some: Sequence[Any]) -> list[Asked]:
            assert isinstance(examiner, Examiner)
            return ask(some, examiner)

        def challenge(some: Sequence[Episode]) -> list[Challenge]:
            return _challenge(some, cast)

        asked = AnswerFile(out / "probes.jsonl", Asked).complete(
            found, examine, batch=config.batch, limit=UnscoredLimit(config.unscored_limit), progress=note
        )
        challenged = AnswerFile(out / "challenges.jsonl", Challenge).complete(
            agreed, challenge, batch=config.batch, limit=UnscoredLimit(config.unscored_limit), progress=note
        )
    return list(asked.values()), challenged


def _challenge(episodes: Sequence[Episode], cast: Cast) -> list[Challenge]:
    """The negotiator that is looked at writes the answer, and so is the one that is tested."""
    found: dict[str, Challenge] = {}
    for (name, decoding), agent in cast.negotiators.items():
        own = [
            episode
            for episode in episodes
            if (place := place_of(episode)).negotiator == name and place.decoding is decoding
        ]
        found |= {each.id: each for each in challenges(own, agent, cast.judge)}
    return [found[episode.id] for episode in episodes]
