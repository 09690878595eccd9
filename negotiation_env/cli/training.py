"""`negotiate train`."""

import warnings
from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.cli.options import NoCache, Record, Replay, open_traffic, print_table
from negotiation_env.errors import UserError

__all__ = ["train"]


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="A TOML file, such as examples/selfplay_embedded.toml.")],
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("runs/train"),
    seed: Annotated[int | None, typer.Option("--seed", help="Overrides the config's seed.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    record: Record = None,
    replay: Replay = None,
    no_cache: NoCache = False,
) -> None:
    """Train a negotiator by GRPO self-play.

    Any key of the config can be overridden: --max_steps 4 --learning_rate 1e-4. The folder receives the adapter,
    episodes.jsonl, metrics.jsonl, reward.png and summary.json. A recording or replay is of the judge alone, for the
    learner samples anew.
    """
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\.")  # renamed options inside TRL
    settings = _overrides(context.args) | ({} if seed is None else {"seed": str(seed)})
    try:
        from training.config import load_config
        from training.grpo import train as run_training
    except ImportError as error:
        raise UserError(f"training needs more packages ({error}); run: pip install 'negotiation-env[train]'") from error
    from negotiation_env.judges import resolve_judge
    from negotiation_env.render import summary_table

    loaded = load_config(config, settings)
    judge = resolve_judge(loaded.judge, open_traffic(record, replay), cache=not no_cache)
    result = run_training(loaded, out, resume=resume, judge=judge)
    if result.before and result.after:
        print_table(summary_table({"before": result.before, "after": result.after}, "Held-out scenarios, "))
    typer.echo(f"{result.signal:.0%} of the training groups carried a signal")
    typer.echo(f"adapter: {out / 'adapter'}   curve: {out / 'reward.png'}   transcripts: {out / 'episodes.jsonl'}")


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
