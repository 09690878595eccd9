"""The report's plots, drawn by matplotlib and written as SVG in the page's own colours and letters."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from negotiation_env.environment.episode import Episode
from negotiation_env.report.curves import WINDOW, legend_above, mean_of_last, plot_estimates, styled
from negotiation_env.report.folder import Part, Run
from negotiation_env.report.inline_svg import TITLE, TONES, to_inline_svg
from negotiation_env.statistics.intervals import Estimate, mean_with_interval, share_with_interval
from negotiation_env.statistics.table import Table, cell_text

__all__ = ["run_plots", "table_plots"]

_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.color": TONES["ink"],
    "font.size": 11,
    "axes.labelcolor": TONES["faint"],
    "axes.edgecolor": TONES["grid"],
    "grid.color": TONES["grid"],
    "xtick.labelcolor": TONES["faint"],
    "ytick.labelcolor": TONES["faint"],
}
"""What the page's own colours and letters add to the style of all plots."""
_INCH: Final = 72  # of SVG's units
_WIDTH: Final = 380
_LONGEST: Final = 26  # characters of a row's name


@dataclass(frozen=True, slots=True)
class _Measure:
    """Something that a training run changes.

    Attributes:
        name: For the plot's ids.
        title: What it is.
        top: The end of its scale, which begins at 0.
        values: Of some episodes, one for each that it can be counted for.
        estimate: What these amount to.
    """

    name: str
    title: str
    top: float
    values: Callable[[Iterable[Episode]], list[float]]
    estimate: Callable[[Sequence[float]], Estimate]


def _rewards(episodes: Iterable[Episode]) -> list[float]:
    return [each.reward for each in episodes if each.reward is not None]


def _agreed(episodes: Iterable[Episode]) -> list[float]:
    return [float(each.outcome.agreed) for each in episodes if each.reward is not None and not each.rules.single]


def _scores(episodes: Iterable[Episode]) -> list[float]:
    return [each.outcome.score for each in episodes if each.outcome.score is not None]


_MEASURES: Final = (
    _Measure("reward", "Reward, 0 without agreement", 5.0, _rewards, mean_with_interval),
    _Measure(
        "agreement", "Agreement rate", 1.0, _agreed, lambda values: share_with_interval(int(sum(values)), len(values))
    ),
    _Measure("score", "Collective Agency of the answers", 5.0, _scores, mean_with_interval),
)


def table_plots(table: Table, name: str) -> list[str]:
    """A dot with its interval for each estimate, one plot for each column that has some."""
    if table.matrix:
        return []
    plots = []
    for number, heading in enumerate(table.columns):
        found = [(_short(cell_text(row[0])), row[number]) for row in table.rows]
        dots = [(label, cell) for label, cell in found if isinstance(cell, Estimate) and cell.value is not None]
        if dots:
            plots.append(_dots(_short(heading, 60), dots, f"{name}-{number}"))
    return plots


def run_plots(run: Run) -> list[str]:
    """Of a training run its curves; of another one without tables how scores and turns spread."""
    trained = [each for part in run.parts for each in part.episodes if isinstance(each.tags.get("step"), int)]
    held_out = [part for part in run.parts if part.step is not None]
    if trained or held_out:
        return [_curve(measure, trained, held_out) for measure in _MEASURES]
    return (
        []
        if run.tables or run.compared or not run.episodes
        else [_scores_plot(run.episodes), _turns_plot(run.episodes)]
    )


@contextmanager
def _figure(height: float) -> Iterator[tuple[Figure, Axes]]:
    with styled(), matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's fonts draw, not matplotlib's
        figure = Figure(figsize=(_WIDTH / _INCH, height / _INCH), layout="constrained")
        yield figure, figure.subplots()


def _dots(title: str, rows: Sequence[tuple[str, Estimate]], name: str) -> str:
    with _figure(62 + 24 * len(rows)) as (figure, axes):
        places = range(len(rows))
        for place, (label, estimate) in enumerate(rows):
            _interval(axes, place, estimate, f"{TITLE}{label}: {estimate}")
        axes.set_yticks(places, [label for label, _ in rows])
        axes.set(title=title, ylim=(len(rows) - 0.4, -0.6))
        axes.tick_params(axis="y", labelcolor=TONES["ink"])
        axes.spines["left"].set_visible(False)
        if limits := _limits([estimate for _, estimate in rows]):
            axes.set_xlim(limits)
        return to_inline_svg(figure, name, f"{title}: {'; '.join(f'{label} {estimate}' for label, estimate in rows)}")


def _interval(axes: Axes, place: int, estimate: Estimate, title: str) -> None:
    color = TONES["tone-0"]
    if estimate.low is not None and estimate.high is not None:
        axes.plot([estimate.low, estimate.high], [place, place], color=color, alpha=0.45, linewidth=4, gid=title)
    axes.plot([estimate.value or 0.0], [place], "o", color=color, markersize=7, gid=title)
    axes.annotate(
        cell_text(estimate.value),
        (1.02, place),
        xycoords=("axes fraction", "data"),
        va="center",
        color=TONES["ink"],
        annotation_clip=False,
    )


def _limits(estimates: Sequence[Estimate]) -> tuple[float, float] | None:
    """The whole scale of shares and of scores; matplotlib's choice for anything else."""
    ends = [end for each in estimates for end in (each.low, each.value, each.high) if end is not None]
    if min(ends) < 0 or max(ends) > 5:
        return None
    return (-0.02, 1.02) if max(ends) <= 1 else (-0.1, 5.1)


def _curve(measure: _Measure, trained: Sequence[Episode], held_out: Sequence[Part]) -> str:
    """In training each step and the mean of the last ones; held out each play with its interval."""
    with _figure(240) as (figure, axes):
        steps: defaultdict[int, list[float]] = defaultdict(list)
        for episode in trained:
            steps[episode.tags["step"]] += measure.values([episode])
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
        _trend(axes, {step: fmean(values) for step, values in sorted(steps.items()) if values})
        found = [(part.step or 0, measure.estimate(measure.values(part.episodes))) for part in held_out]
        if counted := [(step, estimate) for step, estimate in found if estimate.value is not None]:
            plot_estimates(axes, counted, "o-", TONES["tone-1"], "held out, 95 % interval")
            for step, each in counted:
                title = f"{TITLE}after {step} steps: {each}"
                axes.plot([step], [each.value or 0.0], "o", color=TONES["tone-1"], markersize=9, alpha=0, gid=title)
        axes.set(
            title=measure.title,
            xlabel="optimizer steps behind the policy",
            ylim=(-0.02 * measure.top, 1.02 * measure.top),
        )
        legend_above(axes)
        return to_inline_svg(figure, measure.name, f"{measure.title} over the optimizer steps")


def _trend(axes: Axes, values: Mapping[int, float]) -> None:
    if not values:
        return
    steps, found = list(values), list(values.values())
    axes.plot(steps, found, ".", color=TONES["tone-0"], alpha=0.4, markersize=6)
    axes.plot(steps, mean_of_last(found), color=TONES["tone-0"], linewidth=2, label=f"training, last {WINDOW} steps")


def _scores_plot(episodes: Sequence[Episode]) -> str:
    with _figure(250) as (figure, axes):
        scored = [each for each in episodes if each.outcome.score is not None]
        _stack(axes, scored, lambda each: each.outcome.score or 0.0, [0.25 * edge for edge in range(21)])
        axes.set(title="Scores of the answers", xlabel="Collective Agency", xlim=(0, 5))
        legend_above(axes)
        return to_inline_svg(figure, "scores", "How many answers got which score")


def _turns_plot(episodes: Sequence[Episode]) -> str:
    with _figure(250) as (figure, axes):
        longest = max(each.rules.max_turns for each in episodes)
        _stack(axes, episodes, lambda each: each.outcome.turns, [edge - 0.5 for edge in range(longest + 2)])
        axes.set(title="Length of the negotiations", xlabel="turns", xlim=(-0.6 if longest < 1 else 0.4, longest + 0.6))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
        legend_above(axes)
        return to_inline_svg(figure, "turns", "How many negotiations took how many turns")


def _stack(axes: Axes, episodes: Sequence[Episode], value: Callable[[Episode], float], edges: Sequence[float]) -> None:
    """A histogram, those that agreed below the others."""
    counted = [[value(each) for each in episodes if each.outcome.agreed is agreed] for agreed in (True, False)]
    colors = [TONES["yes"], TONES["no"]]
    labels = ["agreed", "not agreed"]
    bars: Any
    counts, _, bars = axes.hist(counted, edges, stacked=True, rwidth=0.85, color=colors, label=labels)
    before = 0 * counts[0]
    for label, tops, drawn in zip(labels, counts, bars, strict=True):
        for count, bar in zip(tops - before, drawn, strict=True):
            bar.set_gid(f"{TITLE}{count:.0f} {label}" if count else None)
        before = tops
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))


def _short(text: str, longest: int = _LONGEST) -> str:
    """One line that XML can hold."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
