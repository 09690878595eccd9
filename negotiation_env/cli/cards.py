"""What `negotiate play` lays on the table: the dilemma, the personas, verdicts with their evidence, how it ended."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from negotiation_env.agents.human import HumanAgent
from negotiation_env.environment.episode import Episode
from negotiation_env.environment.render import UNEARNED, agency, colour_of, ending, unearned
from negotiation_env.game.events import QuestionKind
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.report.verdicts import Bar, Quote, ShownVerdict

__all__ = ["closing_card", "dilemma_card", "persona_card", "verdict_card"]

_STEPS: Final = 20
"""Places of a bar."""
_FACTS: Final = {"interval": "in 80 % of cases within", "satisfaction": "satisfaction of the parties, 0 to 5:"}
"""What a score is shown with, where its judge tells it."""


def dilemma_card(scenario: Scenario) -> Panel:
    """What is negotiated, and its id."""
    return Panel(Text(scenario.dilemma), title=Text(f"dilemma {scenario.id}"), title_align="left")


def persona_card(persona: Persona, seat: int, agent: str) -> Panel:
    """A persona as its party is told, and who plays it; what it has none of is left out."""
    told = {
        "Goal": persona.goal,
        "Values": ", ".join(persona.values),
        "Red line": persona.red_line,
        "Style": persona.style,
        "Played by": "you" if agent == HumanAgent.name else agent,
    }
    lines = [Text.assemble((f"{name}: ", "bold"), text) for name, text in told.items() if text]
    return Panel(Group(*lines), title=Text(persona.name), title_align="left", border_style=colour_of(seat))


def verdict_card(ruling: ShownVerdict) -> RenderableType:
    """A judge's answer: one line of agreement, a frame with the evidence of a score."""
    if ruling.kind is QuestionKind.SCORE:
        return Panel(Group(*_scored(ruling)), title="verdict", title_align="left")
    answer = "no answer" if ruling.value is None else "they agree" if ruling.value > 0 else "no agreement"
    share = "" if ruling.probability is None else f" (probability of agreement {ruling.probability:.2f})"
    reason = f": {ruling.reason}" if ruling.reason else ""
    return Group(Text(f"judge: {answer}{share}{reason}", style="dim"), *map(_quote, ruling.quotes))


def closing_card(episode: Episode, kept: Path | None) -> Panel:
    """How it ended, by which judge, and where the record is."""
    outcome = episode.outcome
    judged = f", by the {episode.judge}"
    score = f"not scored: {outcome.reason}" if outcome.score is None else agency(outcome.score) + judged
    lines = [
        Text(ending(outcome), style="bold"),
        Text(score),
        *([Text(UNEARNED)] if unearned(outcome, episode.rules) else []),
        Text(f"record: {kept}; look at it with: negotiate view {kept}" if kept else "not kept; --out FOLDER keeps it"),
    ]
    return Panel(Group(*lines), title="the end", title_align="left", border_style="bold")


def _scored(ruling: ShownVerdict) -> Iterator[RenderableType]:
    value = "no score" if ruling.value is None else agency(ruling.value)
    yield Text(f"{value}, by the {ruling.judge}", style="bold")
    if ruling.reason:
        yield Text(ruling.reason)
    yield from (Text(f"{told} {ruling.facts[name]}") for name, told in _FACTS.items() if name in ruling.facts)
    if ruling.bars:
        yield _bars(ruling.bars)
    yield from map(_quote, ruling.quotes)


def _bars(bars: tuple[Bar, ...]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for bar in bars:
        full = round(_STEPS * bar.value / bar.top)
        grid.add_row(Text(bar.name.replace("_", " ")), Text("█" * full + "░" * (_STEPS - full)), f"{bar.value:.3g}")
    return grid


def _quote(quote: Quote) -> Text:
    level = "" if quote.level is None else f" ({quote.level:g} of 5)"
    words = f"“{quote.text}”" if quote.text else "nothing quoted"
    doubt = "" if quote.found else ", which nobody said"
    return Text.assemble((quote.party, "bold"), f"{level}: {words}{doubt}")
