"""Draw the curves of training runs over one another, such as a run and its control, and print how far they are apart.

Run: python examples/compare_runs.py trained=runs/learning control=runs/control --out curves.png
"""

from itertools import combinations
from pathlib import Path
from typing import Annotated

import typer

from negotiation_env.environment.episode import Episode, latest_episodes
from negotiation_env.statistics.intervals import Estimate, mean_with_interval
from negotiation_env.training.report import plot_against_control


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
    pairs = [(first[id], second[id]) for id in first.keys() & second.keys()]

    def mean(values: list[float | None]) -> Estimate:
        return mean_with_interval([value for value in values if value is not None])

    agreed = mean([float(a.outcome.agreed) - float(b.outcome.agreed) for a, b in pairs])
    scores = mean([less(a.outcome.score, b.outcome.score) for a, b in pairs])
    rewards = mean([less(a.reward, b.reward) for a, b in pairs])
    return f"agreement {agreed}, Collective Agency {scores}, reward {rewards} (n = {len(pairs)})"


def less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


if __name__ == "__main__":
    typer.run(main)
