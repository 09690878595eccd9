"""`negotiate verify`."""

from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.cli.app import app
from negotiation_env.console.terminal import one_line, say

__all__ = ["verify"]


@app.command("verify")
def verify(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run: of eval, bench or train.")],
) -> None:
    """Derive a run's figures again and say what differs.

    Every figure of summary.json and tables.json, out of the lines of episodes.jsonl and the judges' answers. Nothing
    is played, asked or written. Exit code 1 where something differs or is missing.
    """
    wrong = _wrong(run)
    for told in wrong:
        say(one_line(told))
    if wrong:
        say(f"{run}: {len(wrong)} differences between its figures and its records")
        raise typer.Exit(1)
    say(f"{run}: every figure is what its records come to")


def _wrong(run: Path) -> list[str]:
    from negotiation_env.episodes.run_folder import CONFIG, SETTINGS
    from negotiation_env.episodes.verify import read_object, verify_evaluation
    from negotiation_env.errors import UserError

    if (run / CONFIG).is_file():
        from negotiation_env.training.verify import verify_training

        return verify_training(run)
    if not (run / SETTINGS).is_file():
        raise UserError(f"{run} has neither {SETTINGS} nor {CONFIG}; expected the folder of a finished run")
    if "negotiators" not in read_object(run / SETTINGS):
        return verify_evaluation(run)
    from negotiation_env.benchmark.verify import verify_benchmark

    return verify_benchmark(run)
