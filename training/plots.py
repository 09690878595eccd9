"""The plots of a training run, and of several over one another.

Each `plot_…` writes a PNG and returns the figure. Values that a step's log lacks, for there was nothing to count, leave
a gap. Averaged curves are over the last 10 steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan, sqrt
from pathlib import Path
from statistics import stdev
from textwrap import fill
from typing import TYPE_CHECKING, Any

from negotiation_env.report.curves import (
    WINDOW,
    last_values,
    legend_above,
    mean_of_last,
    or_nan,
    plot_estimates,
    styled,
)
from negotiation_env.training.held_out_log import HELD_OUT, HeldOut, read_held_out
from negotiation_env.training.report import read_metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_plots", "plot_against_control", "plot_dialogue", "plot_held_out", "plot_rewards"]

_NORMAL = 1.96  # standard errors of a 95 % interval
_TITLE = 66  # characters of a title that fit above a plot


@dataclass(frozen=True, slots=True)
class _Panel:
    """One of the small multiples.

    Attributes:
        title: What it shows.
        unit: Of the y-axis.
        curves: Metric → label.
    """

    title: str
    unit: str
    curves: Mapping[str, str]


_DIALOGUE = (
    _Panel("Length", "words", {"length/turn_words": "turn", "length/completion_words": "completion"}),
    _Panel(
        "Repetition",
        "share",
        {
            "repetition/4grams": "four-word runs said before",
            "repetition/turns_said_again": "own turns said again",
            "repetition/echoes": "turns that echo",
        },
    ),
    _Panel("Capitulation", "share of agreements", {"agreement/capitulation": "first proposal taken as it is"}),
    _Panel(
        "Copying",
        "longest run, words",
        {
            "copying/turn_from_prompt": "turn, from the prompt",
            "copying/turn_from_others": "turn, from another party",
            "copying/completion_from_prompt": "completion, from the prompt",
        },
    ),
    _Panel(
        "Completions",
        "share",
        {"copying/completions_of_a_proposal": "copy a proposal", "refused": "refused by the judge"},
    ),
    _Panel(
        "Persona drift", "share of words, others' less own", {"drift/early": "first turns", "drift/late": "last turns"}
    ),
)

_LINES = {"training judge": "o-", "held-out judge": "s--"}
"""Marker and line of a judge's scores, by its role."""


def draw_plots(run: Path, judge: str = "") -> list[Path]:
    """Draw a training run's plots again, out of its files.

    Args:
        run: The folder, with metrics.jsonl, and held_out.jsonl where it was evaluated.
        judge: The name of the judge that it trained on; "" looks for it among the held-out evaluations.

    Returns:
        The PNGs, in the same folder.

    Raises:
        UserError: The folder has no metrics, or a line cannot be read.
    """
    log, evaluations = read_metrics(run), read_held_out(run / HELD_OUT)
    names = [each.judge for each in evaluations if each.role == "training judge"]
    plot_rewards(log, judge or next(iter(names), "training judge"), run / "reward.png")
    plot_dialogue(log, run / "dialogue.png")
    if not evaluations:
        return [run / "reward.png", run / "dialogue.png"]
    plot_held_out(evaluations, run / "held_out.png")
    return [run / name for name in ("reward.png", "dialogue.png", "held_out.png")]


@styled()
def plot_rewards(log: Sequence[Mapping[str, Any]], judge: str, path: Path) -> "Figure":
    """Draw the groups' minimum, mean and maximum reward and the agreement rate over the steps."""
    figure, (top, bottom) = _panels()
    steps = [entry["step"] for entry in log]
    low, mean, high = (_column(log, f"group_{name}") for name in ("min", "mean", "max"))
    top.fill_between(steps, low, high, alpha=0.25, label="group minimum to maximum")
    top.plot(steps, mean, marker=".", label="group mean")
    top.set(ylim=(0, 5), ylabel="reward", title=fill(f"Reward in training, by the {judge}", _TITLE))
    bottom.plot(steps, _column(log, "agreement_rate"), marker=".", color="C2", label="agreed")
    bottom.plot(steps, _column(log, "no_signal"), marker=".", color="0.6", label="groups without signal")
    bottom.set(ylim=(-0.05, 1.05), ylabel="share", xlabel="optimizer step")
    legend_above(top)
    legend_above(bottom)
    figure.savefig(path)
    return figure


@styled()
def plot_held_out(evaluations: Sequence[HeldOut], path: Path) -> "Figure":
    """Draw both judges' scores of the same held-out games over the steps, agreement below, with 95 % intervals.

    Curves that part are a policy that learned to please the judge it trains on.

    Args:
        evaluations: At least one, by step.
        path: The PNG to write.
    """
    figure, (top, bottom) = _panels()
    for role, own in _by_role(evaluations).items():
        color = {"training judge": "C0", "held-out judge": "C1"}[role]
        plot_estimates(top, [(each.step, each.score) for each in own], _LINES[role], color, f"{role}: {own[-1].judge}")
    agreed = [(each.step, each.agreement_rate) for each in evaluations if each.agreement_rate is not None]
    plot_estimates(bottom, agreed, "o-", "C2", "agreed")
    top.set(ylim=(0, 5), ylabel="Collective Agency", title="Held-out scenarios, with 95 % intervals")
    bottom.set(ylim=(-0.05, 1.05), ylabel="share agreed", xlabel="optimizer step")
    legend_above(top, columns=1)
    figure.savefig(path)
    return figure


@styled()
def plot_dialogue(log: Sequence[Mapping[str, Any]], path: Path) -> "Figure":
    """Draw how the parties talk over the steps, as small multiples; `dialogue_metrics` defines the figures."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), layout="constrained")
    figure.suptitle(f"Dialogues in training: each step (faint) and the mean of the last {WINDOW}")
    figure.supxlabel("optimizer step")
    steps = [entry["step"] for entry in log]
    for axes, panel in zip(figure.subplots(2, 3, sharex=True).flat, _DIALOGUE, strict=True):
        for name, label in panel.curves.items():
            values = _column(log, name)
            (mean,) = axes.plot(steps, mean_of_last(values), label=label)
            axes.plot(steps, values, ".", markersize=3, alpha=0.3, color=mean.get_color())
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.set(title=panel.title, ylabel=panel.unit)
        legend_above(axes, columns=1, rows=max(len(each.curves) for each in _DIALOGUE))
    figure.savefig(path)
    return figure


@styled()
def plot_against_control(runs: Mapping[str, Path], path: Path) -> "Figure":
    """Draw rewards, held-out agreement and scores of several runs over the steps: the trained one, and its control.

    The control's advantages were shuffled, so that what both runs gain is no gain by the judge's signal. Rewards are
    means of the last 10 steps, their bands 1.96 standard errors over those steps.

    Args:
        runs: Label → a training run's folder.
        path: The PNG to write.

    Raises:
        UserError: A folder holds no metrics, or a line of its files cannot be read.
    """
    figure, (top, middle, bottom) = _panels((8, 9), (1, 1, 1))
    for number, (label, folder) in enumerate(runs.items()):
        color = f"C{number}"
        _reward_curve(top, read_metrics(folder), color, label)
        for role, own in _by_role(read_held_out(folder / HELD_OUT)).items():
            agreed = [(each.step, each.agreement_rate) for each in own if each.agreement_rate is not None]
            plot_estimates(middle, agreed, "o-", color, f"_{label}")
            plot_estimates(bottom, [(each.step, each.score) for each in own], _LINES[role], color, f"{label}, {role}")
    top.set(ylim=(0, 5), ylabel="reward", title=f"Reward in training: last {WINDOW} steps, ± 1.96 standard errors")
    middle.set(ylim=(-0.05, 1.05), ylabel="share agreed", title="Held-out scenarios, with 95 % intervals")
    bottom.set(ylim=(0, 5), ylabel="Collective Agency", xlabel="optimizer step")
    legend_above(top, columns=len(runs))
    legend_above(bottom, columns=len(runs))
    figure.savefig(path)
    return figure


def _panels(size: tuple[int, int] = (8, 5), heights: tuple[int, ...] = (2, 1)) -> "tuple[Figure, Sequence[Axes]]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)


def _by_role(evaluations: Sequence[HeldOut]) -> dict[str, list[HeldOut]]:
    """The evaluations of the training judge and of the held-out judge, as far as there are any."""
    own = {role: [each for each in evaluations if each.role == role] for role in _LINES}
    return {role: chosen for role, chosen in own.items() if chosen}


def _reward_curve(axes: "Axes", log: Sequence[Mapping[str, Any]], color: str, label: str) -> None:
    """The mean of the last steps with its band."""
    steps, values = [entry["step"] for entry in log], _column(log, "group_mean")
    means, halves = mean_of_last(values), [_NORMAL * _standard_error(last) for last in last_values(values)]
    axes.plot(steps, means, color=color, label=label)
    low, high = ([mean + sign * half for mean, half in zip(means, halves, strict=True)] for sign in (-1, 1))
    axes.fill_between(steps, low, high, color=color, alpha=0.2)


def _column(log: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """A metric over the steps; nan where a step has none, or one that is not finite."""
    return [or_nan(entry.get(name)) for entry in log]


def _standard_error(values: Sequence[float]) -> float:
    return stdev(values) / sqrt(len(values)) if len(values) > 1 else nan
