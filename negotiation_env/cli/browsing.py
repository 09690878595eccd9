"""`negotiate play --browser`, also of a study."""

import asyncio
import webbrowser
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from negotiation_env.cli.options import enough_turns, find_scenario
from negotiation_env.console.terminal import say
from negotiation_env.errors import Interrupted, UserError

if TYPE_CHECKING:
    from negotiation_env.browser.study import Trial
    from negotiation_env.endpoints.recording import Traffic
    from negotiation_env.environment.episode import Episode
    from negotiation_env.episodes.runner import Game
    from negotiation_env.interfaces import Judge

__all__ = ["play_in_pages", "play_study", "study_alone"]

RATINGS: Final = "ratings.jsonl"
_IN_STUDY: Final = ("agents", "judge", "split", "scenario", "seed", "max_turns")


def play_in_pages(
    game: "Game", judge: "Judge", keep: "Callable[[Episode], None] | None", *, open_page: bool, **rules: Any
) -> None:
    """Play one game in the browser, until Ctrl-C; a game that has ended is kept before.

    Raises:
        Interrupted: Ctrl-C came before the game had ended.
    """
    from negotiation_env.agents.human import HumanAgent
    from negotiation_env.browser.play import play_in_browser

    people = [seat for seat, agent in enumerate(game.agents) if isinstance(agent, HumanAgent)]
    ended: list[Episode] = []

    def end(episode: "Episode") -> None:
        if keep:
            keep(episode)
        ended.append(episode)
        say(f"the negotiation ended {episode.outcome.status}".replace("_", " "))

    show = partial(_show, open_page=open_page)
    if _stopped(play_in_browser(game, judge, people, show=show, keep=end, **rules)) and not ended:
        raise Interrupted("stopped; a negotiation that had not ended is not kept")


def study_alone(context: typer.Context) -> tuple[Path, Path]:
    """The file of a study, and the folder of what comes of it.

    Raises:
        UserError: One is missing, or an option says what the study's file does.
    """
    study, out = context.params["study"], context.params["out"]
    if study is None or out is None or not context.params["browser"]:
        raise UserError("a study is played in the browser and kept: give --browser --study FILE --out FOLDER")
    given = [each for each in _IN_STUDY if getattr(context.get_parameter_source(each), "name", "") != "DEFAULT"]
    if given:
        named = ", ".join(f"--{each.replace('_', '-')}" for each in given)
        raise UserError(f"the study's file says what {named} would; leave that out")
    return study, out


def play_study(
    path: Path, out: Path, participant: str | None, traffic: "Traffic", *, cache: bool, open_page: bool, **rules: Any
) -> None:
    """Take one participant through a study, until Ctrl-C; each game and each rating is kept when it is there.

    Raises:
        UserError: The study, its scenarios or the folder will not do, or the participant has rated everything.
    """
    from negotiation_env.agents.contents import sha256_of
    from negotiation_env.agents.needs import resolve_cast
    from negotiation_env.browser.session import run_session
    from negotiation_env.browser.study import next_trials, read_study
    from negotiation_env.data import load_scenarios
    from negotiation_env.environment.prompting import chosen_prompts
    from negotiation_env.episodes.provenance import digests, note_provenance
    from negotiation_env.episodes.run_folder import open_games
    from negotiation_env.judges.ratings import read_ratings

    study, id = read_study(path)
    found = load_scenarios(study.split, seed=study.seed)
    scenarios = {wanted: find_scenario(found, wanted) for wanted in study.scenarios}
    if not set(study.seats) <= set(range(min(each.seats for each in scenarios.values()))):
        raise UserError(f"{path}: expected seats that every scenario has, got {list(study.seats)}")
    with ExitStack() as folder:
        keep = folder.enter_context(open_games(out))
        who, left = next_trials(study, id, read_ratings(out / RATINGS), participant)
        specs = [*study.conditions.values()]
        players, (judge,) = resolve_cast(specs, [study.judge], traffic, cache=cache)
        told = chosen_prompts(rules["prompts"], judge)
        note_provenance(out, digests([*scenarios.values()], told) | sha256_of(specs, [study.judge]))
        agents = dict(zip(study.conditions, players, strict=True))
        tags = {"study": id, "participant": who}
        say(f"participant {who}; {len(left)} to play. To go on after a break: --participant {who}")
        session = run_session(
            study,
            left,
            lambda trial: _game(trial, scenarios[trial.scenario], agents[trial.condition], study.seed, tags),
            judge,
            show=partial(_show, open_page=open_page),
            keep=keep,
            rate=_Rating(out / RATINGS, id, who).keep,
            max_turns=enough_turns(study.max_turns, [*scenarios.values()]),
            **rules,
        )
        _stopped(session)


def _game(trial: "Trial", scenario: Any, agent: Any, seed: int, tags: Mapping[str, str]) -> "Game":
    from negotiation_env.episodes.runner import Game, derive_seed

    id = f"{tags['participant']}/{trial.number}"
    own = {**tags, "trial": trial.number, "condition": trial.condition}
    return Game(id, scenario, (agent,) * scenario.seats, derive_seed(seed, id), tags=own)


@dataclass(frozen=True, slots=True)
class _Rating:
    """Appends what a participant says of a game."""

    path: Path
    study: str
    participant: str

    def keep(self, trial: "Trial", episode: "Episode", ratings: Mapping[str, int]) -> None:
        from negotiation_env.judges.ratings import RatedGame, append_rating

        rated = RatedGame(
            self.study,
            self.participant,
            trial.number,
            trial.condition,
            trial.seat,
            episode.scenario,
            episode.dialogue,
            episode.outcome.completion or "",
            ratings,
        )
        append_rating(self.path, rated)


def _show(addresses: Mapping[str, str], *, open_page: bool) -> None:
    for name, address in addresses.items():
        say(f"{name}: {address}")
    say("Whoever has an address has what is there. Ctrl-C ends the server.")
    if open_page:
        webbrowser.open(next(iter(addresses.values())))


def _stopped(work: Coroutine[Any, Any, None]) -> bool:
    """Serve until Ctrl-C; whether it came."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        return True
    return False
