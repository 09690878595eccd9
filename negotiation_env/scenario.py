"""What is negotiated: a dilemma and the personas that face each other over it; or an open question without any."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from negotiation_env.alike import is_seen, speaker_key
from negotiation_env.strict_json import has_surrogates

__all__ = ["MAX_CHARACTERS", "Persona", "Scenario", "require_playable"]

MAX_CHARACTERS: Final = 4000
"""Most characters of a dilemma, or of one field of a persona, that parties can be shown; of values, joined by ", "."""
_PERSONA_TEXTS: Final = ("name", "goal", "red_line", "style")
_SCENARIO_TEXTS: Final = ("id", "dilemma", "category", "domain", "tension")


@dataclass(frozen=True, slots=True)
class Persona:
    """One party's role.

    Attributes:
        name: Who speaks, such as "The Strict Budget Manager"; with a letter or digit before any colon.
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
        _require_texts(self, _PERSONA_TEXTS, needed=("name", "goal"))
        if not speaker_key(self.name):
            told = f"expected letters or digits in its 'name', got {_told(self.name)}"
            raise ValueError(f"persona: {told}; what follows a colon does not count")
        if not isinstance(self.values, list | tuple) or not all(map(_is_text, self.values)):
            told = f"expected a list of texts under 'values', got {_told(self.values)}"
            raise ValueError(f"persona: {told}; each needs something to be seen")
        object.__setattr__(self, "values", tuple(self.values))

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Persona":
        """Read a persona from its JSON form.

        Raises:
            ValueError: A field is missing, empty or of the wrong type; the message is one line and names it.
        """
        return cls(**_fields(row, "persona", ("name", "goal"), ("red_line", "style", "values")))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A dilemma and two or more personas; the persona at index i sits in seat i.

    Without personas it is an open question, which a single agent answers (`Rules.max_turns` 0).

    Attributes:
        id: Names the scenario in records; unique within a split.
        dilemma: The situation, ending in the question to settle.
        personas: One per seat, at least two, with names that a reader can tell apart (`alike.speaker_key`); none for an
            open question.
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
        _require_texts(self, _SCENARIO_TEXTS, needed=("id", "dilemma"))
        if not isinstance(self.personas, list | tuple) or not all(isinstance(each, Persona) for each in self.personas):
            raise ValueError(f"scenario {_told(self.id)}: expected personas, got {_told(self.personas)}")
        object.__setattr__(self, "personas", tuple(self.personas))
        if len(self.personas) == 1:
            told = "expected at least 2 personas, or none for an open question"
            raise ValueError(f"scenario {_told(self.id)}: {told}; got 1")
        if len(set(map(speaker_key, names := self.names))) < len(names):
            rule = "persona names must differ in more than case, white space and signs, before any colon"
            raise ValueError(f"scenario {_told(self.id)}: {rule}; got {_told(names)}")

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
            ValueError: A field is missing, empty, too long or of the wrong type; the message is one line and names it.
        """
        fields = _fields(row, "scenario", ("id", "dilemma"), ("category", "domain", "tension", "personas"))
        personas = fields.get("personas")
        if not isinstance(personas, list | tuple):
            raise ValueError(f"scenario {_told(fields['id'])}: expected a list under 'personas', got {_told(personas)}")
        scenario = cls(**fields | {"personas": tuple(_personas(personas))})
        require_playable(scenario)
        return scenario

    def to_dict(self) -> dict[str, Any]:
        """The scenario as JSON-ready values."""
        return asdict(self)

    def to_json(self) -> str:
        """The scenario as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def require_playable(scenario: Scenario) -> None:
    """Refuse a scenario that could not be shown whole; a record of one that was played can still be read.

    Raises:
        ValueError: A field is longer than `MAX_CHARACTERS`; the message names it.
    """
    for number, name, text in _shown(scenario):
        if len(text) > MAX_CHARACTERS:
            where = f"scenario {_told(scenario.id)}{f', persona {number}' if number else ''}"
            limit = f"expected at most {MAX_CHARACTERS} characters, all that the parties would be shown"
            raise ValueError(f"{where}: {limit}, under {name!r}; got {len(text)}; shorten it")


def _shown(scenario: Scenario) -> Iterator[tuple[int, str, str]]:
    """What parties are shown: the persona's number, or 0, the field's name and its text."""
    yield 0, "dilemma", scenario.dilemma
    for number, persona in enumerate(scenario.personas, start=1):
        yield from ((number, name, getattr(persona, name)) for name in _PERSONA_TEXTS)
        yield number, "values", ", ".join(persona.values)


def _require_texts(value: Persona | Scenario, names: tuple[str, ...], needed: tuple[str, ...]) -> None:
    kind = type(value).__name__.lower()
    for name in names:
        text = getattr(value, name)
        if not isinstance(text, str):
            raise ValueError(f"{kind}: expected text under {name!r}, got {_told(text)}")
        if (text or name in needed) and not is_seen(text):
            raise ValueError(f"{kind}: expected text under {name!r}, got {_told(text)}, of which nothing is to be seen")
        if has_surrogates(text):
            raise ValueError(
                f"{kind}: expected text under {name!r}, got a lone surrogate, half a character, in {_told(text)}"
            )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and is_seen(value) and not has_surrogates(value)


def _fields(row: Mapping[str, Any], kind: str, needed: tuple[str, ...], extra: tuple[str, ...]) -> dict[str, Any]:
    """Pick fields out of a JSON object; the needed ones must be there, and what they hold is for the value to check."""
    if not isinstance(row, Mapping):
        raise ValueError(f"{kind}: expected a JSON object, got {_told(row)}")
    for name in needed:
        if name not in row:
            raise ValueError(f"{kind}: the field {name!r} is missing; got the fields {_told(sorted(map(str, row)))}")
    return {name: row[name] for name in (*needed, *extra) if name in row}


def _personas(rows: Sequence[Any]) -> Iterator[Persona]:
    for number, row in enumerate(rows, start=1):
        try:
            yield Persona.from_dict(row)
        except ValueError as error:
            raise ValueError(f"persona {number}{str(error).removeprefix('persona')}") from error


def _told(value: object) -> str:
    """A value in a message: one line, no longer than one can read, and what cannot be seen as its escape."""
    texts = value if isinstance(value, list | tuple) else [value]
    unseen = any(isinstance(each, str) and not is_seen(each) for each in texts)
    told = ascii(value) if unseen else repr(value)
    return told if len(told) <= 80 else f"{told[:79]}…"
