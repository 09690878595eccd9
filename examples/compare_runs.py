"""Draw the curves of training runs over one another, such as a run and its control, and print how far they are apart.

Run: python examples/compare_runs.py trained=runs/learning control=runs/control --out curves.png
"""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.environment.episode import Episode, latest_episodes
from negotiation_env.statistics.by_scenario import paired_difference
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.training.plots import plot_against_control


def main(runs: Annotated[list[str], typer.Argument(metavar="LABEL=FOLDER...")], out: Path = Path("curves.png")) -> None:
    folders = {label: Path(folder) for label, _, folder in (run.partition("=") for run in runs)}
    plot_against_control(folders, out)
    typer.echo(out)
    for (one, first), (other, second) in combinations(folders.items(), 2):
        steps = {path.name for path in (first / "held_out").glob("step-*")}
        common = steps & {path.name for path in (second / "held_out").glob("step-*")}
        for step in sorted(common, key=lambda name: int(name.removeprefix("step-"))):
            games = [latest_episodes(folder / "held_out" / step / "episodes.jsonl") for folder in (first, second)]
            for label, played in zip((one, other), games, strict=True):
                first_reply = sum(each.outcome.agreed and each.outcome.turns == 2 for each in played.values())
                typer.echo(f"{step}, {label}: {first_reply} of {len(played)} agreed at the first reply")
            typer.echo(f"{step}, {one} less {other}, by scenario: {differences(*games)}")


def differences(first: dict[str, Episode], second: dict[str, Episode]) -> str:
    """Of agreement, score and reward, over the scenarios that both played."""
    ids = sorted(first.keys() & second.keys())

    def less(figure: Callable[[Episode], float | None]) -> Estimate:
        one, other = ([figure(played[id]) for id in ids] for played in (first, second))
        return paired_difference(one, other, [first[id].scenario.id for id in ids]).difference

    agreed, scores = less(lambda each: float(each.outcome.agreed)), less(lambda each: each.outcome.score)
    rewards = less(lambda each: each.reward)
    return f"agreement {agreed}, Collective Agency {scores}, reward {rewards} (n = {len(ids)})"


if __name__ == "__main__":
    typer.run(main)
