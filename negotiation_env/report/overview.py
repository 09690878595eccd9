"""What a run amounts to: its headline figures, and what else is worth knowing before one believes them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.rejudge_report import rejudge_table
from negotiation_env.episodes.summary import Summary, summarise
from negotiation_env.game.events import Status
from negotiation_env.report.folder import Part, Run
from negotiation_env.report.headline import Headline, compared_table, headline
from negotiation_env.statistics.intervals import BRACKETS, Estimate
from negotiation_env.statistics.table import Table, cell_text

__all__ = ["Figure", "Overview", "Share", "overview"]

_SCALES = {"agreement_rate": 1.0, "score": 5.0, "reward": 5.0}
_FIGURES = {
    "agreement_rate": "Agreement rate",
    "score": "Collective Agency, 0–5",
    "reward": "Reward",
    "turns": "Turns",
    "turns_to_agreement": "Turns to agreement",
}
_OUTCOMES = "Outcomes"
_INTERVALS = f"{BRACKETS}. The reward is 0 without agreement."


@dataclass(frozen=True, slots=True)
class Figure:
    """A headline figure.

    Attributes:
        name: What it is.
        estimate: Its value with the interval.
        top: The end of its scale, which begins at 0.
    """

    name: str
    estimate: Estimate
    top: float


@dataclass(frozen=True, slots=True)
class Share:
    """How many negotiations ended in one way.

    Attributes:
        status: The way.
        count: How many.
        before: How many ended in the ways that stand before it.
    """

    status: Status
    count: int
    before: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The head of the report.

    Attributes:
        played: How many negotiations there are.
        who: Who played, by role: a benchmark's negotiators and opponents by name, else agents.
        judges: Who judged.
        headline: What it comes to.
        part: What the figures are of: "" is the whole run.
        figures: Its headline figures; none where there are tables that say more.
        shares: How its negotiations ended.
        facts: What else there is to know about it, by name.
        tables: The run's own; for one of several parts, the parts side by side; and what other judges made of it.
    """

    played: int
    who: dict[str, tuple[str, ...]]
    judges: tuple[str, ...]
    headline: Headline
    part: str
    figures: tuple[Figure, ...]
    shares: tuple[Share, ...]
    facts: dict[str, str]
    tables: tuple[Table, ...]

    @property
    def tabs(self) -> dict[str, list[tuple[int, str]]]:
        """The tables' places with short names, by where negotiators were compared: what stands last in their titles.

        The comparison that the headline is of comes first.
        """
        groups: dict[str, list[tuple[int, str]]] = {}
        for number, table in enumerate(self.tables):
            label, _, group = table.title.rpartition(": ")
            groups.setdefault(group, []).append((number, label or _OUTCOMES))
        in_order = sorted(groups.items(), key=lambda each: self.headline.anchor not in dict(each[1]))
        return {group: sorted(tabs, key=lambda tab: tab[1] != _OUTCOMES) for group, tabs in in_order}


def overview(run: Run) -> Overview:
    """The head of a run's report; the figures are those of its last held-out play, if it has any."""
    summaries = [summarise(part.episodes) for part in run.parts]
    part, summary = run.parts[-1], summaries[-1]
    return Overview(
        played=len(run.episodes),
        who=_who(run.episodes),
        judges=tuple(sorted({each.judge for each in run.episodes})),
        headline=headline(run, summaries),
        part=part.name,
        figures=() if run.tables or run.compared else _figures(part.episodes, summary),
        shares=() if run.compared else _shares(part.episodes),
        facts={} if run.compared else _facts(summary),
        tables=_tables(run, summaries),
    )


def _who(episodes: Sequence[Episode]) -> dict[str, tuple[str, ...]]:
    roles = {"Negotiators": "negotiator", "Opponents": "opponent"}
    named = {role: _distinct(each.tags.get(tag) for each in episodes) for role, tag in roles.items()}
    return named if all(named.values()) else {"Agents": _distinct(name for each in episodes for name in each.agents)}


def _distinct(names: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def _tables(run: Run, summaries: Sequence[Summary]) -> tuple[Table, ...]:
    if run.compared:
        return (compared_table(run),)
    return (*(run.tables or _parts_table(run.parts, summaries)), *_judged_again(run.parts))


def _judged_again(parts: Sequence[Part]) -> Iterator[Table]:
    """What other judges made of each part, beside the one that it was played before."""
    for part in parts:
        for again in part.judged_again:
            title = f"Judged again by {again.new_judge}"
            yield rejudge_table(again, f"{title}: {part.name}" if part.name else title)


def _figures(episodes: Iterable[Episode], summary: Summary) -> tuple[Figure, ...]:
    """Those that something was counted for."""
    turns = float(max((each.rules.max_turns for each in episodes), default=0)) or 1.0
    found = {name: getattr(summary, name) for name in _FIGURES}
    return tuple(Figure(_FIGURES[name], each, _SCALES.get(name, turns)) for name, each in found.items() if each.n)


def _shares(episodes: Iterable[Episode]) -> tuple[Share, ...]:
    counts = Counter(each.outcome.status for each in episodes)
    shares: list[Share] = []
    for status in (status for status in Status if counts[status]):
        shares.append(Share(status, counts[status], sum(each.count for each in shares)))
    return tuple(shares)


def _facts(summary: Summary) -> dict[str, str]:
    facts = {"unscored": f"{summary.unscored:,} of {summary.episodes:,}"}
    facts["turns cut short"] = f"{summary.truncated:.0%}"
    facts |= {"turns that echo": f"{summary.echoes:.0%}"} if summary.echoes else {}
    facts |= {"private thoughts, of all characters": f"{summary.thought:.0%}"} if summary.thought else {}
    facts |= {"guards: constraints broken": _counts(summary.broken)} if summary.broken else {}
    facts |= {"guards: words not delivered": str(summary.guards_refused)} if summary.guards_refused else {}
    facts |= {"events in what was said": _counts(summary.events)} if summary.events else {}
    facts |= {"answers that the judge refused": _counts(summary.refusals)} if summary.refusals else {}
    facts |= {f"{role} tokens, in + out": str(used) for role, used in summary.usage.items() if used.tokens}
    facts |= {f"names of the model of {who}": ", ".join(names) for who, names in summary.renamed.items()}
    return facts | {f"panel: {name}": cell_text(value) for name, value in summary.panel.items() if value is not None}


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in found.items())


def _parts_table(parts: Sequence[Part], summaries: Sequence[Summary]) -> tuple[Table, ...]:
    """A run of one part is told by its headline."""
    if len(parts) < 2:
        return ()
    columns = ("", "Negotiations", "Unscored", *_FIGURES.values())
    rows = tuple(
        (part.name, each.episodes, each.unscored, *(getattr(each, name) for name in _FIGURES))
        for part, each in zip(parts, summaries, strict=True)
    )
    return (Table("The parts of the run", columns, rows, _INTERVALS),)
