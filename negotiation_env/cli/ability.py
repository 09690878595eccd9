"""`negotiate ability`."""

from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.cli.app import app, told_on_ctrl_c
from negotiation_env.cli.options import print_table, require_apart
from negotiation_env.console.terminal import say
from negotiation_env.specs.kinds import MODELS

__all__ = ["ability"]

_MODELS_HELP = (
    "Before and after: --models A B; every other one is compared with the first. "
    f"{MODELS.forms('embedded', 'trained', 'hf', 'openai')}."
)


@app.command()
def ability(
    models: Annotated[list[str], typer.Option("--models", help=_MODELS_HELP)],
    tasks: Annotated[
        str, typer.Option(help="Tasks of lm-eval, with commas between; the default is the paper's.")
    ] = "ifeval,aime24,aime25,gpqa_diamond_zeroshot",
    out: Annotated[Path, typer.Option(help="The folder of the results.")] = Path("runs/ability"),
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many documents of each task.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most new tokens of an answer; default: as the task says (AIME: 32768).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seeds what tasks shuffle and sample.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Documents in a forward pass.")] = 8,
    tasks_dir: Annotated[Path | None, typer.Option(help="A folder with tasks of your own, as lm-eval's YAML.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Measure only what the folder does not hold yet.")] = False,
) -> None:
    """Measure general ability, before and after.

    By EleutherAI's lm-eval. Writes ability.json: every metric with its standard error, and its difference from the
    first model, paired by document; beside it a file for each model with its answers.
    """
    from negotiation_env.agents.needs import require
    from negotiation_env.benchmark.ability.comparison import REPORT, AbilitySettings, ability_table
    from negotiation_env.benchmark.ability.measuring import find_tasks, load_tasks, measure, version

    require_apart(out, None, None)
    require(models)
    settings = AbilitySettings(version(), seed, limit, batch_size, max_tokens, str(tasks_dir) if tasks_dir else None)
    loaded = load_tasks([name.strip() for name in tasks.split(",")], find_tasks(tasks_dir), seed)
    with told_on_ctrl_c(f"stopped; every task that was done is kept in {out}; go on with --resume"):
        report = measure(list(dict.fromkeys(models)), loaded, out, settings, resume=resume)
    print_table(ability_table(report))
    say(f"written to {out / REPORT}")
