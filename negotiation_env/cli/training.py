"""`negotiate train`."""

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.options import (
    Guards,
    NoCache,
    PromptsOption,
    Record,
    Replay,
    going_on,
    open_traffic,
    print_table,
    require_apart,
)
from negotiation_env.console.terminal import say, say_json
from negotiation_env.errors import Interrupted, UserError
from negotiation_env.loading.heavy import importing
from negotiation_env.text.nearest import did_you_mean

if TYPE_CHECKING:
    from negotiation_env.training.config import TrainConfig

__all__ = ["train"]


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="A TOML file; `negotiate init selfplay` writes one.")],
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("runs/train"),
    seed: Annotated[int | None, typer.Option("--seed", help="Overrides the config's seed.")] = None,
    prompts: PromptsOption = None,
    guards: Guards = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the config and show what the run takes; load and write nothing.")
    ] = False,
    processes: Annotated[
        int, typer.Option("--processes", min=1, envvar="WORLD_SIZE", help="Of a dry run: how many train side by side.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the dry run's findings as JSON only.")] = False,
    record: Record = None,
    replay: Replay = None,
    no_cache: NoCache = False,
) -> None:
    """Train a negotiator by GRPO self-play.

    Any key of the config can be overridden: --max_steps 4 --learning_rate 1e-4. The folder receives the adapter,
    episodes.jsonl, metrics.jsonl, plots and summary.json. A recording or replay is of the judge alone, for the
    learner samples anew.
    """
    from negotiation_env.training.config import load_config

    given = {"seed": seed, "prompts": prompts, "guards": json.dumps(guards) if guards else None}
    options = [option for each in context.command.params for option in each.opts]
    settings = _overrides(context.args, options) | {
        name: str(value) for name, value in given.items() if value is not None
    }
    loaded = load_config(config, settings)
    if dry_run:
        _dry_run(loaded, processes, as_json)
    elif as_json:
        raise UserError("--json shows what a dry run found; add --dry-run")
    else:
        _train(loaded, out, record, replay, resume=resume, cache=not no_cache)


def _dry_run(config: "TrainConfig", processes: int, as_json: bool) -> None:
    with importing("a dry run", "train"):
        from negotiation_env.training.dry_run import dry_run, tables
    found = dry_run(config, processes)
    if as_json:
        say_json(found.to_json())
        return
    for table in tables(found):
        print_table(table)


def _train(
    config: "TrainConfig", out: Path, record: Path | None, replay: Path | None, *, resume: bool, cache: bool
) -> None:
    from negotiation_env.episodes.run_folder import claim

    require_apart(out, record, replay)
    with ExitStack() as folder:
        if os.environ.get("RANK", "0") == "0":  # one process claims for all
            folder.enter_context(claim(out))
        _train_in(config, out, record, replay, resume=resume, cache=cache)


def _train_in(
    config: "TrainConfig", out: Path, record: Path | None, replay: Path | None, *, resume: bool, cache: bool
) -> None:
    with importing("training", "train"):
        from negotiation_env.training.run import train as run_training
        from negotiation_env.training.run import way_on
    from negotiation_env.episodes.run_folder import CONFIG
    from negotiation_env.episodes.summary import summary_table
    from negotiation_env.judges.specs import resolve_judge

    traffic = open_traffic(record, replay, resume=resume)
    judge = None if config.judge == "self" else resolve_judge(config.judge, traffic, cache=cache)
    speaks = os.environ.get("RANK", "0") == "0"  # one process for all
    with going_on(out / CONFIG, "every checkpoint"):
        try:
            result = run_training(config, out, resume=resume, judge=judge)
        except KeyboardInterrupt as error:
            if speaks:
                raise Interrupted(f"stopped; {way_on(out)}") from error
            raise typer.Exit(130) from None
    if not speaks:
        return
    if result.before and result.after:
        print_table(summary_table({"before": result.before, "after": result.after}, "Held-out scenarios, "))
    say(f"{result.signal:.0%} of the training groups carried a signal")
    trained = "adapter" if config.fine_tuning == "lora" else "model"
    say(f"{trained}: {out / trained}\ncurve: {out / 'reward.png'}\ntranscripts: {out / 'episodes.jsonl'}")
    say(
        f"to read the games:\n  negotiate view {out}\nto watch it play:\n  negotiate play --agents {_spec(config, out)}"
    )


def _spec(config: "TrainConfig", out: Path) -> str:
    """The spec of what was trained."""
    return f"hf:{out / 'model'}" if config.fine_tuning == "full" else f"hf:{config.model}+{out / 'adapter'}"


def _overrides(arguments: list[str], options: list[str]) -> dict[str, str]:
    """`--key value` and `--key=value` pairs; what may be a misspelt option is told so."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--") or not (equals or rest):
            near = did_you_mean(name, options)
            raise UserError(f"expected overrides as --KEY VALUE, got {' '.join([name, *rest])!r}{near}")
        found[name.removeprefix("--").replace("-", "_")] = value if equals else rest.pop(0)
    return found
