"""`negotiate play` and `negotiate eval`."""

from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from negotiation_env.cli.app import app, told_on_ctrl_c
from negotiation_env.cli.browsing import play_in_pages, play_study, study_alone
from negotiation_env.cli.options import (
    Agents,
    Guards,
    HistoryTurns,
    JudgeSpec,
    MaxCompletionTokens,
    MaxTurns,
    MaxTurnTokens,
    NoCache,
    PromptsOption,
    Record,
    Replay,
    Seed,
    Split,
    Temperature,
    UnscoredShare,
    asked_sampling,
    enough_turns,
    find_scenario,
    going_on,
    named_prompts,
    open_traffic,
    print_table,
    require_apart,
    sampled_as,
)
from negotiation_env.console.terminal import say, say_json
from negotiation_env.errors import UserError
from negotiation_env.text.secrets import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from negotiation_env.cli.tables import GameTable
    from negotiation_env.environment.episode import Episode
    from negotiation_env.episodes.runner import Game
    from negotiation_env.game.scenario import Scenario
    from negotiation_env.interfaces import Judge

__all__ = ["evaluate_command", "play"]

_WORKERS = "1: many games in step, for models in this process; more: as many, each for itself, for remote models."


@app.command()
def play(
    context: typer.Context,
    agents: Agents = ["embedded"],  # noqa: B006 (typer reads the default, nobody changes it)
    judge: JudgeSpec = "embedded",
    split: Split = "eval_conflict",
    scenario: Annotated[str | None, typer.Option(help="A scenario's id; default: one drawn with the seed.")] = None,
    seed: Seed = 0,
    max_turns: MaxTurns = 7,
    history_turns: HistoryTurns = None,
    prompts: PromptsOption = None,
    guards: Guards = None,
    temperature: Temperature = None,
    max_turn_tokens: MaxTurnTokens = None,
    max_completion_tokens: MaxCompletionTokens = None,
    out: Annotated[Path | None, typer.Option(help="Append the episode to episodes.jsonl in this folder.")] = None,
    record: Record = None,
    replay: Replay = None,
    no_cache: NoCache = False,
    browser: Annotated[bool, typer.Option("--browser", help="In the browser; `human` takes a seat there.")] = False,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="With --browser: open the first page.")] = True,
    study: Annotated[Path | None, typer.Option(help="A study with people, by its TOML file; with --browser.")] = None,
    participant: Annotated[str | None, typer.Option(help="Of the study; default: a new one, by number.")] = None,
) -> None:
    """Play one negotiation and watch it.

    With --max-turns 0 a single agent answers. A joint answer is written and scored whether or not the parties agree;
    without an agreement it earns nothing. Exit code 2 where the game ends unscored. With --browser its pages are
    served, on this machine only, until Ctrl-C.
    """
    from negotiation_env.agents.contents import sha256_of
    from negotiation_env.agents.needs import require, resolve_cast
    from negotiation_env.cli.tables import lay_table
    from negotiation_env.environment.prompting import chosen_prompts
    from negotiation_env.episodes.provenance import digests, note_provenance
    from negotiation_env.episodes.run_folder import open_games
    from negotiation_env.episodes.runner import Game
    from negotiation_env.episodes.seating import require_seats, seat_agents

    rules: dict[str, Any] = {
        "prompts": named_prompts(prompts),
        "guards": guards or None,
        "history_turns": history_turns,
        "complete_without_agreement": True,
    }
    if study is not None or participant is not None:
        require_apart(out, record, replay)
        traffic = open_traffic(record, replay)
        play_study(*study_alone(context), participant, traffic, cache=not no_cache, open_page=open_page, **rules)
        return
    chosen = _chosen(split, scenario, seed)
    rules["max_turns"] = enough_turns(max_turns, [chosen])
    require_seats(len(agents), [chosen])
    require_apart(out, record, replay)
    traffic = open_traffic(record, replay)
    require(agents, [judge], traffic)  # before the cards are laid, which would push the error out of sight
    drawn = asked_sampling(temperature, max_turn_tokens, max_completion_tokens)
    with ExitStack() as folder:
        keep = folder.enter_context(open_games(out)) if out else None
        table = None if browser else lay_table(chosen, agents)
        with table.loading() if table else nullcontext():
            players, (decider,) = resolve_cast(agents, [judge], traffic, cache=not no_cache)
        players = sampled_as(drawn, players, agents)
        game = Game(chosen.id, chosen, seat_agents(players, chosen.seats), seed)
        if keep and out:
            told = chosen_prompts(rules["prompts"], decider)
            note_provenance(out, digests([chosen], told) | sha256_of(agents, [judge]))
        if table is None:
            play_in_pages(game, decider, keep, open_page=open_page, **rules)
        else:
            _play_at(table, game, decider, keep, out, **rules)


def _chosen(split: str, wanted: str | None, seed: int) -> "Scenario":
    from negotiation_env.data import load_scenarios
    from negotiation_env.episodes.evaluate import pick

    scenarios = load_scenarios(split, seed=seed)
    return pick(scenarios, 1, seed)[0] if wanted is None else find_scenario(scenarios, wanted)


def _play_at(
    table: "GameTable",
    game: "Game",
    judge: "Judge",
    keep: "Callable[[Episode], None] | None",
    out: Path | None,
    **rules: Any,
) -> None:
    """Play one game at a table, and keep it.

    Raises:
        Interrupted: Ctrl-C came before the game had ended.
        UserError: It ended unscored.
    """
    from negotiation_env.console.interrupts import put_off

    with told_on_ctrl_c("stopped; a negotiation that had not ended is not kept"), put_off():
        episode = table.play(game, judge, **rules)
        if keep:
            keep(episode)
        table.close(episode, out)
    if episode.failure is not None:
        raise UserError(f"the negotiation ended unscored: {episode.failure}")


@app.command("eval")
def evaluate_command(
    agents: Agents = ["embedded"],  # noqa: B006
    judge: JudgeSpec = "embedded",
    split: Split = "eval_conflict",
    n: Annotated[int, typer.Option("--n", min=1, help="How many scenarios, drawn with the seed.")] = 20,
    seed: Seed = 0,
    max_turns: MaxTurns = 7,
    history_turns: HistoryTurns = None,
    prompts: PromptsOption = None,
    guards: Guards = None,
    temperature: Temperature = None,
    max_turn_tokens: MaxTurnTokens = None,
    max_completion_tokens: MaxCompletionTokens = None,
    judge_sees_dialogue: Annotated[bool, typer.Option(help="Show the judge the dialogue with the completion.")] = False,
    workers: Annotated[int, typer.Option(min=1, help=_WORKERS)] = 1,
    out: Annotated[Path, typer.Option(help="Folder for episodes.jsonl and summary.json.")] = Path("runs/eval"),
    resume: Annotated[bool, typer.Option("--resume", help="Play what is missing or unscored in that folder.")] = False,
    unscored_limit: UnscoredShare = 0.2,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON only.")] = False,
    record: Record = None,
    replay: Replay = None,
    no_cache: NoCache = False,
) -> None:
    """Play many negotiations and sum them up.

    Writes episodes.jsonl and summary.json. A completion is written and scored whether or not the parties agree. A
    run that was killed goes on with --resume and the same settings, and ends with the summary of an unbroken one.
    """
    from negotiation_env.agents.contents import contents_of, sha256_of
    from negotiation_env.agents.needs import resolve_cast
    from negotiation_env.console.progress import progress
    from negotiation_env.data import load_scenarios
    from negotiation_env.episodes.evaluate import evaluate, pick_of
    from negotiation_env.episodes.run_folder import SETTINGS, claim, require_startable
    from negotiation_env.episodes.summary import summary_table

    told, scenarios = named_prompts(prompts), pick_of(split, load_scenarios(split, seed=seed), n, seed, "--n")
    most = enough_turns(max_turns, scenarios)
    require_apart(out, record, replay)
    traffic = open_traffic(record, replay, resume=resume)
    drawn = asked_sampling(temperature, max_turn_tokens, max_completion_tokens)

    def tell(kept: int) -> None:
        if resume:
            say(f"kept: {kept} of {len(scenarios)} negotiations; to be played: {len(scenarios) - kept}", error=as_json)

    with claim(out), going_on(out / SETTINGS):
        require_startable(out, resume=resume)  # before models are loaded
        players, (decider,) = resolve_cast(agents, [judge], traffic, cache=not no_cache)
        players = sampled_as(drawn, players, agents)
        with progress("negotiations", len(scenarios)) as advance:
            summary = evaluate(
                players,
                decider,
                scenarios,
                out,
                seed=seed,
                workers=workers,
                resume=resume,
                contents=contents_of(agents, [judge]) | {name: str(value) for name, value in drawn.items()},
                sha256=sha256_of(agents, [judge]),
                unscored_limit=unscored_limit,
                progress=advance,
                kept=tell,
                prompts=told,
                guards=guards or None,
                max_turns=most,
                history_turns=history_turns,
                judge_sees_dialogue=judge_sees_dialogue,
                complete_without_agreement=True,
            )
    if as_json:
        say_json(summary.to_json())
        return
    print_table(summary_table({" and ".join(map(without_secrets, agents)): summary}))
    say(f"written to {out}")
