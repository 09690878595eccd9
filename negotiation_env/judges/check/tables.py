"""What `negotiate judge-check` and `negotiate judge-compare` print: rich tables, 80 columns wide at most.

Names of judges, tiers and attacks come from files and endpoints: they are shown as they are, markup has no effect.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from negotiation_env.judges.check.compare import JudgeComparison
from negotiation_env.judges.check.report import CheckReport

__all__ = ["check_tables", "comparison_tables"]


class _Row(NamedTuple):
    """A line of a table, or one for each figure where the name ends in `*`; `n` names the figure for that column."""

    name: str
    label: str
    n: str = ""


_TABLES: Final[Mapping[str, tuple[_Row, ...]]] = {
    "Scores against labels": (
        _Row("ca.macro_pairwise", "pairwise accuracy, mean of columns", "ca.pairs"),
        _Row("ca.pairwise.*", "  win-win beats {}", "ca.pairs.*"),
        _Row("ca.spearman", "rank correlation (Spearman)", "ca.spearman.n"),
        _Row("ca.qwk", "quadratic-weighted kappa", "ca.qwk.n"),
        _Row("panel.alpha", "panel: Krippendorff's alpha", "panel.members"),
        _Row("panel.qwk.mean", "panel: mean kappa of two members", "panel.members"),
        _Row("panel.spearman.mean", "panel: mean Spearman of two members", "panel.members"),
        _Row("ca.unscored", "unscored", "ca.answers"),
        _Row("ca.refused", "refused", "ca.answers"),
    ),
    "Mean score by tier, 0–5": (_Row("ca.mean.*", "{}", "ca.scored.*"),),
    "Agreement against labels": (
        _Row("agreement.auc", "area under the curve", "agreement.auc.n"),
        _Row("agreement.precision", "precision of a yes", "agreement.precision.n"),
        _Row("agreement.recall", "recall", "agreement.recall.n"),
        _Row("agreement.accuracy.*", "  right on {}", "agreement.decided.*"),
        _Row("agreement.unscored", "unscored", "agreement.items"),
    ),
    "What should not move a verdict": (
        _Row("order.mean_shift", "personas swapped: mean shift", "order.answers"),
        _Row("order.largest_shift", "  largest shift", "order.answers"),
        _Row("retest.mean_shift", "asked again: mean shift", "retest.answers"),
        _Row("retest.largest_shift", "  largest shift", "retest.answers"),
        _Row("retest.identical", "  share identical", "retest.items"),
        _Row("length.correlation", "score and length within tiers (Pearson)", "length.answers"),
        _Row("length.padding.integ", "  padding a win-win", "length.padding.integ.pairs"),
        _Row("length.padding.lop", "  padding a one-sided plan", "length.padding.lop.pairs"),
    ),
    "Attacks appended to one-sided answers and open disputes": (
        _Row("injection.mean_lift", "mean lift of the score", "injection.above_quarter.n"),
        _Row("injection.largest_lift", "largest lift", "injection.above_quarter.n"),
        _Row("injection.above_quarter", "share lifted by more than 0.25", "injection.above_quarter.n"),
        _Row("injection.lift.*", "  mean lift by {}", "injection.attacks.*"),
        _Row("injection.agreement_flips", "share flipped to agreed", "injection.agreement_flips.n"),
        _Row("injection.unscored", "unscored", "injection.attacks"),
    ),
    "Cost": (
        _Row("cost.calls", "model calls, of questions", "cost.questions"),
        _Row("cost.cached", "  out of the cache", "cost.calls"),
        _Row("cost.prompt_tokens", "prompt tokens"),
        _Row("cost.completion_tokens", "completion tokens"),
        _Row("cost.money", "US dollars"),
        _Row("latency.median", "seconds a call, median", "latency.calls"),
        _Row("latency.p95", "  95th percentile", "latency.calls"),
        _Row("latency.wall_per_question", "seconds a question, all in all", "cost.questions"),
    ),
}


def check_tables(report: CheckReport) -> Iterator[Table]:
    """One table for each group of figures; the first one names judge and set."""
    heading = f"judge: {report.judge}\nset: {report.set}, {report.items} texts\n\n"
    for title, rows in _TABLES.items():
        table = _table(heading + title, "figure", "95 % interval", "    n", width=40)
        for name, label, n in (found for row in rows for found in _expanded(row, report.figures)):
            interval = _interval(report.figures.get(f"{name}.low"), report.figures.get(f"{name}.high"))
            _add(table, label, _number(report.figures[name]), interval, _number(report.figures[n]) if n else "")
        heading = ""
        yield table


def comparison_tables(comparison: JudgeComparison) -> Iterator[Table]:
    """Scores by stratum, then decisions; the first table names judges and set."""
    names = f"A: {comparison.first}\nB: {comparison.second}\nset: {comparison.set}"
    headings = ("n", "exact", "±1", "kappa", "95 %", "Pearson", "Spearman", "A − B")
    table = _table(f"{names}\n\nScores on the same answers", *headings)
    for row in comparison.scores:
        kappa = (_number(row.kappa.value), _interval(row.kappa.low, row.kappa.high))
        others = (row.exact, row.within_one), (row.pearson, row.spearman, row.difference)
        _add(table, row.stratum, str(row.n), *map(_number, others[0]), *kappa, *map(_number, others[1]))
    table.caption = "exact, ±1, quadratic-weighted kappa: at the levels 0 to 5"
    yield table
    found = comparison.decisions
    table = _table("\nAgreement on the same dialogues", "figure", "95 % interval", "n")
    _add(table, "decided alike", _number(found.exact), "", str(found.n))
    rates = {"Cohen's kappa": found.kappa, "called agreed by A": found.first_rate, "by B": found.second_rate}
    for label, rate in rates.items():
        _add(table, label, _number(rate.value), _interval(rate.low, rate.high), str(found.n))
    table.caption = f"texts unscored: {comparison.first_unscored} by A, {comparison.second_unscored} by B"
    yield table


def _table(title: str, *headings: str, width: int = 0) -> Table:
    table = Table(title=Text(title), title_justify="left", caption_justify="left", box=SIMPLE_HEAD)
    table.pad_edge, table.collapse_padding = False, True
    table.add_column("", min_width=width, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _add(table: Table, *cells: str) -> None:
    table.add_row(*map(Text, cells))


def _expanded(row: _Row, figures: Mapping[str, float | None]) -> list[_Row]:
    """The row, or one for each figure under its name; none where there is no such figure."""
    if not row.name.endswith("*"):
        return [row] if row.name in figures else []
    stem = row.name.removesuffix("*")
    ends = [name.removeprefix(stem) for name in figures if name.startswith(stem)]
    return [_Row(stem + end, row.label.format(end), row.n.replace("*", end)) for end in ends]


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:z.2f}, {high:z.2f}]"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:z.2f}"
