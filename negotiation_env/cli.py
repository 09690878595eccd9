"""The command line, `negotiate`: play, evaluate, train."""

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from negotiation_env.errors import NegotiationError, UserError

if TYPE_CHECKING:
    from negotiation_env.interfaces import Agent
    from negotiation_env.scenario import Scenario

__all__ = ["app", "main"]

app = typer.Typer(
    help="Language models with opposing personas negotiate a dilemma; a judge scores their joint answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_AGENTS_HELP = (
    "Who sits in each seat, in order; the last one takes the seats beyond: --agents A B. "
    "embedded, hf:ID_OR_DIR[+ADAPTER_DIR], openai:MODEL[@BASE_URL], "
    "scripted:accommodating|stubborn|compromising, human, python:MODULE:FACTORY."
)
_JUDGE_HELP = "Who decides agreement and scores: embedded (the smoke-test judge), scripted, python:MODULE:FACTORY."
_SPLIT_HELP = "train, professional, interpersonal, everyday, eval_conflict, eval_multi, or a JSONL file of scenarios."
_SEED_HELP = "Seeds the scenarios drawn and every sampled token."

Agents = Annotated[list[str], typer.Option("--agents", help=_AGENTS_HELP)]
JudgeSpec = Annotated[str, typer.Option("--judge", help=_JUDGE_HELP)]
Split = Annotated[str, typer.Option("--split", help=_SPLIT_HELP)]
Seed = Annotated[int, typer.Option("--seed", help=_SEED_HELP)]
MaxTurns = Annotated[int, typer.Option("--max-turns", min=2, help="Most utterances of a negotiation.")]
HistoryTurns = Annotated[
    int | None, typer.Option("--history-turns", min=1, help="Show speakers only so many last turns; default: all.")
]


@app.command()
def play(
    agents: Agents = ["embedded"],  # noqa: B006 (typer reads the default, nobody changes it)
    judge: JudgeSpec = "embedded",
    split: Split = "eval_conflict",
    scenario: Annotated[str | None, typer.Option(help="A scenario's id; default: one drawn with the seed.")] = None,
    seed: Seed = 0,
    max_turns: MaxTurns = 7,
    history_turns: HistoryTurns = None,
    out: Annotated[Path | None, typer.Option(help="Append the episode to episodes.jsonl in this folder.")] = None,
) -> None:
    """Play one negotiation and watch it."""
    from negotiation_env.data import load_scenarios
    from negotiation_env.episode import append_episode
    from negotiation_env.evaluate import EPISODES, pick, seat_agents
    from negotiation_env.judges import resolve_judge
    from negotiation_env.runner import Game
    from negotiation_env.runner import play as play_game

    scenarios = load_scenarios(split, seed=seed)
    chosen = pick(scenarios, 1, seed)[0] if scenario is None else _find(scenarios, scenario)
    game = Game(chosen.id, chosen, seat_agents(_resolve(agents), len(chosen.personas)), seed)
    rules = {"max_turns": max(max_turns, len(chosen.personas)), "history_turns": history_turns}
    episode = play_game(game, resolve_judge(judge), render_mode="human", complete_without_agreement=True, **rules)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        append_episode(out / EPISODES, episode)


@app.command("eval")
def evaluate_command(
    agents: Agents = ["embedded"],  # noqa: B006
    judge: JudgeSpec = "embedded",
    split: Split = "eval_conflict",
    n: Annotated[int, typer.Option("--n", min=1, help="How many scenarios, drawn with the seed.")] = 20,
    seed: Seed = 0,
    max_turns: MaxTurns = 7,
    history_turns: HistoryTurns = None,
    judge_sees_dialogue: Annotated[bool, typer.Option(help="Show the judge the dialogue with the completion.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Games at a time, each for itself; for remote models.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for episodes.jsonl and summary.json.")] = Path("runs/eval"),
) -> None:
    """Play many negotiations; write episodes.jsonl and summary.json.

    A completion is written and scored whether or not the parties agree.
    """
    from negotiation_env.data import load_scenarios
    from negotiation_env.evaluate import evaluate, pick
    from negotiation_env.judges import resolve_judge
    from negotiation_env.progress import progress
    from negotiation_env.render import summary_table

    scenarios = pick(load_scenarios(split, seed=seed), n, seed)
    players, decider = _resolve(agents), resolve_judge(judge)
    with progress("negotiations", len(scenarios)) as advance:
        summary = evaluate(
            players,
            decider,
            scenarios,
            out,
            seed=seed,
            workers=workers,
            progress=advance,
            max_turns=max(max_turns, *(len(each.personas) for each in scenarios)),
            history_turns=history_turns,
            judge_sees_dialogue=judge_sees_dialogue,
            complete_without_agreement=True,
        )
    _print(summary_table({" and ".join(agents): summary}))
    typer.echo(f"written to {out}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="A TOML file, such as examples/selfplay_embedded.toml.")],
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("runs/train"),
    seed: Annotated[int | None, typer.Option("--seed", help="Overrides the config's seed.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
) -> None:
    """Train a negotiator by GRPO self-play.

    Any key of the config can be overridden: --max_steps 4 --learning_rate 1e-4. The folder receives the adapter,
    episodes.jsonl, metrics.jsonl, reward.png and summary.json.
    """
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\.")  # renamed options inside TRL
    settings = _overrides(context.args) | ({} if seed is None else {"seed": str(seed)})
    try:
        from training.config import load_config
        from training.grpo import train as run_training
    except ImportError as error:
        raise UserError(f"training needs more packages ({error}); run: pip install 'negotiation-env[train]'") from error
    from negotiation_env.render import summary_table

    result = run_training(load_config(config, settings), out, resume=resume)
    if result.before and result.after:
        _print(summary_table({"before": result.before, "after": result.after}, "Held-out scenarios, "))
    typer.echo(f"{result.signal:.0%} of the training groups carried a signal")
    typer.echo(f"adapter: {out / 'adapter'}   curve: {out / 'reward.png'}   transcripts: {out / 'episodes.jsonl'}")


def main() -> None:
    """Run the command line; what the user can mend ends in one line and exit code 2."""
    try:
        app(_one_value_each(sys.argv[1:]), prog_name="negotiate")
    except NegotiationError as error:
        typer.echo(f"negotiate: {error}", err=True)
        sys.exit(2)


def _one_value_each(arguments: list[str]) -> list[str]:
    """Write `--agents A B` as `--agents A --agents B`, the form that the option parser takes."""
    plain: list[str] = []
    listing = False
    for argument in arguments:
        if argument.startswith("-"):
            listing = argument == "--agents"
        elif listing and plain[-1] != "--agents":
            plain.append("--agents")
        plain.append(argument)
    return plain


def _overrides(arguments: list[str]) -> dict[str, str]:
    """`--key value` and `--key=value` pairs."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--") or not (equals or rest):
            raise UserError(f"expected overrides as --KEY VALUE, got {' '.join([name, *rest])!r}")
        found[name.removeprefix("--").replace("-", "_")] = value if equals else rest.pop(0)
    return found


def _resolve(specs: list[str]) -> "list[Agent]":
    from agents.specs import resolve_agent

    return [resolve_agent(spec) for spec in specs]


def _find(scenarios: "list[Scenario]", wanted: str) -> "Scenario":
    for scenario in scenarios:
        if wanted in (scenario.id, scenario.id.partition("/")[0]):
            return scenario
    raise UserError(f"no scenario {wanted!r} in this split; its ids are like {scenarios[0].id!r}")


def _print(table: object) -> None:
    from rich.console import Console

    Console().print(table)
