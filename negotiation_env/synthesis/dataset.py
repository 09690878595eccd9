"""The files of a dataset: rows in the shipped format, and the same as scenarios."""

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from negotiation_env.episodes.provenance import PROVENANCE
from negotiation_env.files.durable import read_lines, write_whole
from negotiation_env.files.places import make_folder
from negotiation_env.game.scenario import Scenario
from negotiation_env.synthesis.candidates import CANDIDATES, read_candidates
from negotiation_env.synthesis.card import Dataset, card
from negotiation_env.synthesis.forms import Kind
from negotiation_env.synthesis.sources import Pairs
from negotiation_env.text.untrusted import one_line

__all__ = ["HELD_OUT", "SCENARIOS", "verify_dataset", "write_dataset"]

HELD_OUT: Final = "held_out"
SCENARIOS: Final = "scenarios.jsonl"


def write_dataset(dataset: Dataset, out: Path, kind: Kind, pairs: Pairs) -> None:
    """Write every file whole; what is held out goes to a folder of its own.

    Each category of the plan has its file, an empty one too. `load_scenarios` reads the scenarios: each dilemma with
    the pair of one of its tensions, in drawn seats; an open question without personas.
    """
    sides = {out: dataset.split.train, out / HELD_OUT: dataset.split.held_out}
    names = sorted({kind.file({"category": slot.category}) for slot in dataset.slots})
    for folder, candidates in sides.items():
        make_folder(folder)
        rows = [each.row for each in candidates if each.row]
        for name in names:
            _write(folder / name, (row for row in rows if kind.file(row) == name))
        if kind.name != "personas":
            seed = dataset.settings.seed
            _write(folder / SCENARIOS, (_scenario(row, pairs, seed).to_dict() for row in rows))
    write_whole(out / "README.md", card(dataset))


def verify_dataset(out: Path) -> list[str]:
    """Which rows of a dataset are no accepted candidate's, a sentence each.

    Raises:
        UserError: A line cannot be read.
    """
    from pydantic import TypeAdapter

    accepted = [each.row for each in read_candidates(out / CANDIDATES).values() if each.fate == "accepted"]
    files = [path for folder in (out, out / HELD_OUT) for path in sorted(folder.glob("*.jsonl"))]
    return [
        f"{path.relative_to(out)}: {one_line(str(row.get('id')))} is no accepted text of {CANDIDATES}"
        for path in files
        if path.name not in (CANDIDATES, SCENARIOS, PROVENANCE)
        for row in read_lines(path, TypeAdapter(dict[str, Any]), "is no row of a dataset")
        if row not in accepted
    ]


def _scenario(row: Mapping[str, Any], pairs: Pairs, seed: int) -> Scenario:
    if "prompt" in row:
        return Scenario(row["id"], row["prompt"], category=row["category"])
    draw = random.Random(f"{seed}/{row['id']}")
    tension = draw.choice(row["tensions"])
    seating, personas = draw.choice([("ab", pairs[tension]), ("ba", pairs[tension][::-1])])
    facts = {name: row[name] for name in ("dilemma", "category", "domain")}
    return Scenario(id=f"{row['id']}/{tension}/{seating}", personas=personas, tension=tension, **facts)


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
