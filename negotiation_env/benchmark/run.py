"""A benchmark from end to end: games, comparisons, probes, tables; each step goes on where it was.

The folder holds `run.json` (the settings), `tables.json` and, append-only, `episodes.jsonl`, `comparisons.jsonl`,
`probes.jsonl` and `challenges.jsonl`; and `without_guards.jsonl`, where games under guards were played without, too.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from negotiation_env.benchmark.asked import Asked, ask, askings
from negotiation_env.benchmark.compare import Compared, all_compared, compare, matches
from negotiation_env.benchmark.config import BenchmarkConfig, Decoding
from negotiation_env.benchmark.durability import VERSION, Challenge, challenges, subject_of
from negotiation_env.benchmark.measures import seen_of
from negotiation_env.benchmark.plan import Planned, game, grouped, negotiated, place_of, plan
from negotiation_env.benchmark.spending import BenchmarkSpending
from negotiation_env.benchmark.tables import guard_tables, outcome_tables
from negotiation_env.benchmark.win_tables import win_tables
from negotiation_env.console.progress import progress
from negotiation_env.endpoints.cost_limit import need_prices
from negotiation_env.environment.episode import Episode, latest_episodes, read_episodes
from negotiation_env.environment.prompting import BEFORE_SETS, chosen_prompts, ids_of
from negotiation_env.environment.stepping import Wrap
from negotiation_env.episodes.answer_file import AnswerFile, digest
from negotiation_env.episodes.evaluate import fingerprint
from negotiation_env.episodes.provenance import digests, note_provenance
from negotiation_env.episodes.run_folder import EPISODES, claim, open_run, play_into
from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.errors import NegotiationError, UserError
from negotiation_env.files.durable import write_whole
from negotiation_env.game.prompts import PromptSet
from negotiation_env.guards.files import Guards
from negotiation_env.interfaces import Agent, Judge
from negotiation_env.judges.material import instructions
from negotiation_env.judges.pairwise import PairwiseJudge
from negotiation_env.judges.probes import Examiner, ProbeKind
from negotiation_env.loading.heavy import importing
from negotiation_env.statistics.table import Table, tables_to_json

__all__ = ["FREE", "TABLES", "Cast", "challengeable", "need_packages", "run_benchmark", "tables_of"]

TABLES = "tables.json"
FREE = "without_guards.jsonl"
"""Games that were played under guards, too."""
_FREE_TO_CHANGE = ("workers", "cost_limit", "unscored_limit")
_ANSWERS: Final[Mapping[str, type[Compared | Asked | Challenge]]] = {
    "comparisons": Compared,
    "probes": Asked,
    "challenges": Challenge,
}
"""What a line of each file of answers is."""

A = TypeVar("A", Compared, Asked, Challenge)
Q = TypeVar("Q")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays and who judges.

    Attributes:
        negotiators: By name and decoding, see `BenchmarkConfig.decodings`.
        panel: The fixed opponents by name.
        judge: Decides and scores.
        comparisons: Who compares two answers, by objective.
        contents: By spec what it does not say of itself, such as its weights' digest; a run goes on only with the same.
        wrap: What stands around every game's environment, see `play_many`.
        prompts: What the seats are told; () follows the judge.
        trainees: By objective, the negotiators that were trained by who compares: there it is no held-out judge.
        guards: What has to hold in all negotiations; None is nothing.
        sha256: Of the files of all of them, by name, for the folder's provenance; nothing is held to it.
    """

    negotiators: Mapping[tuple[str, Decoding | None], Agent]
    panel: Mapping[str, Agent]
    judge: Judge
    comparisons: Mapping[str, PairwiseJudge]
    contents: Mapping[str, str]
    wrap: Wrap | None = None
    prompts: tuple[PromptSet, ...] = ()
    trainees: Mapping[str, Sequence[str]] = field(default_factory=dict)
    guards: Guards | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompts", chosen_prompts(self.prompts or None, self.judge))


def run_benchmark(config: BenchmarkConfig, cast: Cast, out: Path, *, resume: bool = False) -> list[Table]:
    """Play, compare, ask, and write the tables.

    Args:
        config: The settings.
        cast: The agents and judges that the config names.
        out: The folder to write to.
        resume: Go on with the folder's run: what is there and scored is kept.

    Raises:
        UserError: The scenarios cannot be used, or not by the judge; another run has the folder; it holds a run
            already, or, to resume, none or one with other settings; there is a cost limit, and an endpoint's price is
            unknown; or the limit is reached. What was played is kept.
        MissingExtra: A package that the tables need is not installed.
        JudgeError: Too much is unscored. What was played is kept.
    """
    need_packages()
    if config.open and not getattr(cast.judge, "open_questions", True):
        raise UserError(f"open: {cast.judge.name} scores no open questions; set open = 0, or name another judge")
    if config.cost_limit is not None:
        players = (*cast.negotiators.values(), *cast.panel.values())
        need_prices([*players, cast.judge, *cast.comparisons.values()])
    games = plan(config)
    with claim(out):
        open_run(out, _settings(config, cast, games), resume=resume, formerly={"prompts": BEFORE_SETS})
        played = {each.scenario.id: each.scenario for each in games}.values()
        note_provenance(out, {**digests(played, cast.prompts), **cast.sha256})
        spending = BenchmarkSpending(config.cost_limit)
        return _all_steps(_Run(config, _paid(cast, spending), spending.judge(cast.judge), out, spending), games)


def _all_steps(run: "_Run", games: Sequence[Planned]) -> list[Table]:
    config = run.config
    run.pay_for_answers()
    played = run.play(games)
    free = run.play(negotiated(games), guarded=False) if config.guards_paired else {}
    episodes = list(played.values())
    compared = run.compare(games, played)
    asked = run.examine(episodes) if config.probes else {}
    challenged = run.challenge(episodes) if config.probes else {}
    tables = tables_of(config, episodes, compared, asked, challenged, run.cast.trainees)
    tables += guard_tables(episodes, free)
    write_whole(run.out / TABLES, tables_to_json(tables))
    return tables


def tables_of(
    config: BenchmarkConfig,
    episodes: Sequence[Episode],
    compared: Sequence[Compared],
    asked: Mapping[str, Asked],
    challenged: Mapping[str, Challenge],
    trainees: Mapping[str, Sequence[str]],
) -> list[Table]:
    """What a benchmark comes to.

    Args:
        config: The settings.
        episodes: Every planned game's.
        compared: As for `win_tables`.
        asked: What was asked about games, by id.
        challenged: What became of agreements that were challenged, by the episode's id.
        trainees: As for `win_tables`.
    """
    return [
        *win_tables(compared, config, trainees),
        *outcome_tables(seen_of(episodes, asked.values(), challenged), config),
    ]


def challengeable(episodes: Iterable[Episode]) -> dict[str, Episode]:
    """The agreements that are challenged, by id."""
    return {each.id: each for each in episodes if each.outcome.agreed and each.reward is not None}


def _paid(cast: Cast, spending: BenchmarkSpending) -> Cast:
    """The same, but that whoever plays is paid out of the limit."""
    negotiators = {who: spending.agent(agent) for who, agent in cast.negotiators.items()}
    panel = {name: spending.agent(each) for name, each in cast.panel.items()}
    return replace(cast, negotiators=negotiators, panel=panel)


def need_packages() -> None:
    """See that there is what the tables need, which come last, when all is paid for.

    Raises:
        MissingExtra: A package is not installed.
    """
    with importing("a benchmark", "bench"):
        import choix  # noqa: F401
        import statsmodels  # noqa: F401


def _settings(config: BenchmarkConfig, cast: Cast, games: Sequence[Planned]) -> dict[str, Any]:
    """All that decides what is played, compared and asked."""
    kept = {name: value for name, value in asdict(config).items() if name not in _FREE_TO_CHANGE}
    for name in ("alone", "guards_paired"):  # so that a run from before there was such a key goes on
        if not kept[name]:
            del kept[name]
    kept |= {"reference": config.baseline, "decoding": [str(each) for each in config.decoding]}
    compare = {objective: judge.name for objective, judge in cast.comparisons.items()}
    kept |= _probing() if config.probes else {}
    return kept | {
        "order": [*config.negotiators, *config.panel],
        "contents": {**cast.contents, **({"guards": cast.guards.id} if cast.guards else {})},
        "judges": {"games": cast.judge.name, "comparisons": compare},
        "prompts": ids_of(cast.prompts),
        "scenarios": sorted({fingerprint(each.scenario) for each in games}),
        **(
            {"trainees": trainees} if (trainees := {name: [*who] for name, who in cast.trainees.items() if who}) else {}
        ),
    }


def _probing() -> dict[str, str]:
    """What probes and challenges say, which no judge's name tells."""
    return {"probe_prompts": digest([instructions(kind) for kind in ProbeKind]), "challenge": VERSION}


@dataclass(frozen=True, slots=True)
class _Run:
    """A run's steps; each keeps what its file holds and asks for the rest."""

    config: BenchmarkConfig
    cast: Cast
    referee: Judge
    """The cast's judge, paid for each verdict of a game or a challenge."""
    out: Path
    spending: BenchmarkSpending

    def pay_for_answers(self) -> None:
        """Everything on file was paid for, also what came to nothing."""
        for path in filter(Path.exists, (self.out / EPISODES, self.out / FREE)):
            for episode in read_episodes(path):
                self.spending.pay(episode)
        for name, kind in _ANSWERS.items():
            for answer in AnswerFile(self.out / f"{name}.jsonl", kind).answers():
                self.spending.pay(answer)

    def play(self, games: Sequence[Planned], *, guarded: bool = True) -> dict[str, Episode]:
        """Every game by id, those of one setting at a time; without guards they are in a file of their own."""
        path, limit = self.out / (EPISODES if guarded else FREE), UnscoredLimit(self.config.unscored_limit)
        with progress("games", len(games)) as advance, self._final_sum():
            for chosen in grouped(games, lambda each: (each.place.setting, each.place.single)).values():
                play_into(
                    path,
                    [game(each, self.config.seed, self.cast.negotiators, self.cast.panel) for each in chosen],
                    self.referee,
                    batch=self.config.batch,
                    workers=self.config.workers,
                    limit=limit,
                    progress=self._watching(advance),
                    wrap=self.cast.wrap,
                    prompts=self.cast.prompts,
                    guards=self.cast.guards if guarded else None,
                    **self.config.rules((each.scenario for each in chosen), alone=chosen[0].place.single),
                )
        limit.finish()
        played = latest_episodes(path)
        return {each.id: played[each.id] for each in games}

    def compare(self, games: Sequence[Planned], played: Mapping[str, Episode]) -> list[Compared]:
        """Which negotiator's answers are better."""
        judges = self.cast.comparisons
        found = matches(games, played, self.config.objectives, {name: each.name for name, each in judges.items()})
        asked = {id: match for id, match in found.items() if match.played}
        told = self._complete(
            "comparisons",
            Compared,
            asked,
            lambda match: match.subject_digest,
            self.spending.asking(partial(compare, judges=judges), *judges.values()),
        )
        return all_compared(found, told)

    def examine(self, episodes: Sequence[Episode]) -> dict[str, Asked]:
        """Acceptance and faithfulness, where the judge can say."""
        judge = self.cast.judge
        if not isinstance(judge, Examiner):
            return {}
        found = askings(episodes, judge.name)
        paid = self.spending.asking(partial(ask, examiner=judge), judge)
        return self._complete("probes", Asked, found, lambda each: each.subject_digest, paid)

    def challenge(self, episodes: Sequence[Episode]) -> dict[str, Challenge]:
        """Whether agreements are durable."""
        found, judge = challengeable(episodes), self.cast.judge.name
        return self._complete("challenges", Challenge, found, lambda each: subject_of(each, judge), self._challenge)

    def _challenge(self, episodes: Sequence[Episode]) -> list[Challenge]:
        """Each negotiator is tested on the answers that it wrote."""
        own: dict[tuple[str, Decoding | None], list[Episode]] = defaultdict(list)
        for episode in episodes:
            place = place_of(episode)
            own[place.negotiator, place.decoding].append(episode)
        cast = self.cast
        answers = (challenges(some, cast.negotiators[who], self.referee, cast.prompts) for who, some in own.items())
        found = {each.id: each for some in answers for each in some}
        return [found[episode.id] for episode in episodes]

    @contextmanager
    def _final_sum(self) -> Iterator[None]:
        """Games that were under way when the limit was passed are paid for too: their sum is told."""
        try:
            yield
        except NegotiationError:
            self.spending.check()
            raise

    def _watching(self, advance: Callable[[object], None]) -> Callable[[object], None]:
        def note(ended: object) -> None:
            advance(ended)
            self.spending.check()

        return note

    def _complete(
        self,
        name: str,
        kind: type[A],
        questions: Mapping[str, Q],
        subject: Callable[[Q], str],
        ask: Callable[[Sequence[Q]], list[A]],
    ) -> dict[str, A]:
        file, limit = AnswerFile(self.out / f"{name}.jsonl", kind), UnscoredLimit(self.config.unscored_limit)
        batch, whole = self.config.batch, self.config.workers == 1
        with progress(name, len(questions)) as advance:
            watching = self._watching(advance)
            return file.complete(questions, subject, ask, batch=batch, whole=whole, limit=limit, progress=watching)
