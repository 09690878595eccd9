"""What a run starts from: domains, persona pairs, and the texts that exist already."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias

from negotiation_env.data import load_scenarios
from negotiation_env.errors import UserError
from negotiation_env.files.settings_file import read_toml
from negotiation_env.files.user_files import read_rows, row_text
from negotiation_env.game.scenario import Persona, Scenario

__all__ = ["KindName", "Known", "Pairs", "Sources", "load_sources", "pair_text"]

KindName: TypeAlias = Literal["dilemmas", "personas", "open"]
Pairs: TypeAlias = Mapping[str, tuple[Persona, Persona]]
"""Persona pairs by the ids of their tensions."""
_SHIPPED_PAIRS = Path(str(files("negotiation_env.data"))) / "personas.jsonl"


@dataclass(frozen=True, slots=True)
class Known:
    """A text that exists already.

    Attributes:
        id: Its id.
        text: All of it.
        domain: Its topic, where it has one.
        held_out: It is for evaluation: compared with, but never shown to the author.
    """

    id: str
    text: str
    domain: str = ""
    held_out: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """What a run starts from.

    Attributes:
        domains: The domains of each category.
        pairs: The persona pairs.
        known: The shipped texts to keep away from.
    """

    domains: Mapping[str, tuple[str, ...]]
    pairs: Pairs
    known: tuple[Known, ...] = ()


def load_sources(
    kind: KindName, domains: Path | None = None, personas: Path | None = None, *, shipped: bool = True
) -> Sources:
    """The sources of a run.

    Args:
        kind: What is written.
        domains: A TOML file with a list of domains for each category; None takes the domains of the shipped dilemmas.
        personas: A file of persona pairs as the shipped personas.jsonl; None takes that one.
        shipped: Keep away from the shipped texts.

    Raises:
        UserError: A file is missing, or holds something else.
    """
    pairs = _read_pairs(personas or _SHIPPED_PAIRS)
    return Sources(_domains(kind, domains), pairs, tuple(_shipped(kind)) if shipped else ())


def pair_text(pair: Iterable[Persona]) -> str:
    """A persona pair as one text, a field a line."""
    return "\n".join(
        field for each in pair for field in (each.name, each.goal, ", ".join(each.values), each.red_line, each.style)
    )


def _domains(kind: KindName, path: Path | None) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for each in load_scenarios("train"):
        found.setdefault(each.category, {})[each.domain] = None
    if kind == "open":  # "society" is a category of questions alone; its matters are those that professions decide
        categories = dict.fromkeys(each.category for each in load_scenarios("eval_open"))
        found = {category: found.get(category, found["professional"]) for category in categories}
    shipped = {category: tuple(names) for category, names in found.items()}
    return shipped if path is None else _read_domains(path, tuple(shipped))


def _read_domains(path: Path, categories: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found = read_toml(path, "domain file")
    wrong = [name for name, names in found.items() if name not in categories or not _is_list_of_names(names)]
    if wrong or not found:
        got = f"{wrong[0]} = {found[wrong[0]]!r}" if wrong else "nothing"
        raise UserError(f"{path}: expected lists of domain names under any of {', '.join(categories)}; got {got}")
    return {category: tuple(dict.fromkeys(names)) for category, names in found.items()}


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each.strip() for each in value)


def _read_pairs(path: Path) -> Pairs:
    return read_rows(path, "file of persona pairs", _pair)


def _pair(row: Any) -> tuple[str, tuple[Persona, Persona]]:
    id = row_text(row, "id")
    personas = row.get("personas")
    if not isinstance(personas, list) or len(personas) != 2:
        raise ValueError(f"expected a list of two personas under 'personas', got {personas!r:.80}")
    scenario = Scenario.from_dict(
        {"id": id, "dilemma": "any", "personas": personas}
    )  # it checks ids, names and lengths
    first, second = scenario.personas
    return id, (first, second)


def _shipped(kind: KindName) -> list[Known]:
    if kind == "personas":
        return [Known(id, pair_text(pair)) for id, pair in _read_pairs(_SHIPPED_PAIRS).items()]
    return [
        Known(each.id.partition("/")[0], each.dilemma, each.domain, held_out=split != "train")
        for split in ("train", "eval_conflict", "eval_multi", "eval_open")
        for each in load_scenarios(split)
    ]
