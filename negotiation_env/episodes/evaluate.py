"""Many negotiations at once, and what they amount to.

A run's folder (`run_folder`) also holds, once all is played, `summary.json`. A run that was killed goes on where it
was, and ends with the summary of an unbroken one.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TypeVar, Unpack

from negotiation_env.console.terminal import say
from negotiation_env.environment.choices import chosen_rules, given_scenarios
from negotiation_env.environment.episode import Episode, stream_latest
from negotiation_env.environment.prompting import BEFORE_SETS, Prompts, chosen_prompts, ids_of, seat_prompts
from negotiation_env.environment.stepping import Wrap
from negotiation_env.episodes.provenance import digests, note_provenance
from negotiation_env.episodes.run_folder import EPISODES, SUMMARY, claim, open_run, play_into
from negotiation_env.episodes.runner import Game, derive_seed, require_lanes
from negotiation_env.episodes.seating import require_agents, require_seats, seat_agents
from negotiation_env.episodes.summary import Summary, summarise
from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.errors import UserError
from negotiation_env.files.durable import write_whole
from negotiation_env.game.rules import Rules, RuleSettings
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.files import Given, load_guards
from negotiation_env.interfaces import Agent, Judge
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.specs import require_name
from negotiation_env.text.alike import id_key

__all__ = [
    "GAMES_AT_A_TIME",
    "RunSettings",
    "evaluate",
    "fingerprint",
    "pick",
    "pick_of",
]

T = TypeVar("T")

GAMES_AT_A_TIME: Final = 40
"""In lockstep, unless an evaluation is told otherwise."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """All that decides what a run plays; a run goes on only with the same.

    Attributes:
        agents: Their names.
        judge: The judge's name.
        scenarios: Each one's id and the beginning of its content's SHA-256, in order; a run that goes on may have more.
        seed: Seeds the replies.
        batch: Games in lockstep at a time; in-process models differ in the last bit between batches of other games.
        rules: How it is played.
        contents: By spec what it does not say of itself; see `evaluate`.
        prompts: The ids of the prompt sets, as in an `Episode`.
    """

    agents: tuple[str, ...]
    judge: str
    scenarios: tuple[str, ...]
    seed: int
    batch: int
    rules: Rules
    contents: Mapping[str, str]
    prompts: str


def evaluate(
    agents: Sequence[Agent],
    judge: str | Judge,
    scenarios: str | Path | Scenario | Sequence[Scenario],
    out: str | Path,
    *,
    seed: int = 0,
    batch: int = GAMES_AT_A_TIME,
    workers: int = 1,
    resume: bool = False,
    contents: Mapping[str, str] | None = None,
    unscored_limit: float = 0.2,
    progress: Callable[[Episode], None] = lambda _: None,
    kept: Callable[[int], None] = lambda _: None,
    wrap: Wrap | None = None,
    prompts: Prompts = None,
    guards: Given | None = None,
    sha256: Mapping[str, str] | None = None,
    **rules: Unpack[RuleSettings],
) -> Summary:
    """Play every scenario once and write the episodes and their summary.

    A resumed run is held to the names of its agents and judge, and to `contents`. What an agent or judge is that comes
    as a Python object, nothing else tells: give what it depends on as `contents`, or mind that yourself.

    Args:
        agents: One for each seat; the last one also takes the seats beyond.
        judge: Decides and scores; a judge, or the spec of one.
        scenarios: What to negotiate, as for `NegotiationEnv`; ids must differ.
        out: The folder to write to; must hold no episodes yet, unless the run is resumed.
        seed: Seeds the replies; the same seed gives the same games.
        batch: Games in lockstep at a time.
        workers: More than 1 plays as many games at a time, each for itself, for remote models.
        resume: Go on with the folder's run: play what is missing or unscored, keep the rest. There may be more
            scenarios than before.
        contents: By spec or name what it does not say of an agent or judge, such as a digest of its code or weights; a
            run goes on only with the same. The command line's are `negotiation_env.agents.contents.contents_of`.
        unscored_limit: The highest share of unscored episodes, 0 to 1; see `UnscoredLimit`.
        progress: Told of each episode, those that were kept first.
        kept: Told how many negotiations were played and scored before, once it is sure that the run may go on.
        wrap: As for `play_many`; a run goes on only with one of the same name.
        prompts: As for `play_many`; a run goes on only with sets that say the same.
        guards: As for `play_many`; a run goes on only under the same.
        sha256: Of the files of agents and judge, by name, for the folder's provenance; nothing is held to it.
        **rules: The fields of `Rules`.

    Raises:
        TypeError: A rule has no such name.
        ValueError: A scenario is none, a rule's value is out of range, or no games are to be played at a time.
        UserError: An agent is none; another run has the folder; it holds episodes already; to resume, it holds no run
            or one with other settings or agents; two scenarios have one id, or there are none; a name can be on no
            record.
        JudgeError: Too many episodes are unscored. What was played is kept, a summary is not written.
    """
    judge, played_by = resolve_judge(judge), chosen_rules(rules)
    require_lanes(batch, workers)
    require_agents(agents)
    scenarios = given_scenarios(scenarios)
    out, games, limit = Path(out), _games(agents, scenarios, seed), UnscoredLimit(unscored_limit)
    names = tuple(agent.name for agent in agents)
    for name in (*names, judge.name):
        require_name(name, "agent or judge")
    told = tuple(map(fingerprint, scenarios))
    chosen, watched = chosen_prompts(prompts, judge), None if guards is None else load_guards(guards)
    known = {**(contents or {}), **wrapped(wrap), **({"guards": watched.id} if watched else {})}
    shown = ids_of(seat_prompts(chosen, len(agents), agents))
    settings = RunSettings(names, judge.name, told, seed, batch, played_by, known, shown)
    with claim(out):
        open_run(out, asdict(settings), resume=resume, formerly={"prompts": BEFORE_SETS}, grows="scenarios")
        note_provenance(out, {**digests(scenarios, chosen), **(sha256 or {})})
        path = out / EPISODES
        play_into(
            path,
            games,
            judge,
            batch=batch,
            workers=workers,
            limit=limit,
            progress=progress,
            kept=kept,
            wrap=wrap,
            prompts=chosen,
            guards=watched,
            **rules,
        )
        limit.finish()
        return _write_summary(out, games)


def wrapped(wrap: Wrap | None) -> dict[str, str]:
    """What a run's settings say of its wrappers."""
    if wrap is None:
        return {}
    return {"wrap": f"{wrap.__module__}.{getattr(wrap, '__qualname__', type(wrap).__qualname__)}"}


def _games(agents: Sequence[Agent], scenarios: Sequence[Scenario], seed: int) -> list[Game]:
    twice = [id for id, times in Counter(id_key(scenario.id) for scenario in scenarios).items() if times > 1]
    if twice or not scenarios:
        raise UserError(f"expected scenarios with ids that differ, got {f'{twice[0]!r} twice' if twice else 'none'}")
    require_seats(len(agents), scenarios)
    return [
        Game(scenario.id, scenario, seat_agents(agents, scenario.seats), derive_seed(seed, scenario.id))
        for scenario in scenarios
    ]


def fingerprint(scenario: Scenario) -> str:
    """A scenario's id and the beginning of its content's SHA-256."""
    return f"{scenario.id} {hashlib.sha256(scenario.to_json().encode()).hexdigest()[:12]}"


def _write_summary(out: Path, games: Sequence[Game]) -> Summary:
    """Of the games' last episodes in the file."""
    wanted = {game.id for game in games}
    summary = summarise(episode for episode in stream_latest(out / EPISODES) if episode.id in wanted)
    write_whole(out / SUMMARY, summary.to_json())
    return summary


def pick(scenarios: Sequence[T], count: int, seed: int) -> list[T]:
    """A seeded sample of at most `count` scenarios, or groups of them, in their own order; a larger one holds it."""
    import random

    dice, chosen = random.Random(seed), set[int]()
    while len(chosen) < min(count, len(scenarios)):
        chosen.add(dice.randrange(len(scenarios)))
    return [scenarios[index] for index in sorted(chosen)]


def pick_of(split: str, scenarios: Sequence[T], count: int, seed: int, asked: str) -> list[T]:
    """As `pick`, of a split; says so where it holds fewer than were asked for, by the name of what asked."""
    if len(scenarios) < count:
        say(f"{split} holds {len(scenarios)}, fewer than {asked} {count}: each is taken once", error=True)
    return pick(scenarios, count, seed)
