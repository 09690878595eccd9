"""What an author is asked to write, and how its reply is read: one class a kind of text.

A reply is strict JSON after a schema; the limits on what it says are checked in code. All of it is untrusted text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from negotiation_env.alike import speaker_key
from negotiation_env.events import Message
from negotiation_env.judges.forms import Strict
from negotiation_env.judges.material import chat, clean
from negotiation_env.scenario import MAX_CHARACTERS, Persona
from negotiation_env.synthesis.neighbours import jaccard
from negotiation_env.synthesis.plan import Slot
from negotiation_env.synthesis.sources import KindName, Known, Pairs, pair_text
from negotiation_env.text import SILENCE

__all__ = ["VALUES", "VERSION", "WORDS", "Kind", "OutOfLimits", "instructions", "kind_of", "read_field"]

VERSION: Final = "v1"
WORDS: Final[Mapping[str, tuple[int, int]]] = {
    "dilemma": (40, 120),
    "prompt": (12, 60),
    "tension": (3, 14),
    "name": (2, 8),
    "goal": (6, 40),
    "red_line": (5, 30),
    "style": (2, 30),
}
"""Fewest and most words of each field; the shipped texts lie within."""
VALUES: Final = (3, 6)
"""Fewest and most values of a persona, of one to three words each."""
_SAME_GOAL = 0.5
"""Word 3-grams that two goals may have in common: short texts that begin alike."""
_SHOWN_TEXTS = 3
_SHOWN_IDS = 100
_TENSION_ID = re.compile(r"[a-z]+(_[a-z]+)*_vs_[a-z]+(_[a-z]+)*")


class OutOfLimits(Exception):
    """A readable reply that is not what was asked for; it never leaves the run, which rejects the candidate."""


class _DilemmaReply(Strict):
    dilemma: str
    tensions: list[str]


@dataclass(frozen=True)
class Dilemmas:
    """Dilemmas for negotiations, each with the tensions that it turns on."""

    pairs: Pairs
    name: KindName = "dilemmas"
    reply: type[BaseModel] = _DilemmaReply

    def messages(self, slot: Slot, known: Sequence[Known]) -> tuple[Message, ...]:
        """Asks for a dilemma between the goals of the slot's persona pairs."""
        tensions = [{"id": id} | self._goals(id) for id in slot.tensions]
        material = {**_place(slot), "tensions": tensions, "avoid": _same_domain(slot, known)}
        return chat(instructions(self.name), material)

    def row(self, said: Mapping[str, Any], slot: Slot, prefix: str) -> dict[str, Any]:
        """The dilemma, which must end in a question and name tensions out of the slot's."""
        text, tensions = read_field(said, "dilemma"), said["tensions"]
        if not text.rstrip("\"'”’)").endswith("?"):
            raise OutOfLimits("dilemma: expected a question at its end")
        if not tensions or len(set(tensions)) < len(tensions) or not set(tensions) <= set(slot.tensions):
            raise OutOfLimits(f"tensions: expected some of {list(slot.tensions)}, got {tensions}")
        facts = {"category": slot.category, "domain": slot.domain}
        return {"id": _number_id(slot, prefix), **facts, "dilemma": text, "tensions": tensions}

    def text(self, row: Mapping[str, Any]) -> str:
        """The dilemma."""
        return str(row["dilemma"])

    def judged(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The dilemma and the goals of its tensions."""
        return {"text": row["dilemma"], "tensions": [self._goals(id) for id in row["tensions"]]}

    def file(self, row: Mapping[str, Any]) -> str:
        """One file a category."""
        return f"dilemmas_{row['category']}.jsonl"

    def _goals(self, id: str) -> dict[str, str]:
        first, second = self.pairs[id]
        return {"first_goal": clean(first.goal), "second_goal": clean(second.goal)}


class _OpenReply(Strict):
    prompt: str


@dataclass(frozen=True)
class Open:
    """Open-ended questions for a single assistant."""

    name: KindName = "open"
    reply: type[BaseModel] = _OpenReply

    def messages(self, slot: Slot, known: Sequence[Known]) -> tuple[Message, ...]:
        """Asks for a question out of the slot's domain."""
        return chat(instructions(self.name), {**_place(slot), "avoid": _same_domain(slot, known)})

    def row(self, said: Mapping[str, Any], slot: Slot, prefix: str) -> dict[str, Any]:
        """The question; the shipped format has no domain."""
        return {"id": _number_id(slot, prefix), "category": slot.category, "prompt": read_field(said, "prompt")}

    def text(self, row: Mapping[str, Any]) -> str:
        """The question."""
        return str(row["prompt"])

    def judged(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The question alone."""
        return {"text": row["prompt"]}

    def file(self, row: Mapping[str, Any]) -> str:
        """One file."""
        return "open.jsonl"


class _PersonaReply(Strict):
    name: str
    goal: str
    values: list[str]
    red_line: str
    style: str


class _PairReply(Strict):
    id: str
    tension: str
    first: _PersonaReply
    second: _PersonaReply


@dataclass(frozen=True)
class Personas:
    """Pairs of opposing personas, each pair one tension."""

    name: KindName = "personas"
    reply: type[BaseModel] = _PairReply

    def messages(self, slot: Slot, known: Sequence[Known]) -> tuple[Message, ...]:
        """Asks for a tension that does not exist yet."""
        return chat(instructions(self.name), {**_place(slot), "avoid": [each.id for each in known][-_SHOWN_IDS:]})

    def row(self, said: Mapping[str, Any], slot: Slot, prefix: str) -> dict[str, Any]:
        """The pair, whose personas and goals must differ."""
        if not _TENSION_ID.fullmatch(said["id"]):
            raise OutOfLimits(f"id: expected small letters like 'cost_vs_quality', got {said['id']!r}")
        first, second = _persona(said["first"]), _persona(said["second"])
        if speaker_key(first["name"]) == speaker_key(second["name"]):
            names = f"{first['name']!r} and {second['name']!r}"
            raise OutOfLimits(f"name: expected two that differ in letters or digits, got {names}")
        if jaccard(first["goal"], second["goal"]) >= _SAME_GOAL:
            raise OutOfLimits("goal: expected two that differ")
        return {"id": f"{prefix}-{said['id']}", "tension": read_field(said, "tension"), "personas": [first, second]}

    def text(self, row: Mapping[str, Any]) -> str:
        """Both personas, a field a line."""
        return pair_text(map(Persona.from_dict, row["personas"]))

    def judged(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The same."""
        return {"text": self.text(row)}

    def file(self, row: Mapping[str, Any]) -> str:
        """One file."""
        return "personas.jsonl"


Kind: TypeAlias = Dilemmas | Open | Personas
"""What is asked for, how a reply becomes a row, and what a row says."""


def kind_of(name: KindName, pairs: Pairs) -> Kind:
    """The kind of that name."""
    kinds: dict[KindName, Kind] = {"dilemmas": Dilemmas(pairs), "open": Open(), "personas": Personas()}
    return kinds[name]


def read_field(said: Mapping[str, Any], name: str) -> str:
    """A field of a reply as one harmless paragraph.

    Raises:
        OutOfLimits: It has too few or too many words, or more characters than parties can be shown.
    """
    text = " ".join(clean(said[name]).split())
    words = 0 if text == SILENCE else len(text.split())
    if not WORDS[name][0] <= words <= WORDS[name][1]:
        raise OutOfLimits(f"{name}: expected {_span(WORDS[name])} words, got {words}")
    if len(text) > MAX_CHARACTERS:
        raise OutOfLimits(f"{name}: expected at most {MAX_CHARACTERS} characters, got {len(text)}")
    return text


@cache
def instructions(name: str) -> str:
    """A system message out of its template file; the limits of words are filled in."""
    path = files(__package__).joinpath("prompts", f"{name}.{VERSION}.txt")
    limits = {field: _span(limit) for field, limit in WORDS.items()} | {"values": _span(VALUES)}
    return Template(path.read_text(encoding="utf-8").strip()).substitute(limits)


def _place(slot: Slot) -> dict[str, str]:
    return {"category": clean(slot.category), "domain": clean(slot.domain)}


def _same_domain(slot: Slot, known: Sequence[Known]) -> list[str]:
    """The latest texts of the slot's domain; held-out ones are nobody's example."""
    return [each.text for each in known if each.domain == slot.domain and not each.held_out][-_SHOWN_TEXTS:]


def _persona(said: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: read_field(said, name) for name in ("name", "goal", "red_line", "style")}
    if not speaker_key(fields["name"]):
        raise OutOfLimits(f"name: expected letters or digits before any colon, got {fields['name']!r}")
    if not fields["goal"].startswith("You"):
        raise OutOfLimits("goal: expected the second person, beginning with 'You'")
    values = tuple(" ".join(clean(value).split()) for value in said["values"])
    fit = len(", ".join(values)) <= MAX_CHARACTERS and all(1 <= len(value.split()) <= 3 for value in values)
    if not VALUES[0] <= len(set(values)) <= VALUES[1] or not fit:
        raise OutOfLimits(f"values: expected {_span(VALUES)} of one to three words each, got {list(values)}")
    return asdict(Persona(**fields, values=values)) | {"values": list(values)}


def _number_id(slot: Slot, prefix: str) -> str:
    return f"{prefix}-{slot.number + 1:03d}"


def _span(limits: tuple[int, int]) -> str:
    return f"{limits[0]} to {limits[1]}"
