"""A verdict's details made readable: what a judge quotes, what it measured, and the rest.

The details of a judge are its own affair and JSON of any shape; whatever is not known here is shown as it is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from negotiation_env.game.events import JudgeCall, QuestionKind, Verdict
from negotiation_env.judges.material import party_key
from negotiation_env.judges.probes import ProbeKind

__all__ = ["Bar", "Quote", "ShownVerdict", "as_text", "show_verdict"]

_TOLD_ELSEWHERE: Final = {
    QuestionKind.AGREEMENT: ("parties", "unquoted", "direction", "agreed", "probability"),
    QuestionKind.TURN: ("reason", "answer", "probability"),
    QuestionKind.SCORE: ("parties", "levels", "aspects", "reason", "score", "distance"),
    ProbeKind.ACCEPTANCE: ("accepts", "reason", "satisfaction"),
    ProbeKind.FAITHFULNESS: (),
}


@dataclass(frozen=True, slots=True)
class Quote:
    """Evidence that a judge quotes for a party.

    Attributes:
        party: The persona's name.
        text: The judge's words; "" is none.
        level: How well the party's goal is served, 0 to 5, where it was graded.
        found: The words stand in the material.
    """

    party: str
    text: str
    level: float | None = None
    found: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    """Something measured.

    Attributes:
        name: What.
        value: From 0 to `top`.
        top: 5 for levels, 1 for features.
    """

    name: str
    value: float
    top: float


@dataclass(frozen=True, slots=True)
class ShownVerdict:
    """A verdict as the report shows it.

    Attributes:
        kind: What was asked.
        turn: Number of utterances at that moment.
        value: The answer; None is unscored.
        judge: Who says so.
        reason: Why.
        probability: That the parties agree, where the judge gives one.
        quotes: The evidence.
        bars: What was measured.
        facts: What else the details hold, by name.
        calls: The model calls behind it.
    """

    kind: QuestionKind | ProbeKind
    turn: int
    value: float | None
    judge: str
    reason: str
    probability: float | None
    quotes: tuple[Quote, ...]
    bars: tuple[Bar, ...]
    facts: dict[str, str]
    calls: tuple[JudgeCall, ...]


def show_verdict(kind: QuestionKind | ProbeKind, turn: int, verdict: Verdict, names: Sequence[str]) -> ShownVerdict:
    """Sort a verdict's details.

    Args:
        kind: What was asked.
        turn: Number of utterances at that moment.
        verdict: The answer.
        names: The personas', by seat.
    """
    details = verdict.details
    bars = () if kind in (QuestionKind.AGREEMENT, QuestionKind.TURN) else _bars(details)
    shown = {*_TOLD_ELSEWHERE[kind], *(bar.name for bar in bars)}
    facts = {name: as_text(value) for name, value in details.items() if name not in shown}
    probability = details.get("probability")
    return ShownVerdict(
        kind,
        turn,
        verdict.value,
        verdict.judge,
        verdict.reason,
        probability if isinstance(probability, float) else None,
        _quotes(details, names),
        bars,
        facts,
        verdict.calls,
    )


def as_text(value: Any) -> str:
    """A value of JSON for readers: texts as they are, numbers short, nothing as "none", all else as JSON."""
    if isinstance(value, str):
        return value
    if value is None or value == []:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _quotes(details: Mapping[str, Any], names: Sequence[str]) -> tuple[Quote, ...]:
    """An LLM judge's evidence for each party: a quote, or a quote and a level."""
    parties, missing = details.get("parties"), details.get("unquoted", ())
    if not isinstance(parties, Mapping):
        return ()
    given = [(seat, name, parties[party_key(seat)]) for seat, name in enumerate(names) if party_key(seat) in parties]
    return tuple(
        Quote(name, as_text(said["quote"]), said["served"])
        if isinstance(said, Mapping) and {"quote", "served"} <= said.keys()
        else Quote(name, as_text(said), found=seat not in missing)
        for seat, name, said in given
    )


def _bars(details: Mapping[str, Any]) -> tuple[Bar, ...]:
    """Levels of an LLM judge's aspects; else features, which are fractions between 0 and 1."""
    levels = details.get("levels")
    if isinstance(levels, Mapping):
        return tuple(Bar(name, level, 5.0) for name, level in levels.items() if isinstance(level, int | float))
    features = {name: value for name, value in details.items() if isinstance(value, float) and 0 <= value <= 1}
    return tuple(Bar(name, value, 1.0) for name, value in features.items() if name not in ("score", "probability"))
