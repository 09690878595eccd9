"""The shipped dilemmas, personas and held-out sets; see the data card, README.md, beside this module."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from negotiation_env.errors import UserError
from negotiation_env.files.user_files import read_rows
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.text.nearest import did_you_mean

__all__ = [
    "SPLITS",
    "Injection",
    "load_brief_demos",
    "load_demos",
    "load_injections",
    "load_scenarios",
    "read_scenarios",
]

_CLASSES = ("professional", "interpersonal", "everyday")
SPLITS = ("train", *_CLASSES, "eval_conflict", "eval_multi", "eval_open")
"""The names that `load_scenarios` takes; "train" is the three classes of dilemmas together."""


@dataclass(frozen=True, slots=True)
class Injection:
    """An attack on a judge, to be appended to a turn or a completion.

    Attributes:
        id: Its kind and a slug, such as "role_token/chatml-system".
        kind: What it tries, such as "delimiter"; the data card lists the kinds.
        text: The attack as a model could write it: not neutralised, lone surrogates possible.
    """

    id: str
    kind: str
    text: str


def load_scenarios(split: str | Path, *, seed: int | None = 0) -> list[Scenario]:
    """The scenarios of a shipped split, or of a JSONL file.

    Those of "eval_open" are open questions, without personas.

    A training dilemma is paired with the persona pair of one of its listed tensions, and either persona may take
    either seat: both are drawn with `seed`. The held-out splits bring their own personas in fixed seats.

    Args:
        split: One of `SPLITS`, or the path of a JSONL file with one scenario a line.
        seed: Seeds pairing and seats; None gives every dilemma with each of its tensions in both seatings.

    Returns:
        Scenarios in the order of the files (shuffling is the caller's).

    Raises:
        UserError: There is no such split or file, or the file is wrong, see `read_scenarios`.
    """
    if not isinstance(split, str):
        return read_scenarios(split)
    if split in ("eval_conflict", "eval_multi"):
        return [Scenario.from_dict(row) for row in _rows(split)]
    if split == "eval_open":
        return [Scenario(row["id"], row["prompt"], category=row["category"]) for row in _rows(split)]
    classes = _CLASSES if split == "train" else (split,)
    if not set(classes) <= set(_CLASSES):
        return read_scenarios(Path(split))
    pairings = _pairings(classes)
    if seed is None:
        return [scenario for options in pairings for scenario in options]
    return [random.Random(f"{seed}/{options[0].id}").choice(options) for options in pairings]


def read_scenarios(path: Path) -> list[Scenario]:
    """Scenarios from a JSONL file.

    Raises:
        UserError: It is no path, the file is missing, empty, or no UTF-8, a line is not a scenario, or an id comes
            again; the message names the line and the field.
    """
    if not isinstance(path, Path):
        raise UserError(f"expected a split or the path of a JSONL file; got {path!r:.80}")
    if not path.exists():
        near = did_you_mean(str(path), SPLITS)
        raise UserError(f"no split or file {str(path)!r}{near}; expected one of {', '.join(SPLITS)}, or a JSONL file")
    return list(read_rows(path, "file of scenarios", _scenario).values())


def load_demos() -> list[dict[str, Any]]:
    """The 180 demonstration negotiations; see the data card for their fields."""
    return list(_rows("demos"))


def load_brief_demos() -> list[dict[str, Any]]:
    """The 720 demonstration negotiations of two to four short turns; see the data card for their fields."""
    scenarios = {each.id: each for each in load_scenarios("train", seed=None)}
    return [scenarios[row["id"]].to_dict() | row for row in _rows("brief_demos")]


def load_injections() -> list[Injection]:
    """The shipped attacks on judges, in the order of the file: kind by kind."""
    return [Injection(**row) for row in _rows("injections")]


def _pairings(classes: tuple[str, ...]) -> Iterator[list[Scenario]]:
    """For each dilemma all its scenarios: each listed tension, in both seatings."""
    pairs = {row["id"]: tuple(Persona.from_dict(persona) for persona in row["personas"]) for row in _rows("personas")}
    for name in classes:
        for row in _rows(f"dilemmas_{name}"):
            facts = {key: row[key] for key in ("dilemma", "category", "domain")}
            yield [
                Scenario(id=f"{row['id']}/{tension}/{seating}", personas=personas, tension=tension, **facts)
                for tension in row["tensions"]
                for seating, personas in (("ab", pairs[tension]), ("ba", pairs[tension][::-1]))
            ]


def _scenario(row: Any) -> tuple[str, Scenario]:
    scenario = Scenario.from_dict(row)
    return scenario.id, scenario


def _rows(name: str) -> Iterator[dict[str, Any]]:
    with files(__package__).joinpath(f"{name}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
