"""`negotiate verify`."""

from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.console.terminal import one_line, say
from negotiation_env.loading.heavy import importing

__all__ = ["verify"]


@app.command("verify")
def verify(
    run: Annotated[Path, typer.Argument(help="A finished run's folder.")],
) -> None:
    """Derive a run's figures again and say what differs.

    Every figure of summary.json, tables.json and ability.json, out of the games, the judges' answers and each model's
    results. What holds none, games of play --out or texts of generate, is held against its own record. Nothing is
    played, asked or written. Exit code 1 where something differs or is missing.
    """
    wrong, right = _wrong(run)
    for told in wrong:
        say(one_line(told))
    if wrong:
        say(f"{run}: {len(wrong)} differences between its figures and its records")
        raise typer.Exit(1)
    say(f"{run}: {right}")


def _wrong(run: Path) -> tuple[list[str], str]:
    """What differs in a folder, and what is to be said where nothing does."""
    from negotiation_env.benchmark.ability.comparison import REPORT
    from negotiation_env.episodes.run_folder import CANDIDATES, CONFIG, EPISODES, SETTINGS
    from negotiation_env.errors import UserError

    if (run / CANDIDATES).is_file():
        from negotiation_env.synthesis.dataset import verify_dataset

        return verify_dataset(run), f"it has no figures to derive; every row is an accepted text of {CANDIDATES}"
    if (run / CONFIG).is_file() or (run / SETTINGS).is_file():
        return _figures(run), "every figure is what its records come to"
    if (run / REPORT).is_file():
        from negotiation_env.benchmark.ability.comparison import verify_ability

        return verify_ability(run), "every figure is what its models' results come to"
    if (run / EPISODES).is_file():
        from negotiation_env.episodes.verify import verify_games

        return verify_games(run), "it has no figures to derive; every outcome is what its verdicts say"
    raise UserError(f"{run} holds none of {SETTINGS}, {CONFIG}, {EPISODES}, {REPORT}; expected a finished run's folder")


def _figures(run: Path) -> list[str]:
    """What differs in the folder of a training, an evaluation or a benchmark."""
    from negotiation_env.episodes.run_folder import CONFIG, SETTINGS
    from negotiation_env.episodes.verify import read_object, verify_evaluation

    if (run / CONFIG).is_file():
        with importing("what a training wrote", "train"):
            from negotiation_env.training.verify import verify_training

        return verify_training(run)
    if "negotiators" not in read_object(run / SETTINGS):
        return verify_evaluation(run)
    from negotiation_env.benchmark.verify import verify_benchmark

    return verify_benchmark(run)
