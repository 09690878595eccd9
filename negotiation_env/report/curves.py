"""Curves over the optimizer steps of a training run, in its own plots and in a report's, and the style of all plots."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from math import isfinite, isnan, nan
from statistics import fmean
from typing import TYPE_CHECKING, Final

from negotiation_env.statistics.intervals import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["WINDOW", "last_values", "legend_above", "mean_of_last", "or_nan", "plot_estimates", "styled"]

WINDOW: Final = 10
"""Steps that an averaged curve looks back over."""


@contextmanager
def styled() -> Iterator[None]:
    """What is drawn within is drawn in the one style of all plots."""
    from matplotlib.style import context

    with as_file(files(__package__) / "plots.mplstyle") as sheet, context(sheet):
        yield


def last_values(values: Sequence[float]) -> list[list[float]]:
    """For each step, the values of the last 10 that have one; fewer at the start."""
    ends = range(1, len(values) + 1)
    return [[value for value in values[max(0, end - WINDOW) : end] if not isnan(value)] for end in ends]


def mean_of_last(values: Sequence[float]) -> list[float]:
    """For each step, the mean over the last 10 that have a value; nan where none has."""
    return [fmean(last) if last else nan for last in last_values(values)]


def or_nan(value: float | None) -> float:
    """What matplotlib leaves a gap for, where there is no finite number."""
    return value if value is not None and isfinite(value) else nan


def plot_estimates(axes: "Axes", points: Sequence[tuple[int, Estimate]], line: str, color: str, label: str) -> None:
    """Estimates over the steps, with their intervals where they have any.

    Args:
        axes: Where to draw.
        points: Steps and estimates.
        line: Marker and line, as matplotlib writes them.
        color: Of all of it.
        label: For the legend; with a "_" before it, it has no place there.
    """
    steps, values = [step for step, _ in points], [or_nan(each.value) for _, each in points]
    low, high = [or_nan(each.low) for _, each in points], [or_nan(each.high) for _, each in points]
    axes.vlines(steps, low, high, colors=color, alpha=0.45, linewidth=3)
    axes.plot(steps, values, line, color=color, label=label, markersize=5, linewidth=1)


def legend_above(axes: "Axes", *, columns: int = 2, rows: int = 0) -> None:
    """A legend between title and plot, where it covers nothing; no legend where nothing has a label.

    Args:
        axes: With its title, if it has one.
        columns: The legend's.
        rows: What room to leave, so that plots side by side are of one height; 0 is as much as it needs.
    """
    labels = axes.get_legend_handles_labels()[1]
    if not labels:
        return
    rows = rows or -(-len(labels) // columns)
    axes.set_title(axes.get_title("left"), loc="left", pad=8 + 17 * rows)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, borderpad=0.2, ncols=columns)
