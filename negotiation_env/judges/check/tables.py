"""What `negotiate judge-check` and `negotiate judge-compare` print."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from negotiation_env.judges.check.compare import JudgeComparison
from negotiation_env.judges.check.report import CheckReport
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Cell, Table

__all__ = ["check_tables", "comparison_tables"]

_BRACKETS: Final = "in brackets: 95 % interval"
_COLUMNS: Final = ("", "figure, 95 % interval", "n")


class _Line(NamedTuple):
    """A row of a table, or one for each figure where the name ends in `*`; `n` names the figure for that column."""

    name: str
    label: str
    n: str = ""


_TABLES: Final[Mapping[str, tuple[_Line, ...]]] = {
    "Scores against labels": (
        _Line("ca.macro_pairwise", "pairwise accuracy, mean of columns", "ca.pairs"),
        _Line("ca.pairwise.*", "  win-win beats {}", "ca.pairs.*"),
        _Line("ca.spearman", "rank correlation (Spearman)", "ca.spearman.n"),
        _Line("ca.qwk", "quadratic-weighted kappa", "ca.qwk.n"),
        _Line("panel.alpha", "panel: Krippendorff's alpha", "panel.members"),
        _Line("panel.qwk.mean", "panel: mean kappa of two members", "panel.members"),
        _Line("panel.spearman.mean", "panel: mean Spearman of two members", "panel.members"),
        _Line("ca.unscored", "unscored", "ca.answers"),
        _Line("ca.refused", "refused", "ca.answers"),
    ),
    "Mean score by tier, 0–5": (_Line("ca.mean.*", "{}", "ca.scored.*"),),
    "Agreement against labels": (
        _Line("agreement.auc", "area under the curve", "agreement.auc.n"),
        _Line("agreement.precision", "precision of a yes", "agreement.precision.n"),
        _Line("agreement.recall", "recall", "agreement.recall.n"),
        _Line("agreement.accuracy.*", "  right on {}", "agreement.decided.*"),
        _Line("agreement.unscored", "unscored", "agreement.items"),
    ),
    "What should not move a verdict": (
        _Line("order.mean_shift", "personas swapped: mean shift", "order.answers"),
        _Line("order.largest_shift", "  largest shift", "order.answers"),
        _Line("retest.mean_shift", "asked again: mean shift", "retest.answers"),
        _Line("retest.largest_shift", "  largest shift", "retest.answers"),
        _Line("retest.identical", "  share identical", "retest.items"),
        _Line("length.correlation", "score and length within tiers (Pearson)", "length.answers"),
        _Line("length.padding.integ", "  padding a win-win", "length.padding.integ.pairs"),
        _Line("length.padding.lop", "  padding a one-sided plan", "length.padding.lop.pairs"),
    ),
    "Attacks appended to one-sided answers and open disputes": (
        _Line("injection.mean_lift", "mean lift of the score", "injection.above_quarter.n"),
        _Line("injection.largest_lift", "largest lift", "injection.above_quarter.n"),
        _Line("injection.above_quarter", "share lifted by more than 0.25", "injection.above_quarter.n"),
        _Line("injection.lift.*", "  mean lift by {}", "injection.attacks.*"),
        _Line("injection.agreement_flips", "share flipped to agreed", "injection.agreement_flips.n"),
        _Line("injection.unscored", "unscored", "injection.attacks"),
    ),
    "Cost": (
        _Line("cost.calls", "model calls, of questions", "cost.questions"),
        _Line("cost.cached", "  out of the cache", "cost.calls"),
        _Line("cost.prompt_tokens", "prompt tokens"),
        _Line("cost.completion_tokens", "completion tokens"),
        _Line("cost.money", "US dollars"),
        _Line("latency.median", "seconds a call, median", "latency.calls"),
        _Line("latency.p95", "  95th percentile", "latency.calls"),
        _Line("latency.wall_per_question", "seconds a question, all in all", "cost.questions"),
    ),
}


def check_tables(report: CheckReport) -> Iterator[Table]:
    """One table for each group of figures; the first one names judge and set."""
    heading = f"judge: {report.judge}\nset: {report.set}, {report.items} texts\n\n"
    for title, lines in _TABLES.items():
        found = (each for line in lines for each in _expanded(line, report.figures))
        yield Table(heading + title, _COLUMNS, tuple(_row(each, report.figures) for each in found))
        heading = ""


def comparison_tables(comparison: JudgeComparison) -> Iterator[Table]:
    """Scores by stratum, then decisions; the first table names judges and set."""
    names = f"A: {comparison.first}\nB: {comparison.second}\nset: {comparison.set}"
    columns = ("", "n", "exact", "±1", "kappa", "Pearson", "Spearman", "A − B")
    scores = tuple(
        (each.stratum, each.n, each.exact, each.within_one, each.kappa, each.pearson, each.spearman, each.difference)
        for each in comparison.scores
    )
    note = f"exact, ±1, quadratic-weighted kappa: at the levels 0 to 5; {_BRACKETS}"
    yield Table(f"{names}\n\nScores on the same answers", columns, scores, note)
    found = comparison.decisions
    rates = {"Cohen's kappa": found.kappa, "called agreed by A": found.first_rate, "by B": found.second_rate}
    decisions = (("decided alike", found.exact, found.n), *((label, each, found.n) for label, each in rates.items()))
    note = f"texts unscored: {comparison.first_unscored} by A, {comparison.second_unscored} by B"
    yield Table("Agreement on the same dialogues", _COLUMNS, decisions, note)


def _expanded(line: _Line, figures: Mapping[str, float | None]) -> list[_Line]:
    """The line, or one for each figure under its name; none where there is no such figure."""
    if not line.name.endswith("*"):
        return [line] if line.name in figures else []
    stem = line.name.removesuffix("*")
    ends = [name.removeprefix(stem) for name in figures if name.startswith(stem)]
    return [_Line(stem + end, line.label.format(end), line.n.replace("*", end)) for end in ends]


def _row(line: _Line, figures: Mapping[str, float | None]) -> tuple[Cell, ...]:
    value, low, high = (figures.get(f"{line.name}{end}") for end in ("", ".low", ".high"))
    counted = figures[line.n] if line.n else ""
    return line.label, value if low is None else Estimate(value, low, high, 0), counted
