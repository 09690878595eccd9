"""The first thing that a report says: who is best or what came of it, by how much, and one plot of that."""

from collections.abc import Sequence
from dataclasses import dataclass

from negotiation_env.benchmark.headline import standing
from negotiation_env.episodes.pairs import Compared, compare, pairs_by_scenario
from negotiation_env.episodes.summary import Summary
from negotiation_env.report.folder import Run
from negotiation_env.statistics.intervals import Estimate, number_text
from negotiation_env.statistics.table import Table

__all__ = ["Headline", "Row", "compared_table", "headline"]

_NAMES = {"reward": "Reward", "score": "Collective Agency, 0–5", "agreed": "Agreement rate", "turns": "Turns"}
_PAIRED = (
    "Over the scenarios that both played; a scenario's negotiations count as one. In brackets: 95 % interval by the "
    "bootstrap over scenarios. p: sign-flip test over scenarios."
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the plot.

    Attributes:
        name: Whose.
        estimate: From 0 to 5.
    """

    name: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Headline:
    """What a run comes to.

    Attributes:
        told: In a sentence or two.
        title: What the plot shows; "" without one.
        rows: The plot's lines, each with its interval on the scale from 0 to 5.
        anchor: The table that it is out of, by its place; None where there is none.
    """

    told: str
    title: str = ""
    rows: tuple[Row, ...] = ()
    anchor: int | None = None


def headline(run: Run, summaries: Sequence[Summary]) -> Headline:
    """The headline of a run.

    Args:
        run: The run.
        summaries: Of its parts.
    """
    if run.compared:
        return _beside(run)
    if found := standing(run.tables):
        rows = tuple(Row(*each) for each in found.scores)
        titles = [table.title for table in run.tables]
        return Headline(found.told, f"Collective Agency, {found.table.title}", rows, titles.index(found.table.title))
    held_out = [number for number, part in enumerate(run.parts) if part.step is not None and part.episodes]
    if len(held_out) > 1:
        return _trained(run, summaries, held_out)
    return Headline(_played(summaries[-1])) if run.episodes else Headline("Nothing has been played yet.")


def compared_table(run: Run) -> Table:
    """Both runs' figures and their differences."""
    first, second = (part.name for part in run.parts)
    rows = tuple(
        (_NAMES[each.measure], each.first, each.second, each.difference.difference, each.difference.p, each.first.n)
        for each in run.compared
    )
    columns = ("", first, second, f"{first} less {second}", "p", "scenarios")
    return Table(f"{first} beside {second}", columns, rows, _PAIRED)


def _beside(run: Run) -> Headline:
    first, second = (part.name for part in run.parts)
    reward = run.compared[0]
    rows = (Row(first, reward.first), Row(second, reward.second))
    return Headline(f"{first} {_difference(reward, second)}", "Reward over the same scenarios", rows)


def _trained(run: Run, summaries: Sequence[Summary], held_out: Sequence[int]) -> Headline:
    """The last held-out play beside the first."""
    first, last = (run.parts[held_out[place]] for place in (0, -1))
    reward = compare(pairs_by_scenario(last.episodes, first.episodes))[0]
    told = f"After {last.step} steps the policy {_difference(reward, f'after {first.step}')}"
    rows = tuple(Row(run.parts[number].name, summaries[number].reward) for number in held_out)
    return Headline(told, "Reward of held-out play", rows)


def _difference(compared: Compared, other: str) -> str:
    """Of rewards, in words."""
    found = compared.difference
    value = found.difference.value
    if value is None:
        return f"and {other} have no scored negotiation in common."
    if number_text(value) == "0.00":
        same = number_text(compared.first.value or 0.0)
        return f"earns the same reward as {other}: {same} over {_scenarios(found.pairs)}."
    chance = f", which may be chance (p = {found.p:.2g})" if found.p is not None and found.p >= 0.05 else ""
    less, more = (found.difference, "more") if value > 0 else (-found.difference, "less")
    return f"earns {less} {more} reward than {other}, over {_scenarios(found.pairs)}{chance}."


def _scenarios(count: int) -> str:
    return "one scenario" if count == 1 else f"the same {count} scenarios"


def _played(summary: Summary) -> str:
    """What a run without anything to compare came to."""
    agreed, score = summary.agreement_rate, summary.score
    told = []
    if agreed.value is not None:
        told.append(f"agreed in {round(agreed.value * agreed.n)} of {agreed.n} negotiations")
    if score.value is not None:
        told.append(f"answers score {number_text(score.value)} of 5")
    return f"{'; '.join(told).capitalize()}." if told else "Nothing could be scored."
