"""What is negotiated: a dilemma and the personas that face each other over it; or an open question without any."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Persona", "Scenario"]


@dataclass(frozen=True, slots=True)
class Persona:
    """One party's role.

    Attributes:
        name: Who speaks, such as "The Strict Budget Manager".
        goal: What the party wants, in the second person ("You must …").
        red_line: What it will not accept.
        style: How it talks.
        values: What it holds dear, most important first.
    """

    name: str
    goal: str
    red_line: str = ""
    style: str = ""
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_text(self, "name", "goal")
        object.__setattr__(self, "values", tuple(self.values))

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Persona":
        """Read a persona from its JSON form.

        Raises:
            ValueError: A field is missing, empty or of the wrong type.
        """
        fields = _text_fields(row, "persona", ("name", "goal"), ("red_line", "style"))
        return cls(**fields, values=tuple(row.get("values", ())))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A dilemma and two or more personas; the persona at index i sits in seat i.

    Without personas it is an open question, which a single agent answers (`Rules.max_turns` 0).

    Attributes:
        id: Names the scenario in records; unique within a split.
        dilemma: The situation, ending in the question to settle.
        personas: One per seat, at least two; none for an open question.
        category: "professional", "interpersonal", "everyday", "society", or a user's own.
        domain: The field of life it plays in.
        tension: The id of the persona pair, where the personas came from one.
    """

    id: str
    dilemma: str
    personas: tuple[Persona, ...] = ()
    category: str = ""
    domain: str = ""
    tension: str = ""

    def __post_init__(self) -> None:
        _require_text(self, "id", "dilemma")
        object.__setattr__(self, "personas", tuple(self.personas))
        if len(self.personas) == 1:
            raise ValueError(f"scenario {self.id!r}: expected at least 2 personas, or none for an open question; got 1")
        if len(set(names := self.names)) < len(names):
            raise ValueError(f"scenario {self.id!r}: persona names must differ, got {names}")

    @property
    def names(self) -> tuple[str, ...]:
        """The personas' names, in the order of the seats."""
        return tuple(persona.name for persona in self.personas)

    @property
    def seats(self) -> int:
        """How many agents it takes: one for each persona, one for an open question."""
        return max(1, len(self.personas))

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Scenario":
        """Read a scenario from its JSON form, the one that `to_dict` gives.

        Raises:
            ValueError: A field is missing, empty or of the wrong type.
        """
        fields = _text_fields(row, "scenario", ("id", "dilemma"), ("category", "domain", "tension"))
        personas = row.get("personas")
        if not isinstance(personas, list | tuple):
            raise ValueError(f"scenario {fields['id']!r}: expected a list under 'personas', got {personas!r}")
        return cls(**fields, personas=tuple(Persona.from_dict(persona) for persona in personas))

    def to_dict(self) -> dict[str, Any]:
        """The scenario as JSON-ready values."""
        return asdict(self)

    def to_json(self) -> str:
        """The scenario as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def _require_text(value: Persona | Scenario, *names: str) -> None:
    for name in names:
        text = getattr(value, name)
        if not isinstance(text, str) or not text.strip():
            kind = type(value).__name__.lower()
            raise ValueError(f"{kind}: expected text under {name!r}, got {text!r}")


def _text_fields(row: Mapping[str, Any], kind: str, needed: tuple[str, ...], extra: tuple[str, ...]) -> dict[str, str]:
    """Pick text fields out of a JSON object; the needed ones must be there."""
    if not isinstance(row, Mapping):
        raise ValueError(f"{kind}: expected a JSON object, got {row!r}")
    fields = {name: row[name] for name in (*needed, *extra) if name in row}
    for name in needed:
        if name not in fields:
            raise ValueError(f"{kind}: the field {name!r} is missing; got the fields {sorted(row)}")
    for name, text in fields.items():
        if not isinstance(text, str):
            raise ValueError(f"{kind}: expected text under {name!r}, got {text!r}")
    return fields
