"""What the gates of `negotiate generate` make of the shipped texts: near-duplicates, limits, and made copies.

Each text is compared with those before it, as in a run. Copies of every eleventh dilemma, changed in four ways, show
what each measure finds.

Run: python measurements/shipped_duplicates.py [--no-minilm] [--out FILE.json]      (MiniLM: some minutes on one core)
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from negotiation_env.synthesis.forms import OutOfLimits, kind_of, read_field
from negotiation_env.synthesis.neighbours import Encode, Nearest, NearLimits, Neighbours, find_encoder
from negotiation_env.synthesis.plan import Slot
from negotiation_env.synthesis.sources import Known, load_sources

COSINES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
JACCARDS = (0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
EVERY = 11


def nearest_before(known: Sequence[Known], encode: Encode | None) -> dict[str, Nearest]:
    """For each text the nearest of those before it."""
    seen, found = Neighbours(encode), {}
    for each in known:
        found[each.id] = seen.nearest(each.text)
        seen.add(each.id, each.text)
    return found


def gate(found: Mapping[str, Nearest]) -> dict[str, object]:
    """How many texts the gate rejects at its default limits, and over other limits."""
    limits = NearLimits()
    rejected = {id: limits.exceeded(each) for id, each in found.items() if limits.exceeded(each)}
    closest = max(found.items(), key=lambda item: item[1].jaccard)
    return {
        "limits": asdict(limits),
        "texts": len(found),
        "rejected": len(rejected),
        "by_measure": dict(Counter(measure for measures in rejected.values() for measure in measures)),
        "by_jaccard_from": {str(limit): sum(e.jaccard >= limit for e in found.values()) for limit in JACCARDS},
        "by_cosine_from": _by_cosine([each.cosine for each in found.values() if each.cosine is not None]),
        "highest_jaccard": [closest[0], closest[1].lexical, closest[1].jaccard],
    }


def _by_cosine(cosines: Sequence[float]) -> dict[str, int] | None:
    return {str(limit): sum(each >= limit for each in cosines) for limit in COSINES} if cosines else None


def cosines(known: Sequence[Known], encode: Encode) -> dict[str, object]:
    """Cosine of every text to its nearest one, before or after it."""
    vectors = np.concatenate([encode([each.text]) for each in known])
    between = vectors @ vectors.T
    np.fill_diagonal(between, -1.0)
    highest = between.max(axis=1)
    first, second = np.unravel_index(int(between.argmax()), between.shape)
    return {
        "median": round(float(np.median(highest)), 4),
        "95 %": round(float(np.quantile(highest, 0.95)), 4),
        "highest": round(float(highest.max()), 4),
        "highest_pair": [known[int(first)].id, known[int(second)].id],
    }


def within_limits() -> dict[str, str]:
    """How many shipped rows pass the limits on what an author may write."""
    data = Path(__file__).parents[1] / "negotiation_env" / "data"
    pairs = load_sources("dilemmas", shipped=False).pairs
    names = [*(f"dilemmas_{each}" for each in ("professional", "interpersonal", "everyday")), "eval_conflict"]
    found = {}
    for name in (*names, "eval_multi", "eval_open", "personas"):
        rows = [json.loads(line) for line in (data / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        passed = sum(_passes(row, pairs) for row in rows)
        found[name] = f"{passed} of {len(rows)}"
    return found


def _passes(row: dict, pairs: Mapping) -> bool:
    slot = Slot(0, 0, row.get("category", ""), row.get("domain", ""), tuple(row.get("tensions", ())))
    try:
        if "tensions" in row:
            kind_of("dilemmas", pairs).row(row, slot, "x")
        elif "tension" in row:
            first, second = row["personas"]
            kind_of("personas", pairs).row(row | {"first": first, "second": second}, slot, "x")
        else:
            read_field(row, "prompt" if "prompt" in row else "dilemma")
    except OutOfLimits:
        return False
    return True


def other_names(text: str) -> str:
    """Every capitalised word inside a sentence and every number is another."""
    draw = random.Random(text)
    text = re.sub(r"\d+", lambda _: str(draw.randrange(2, 99)), text)
    return re.sub(r"(?<=[a-z,] )[A-Z]\w+", lambda _: draw.choice(("Talvo", "Mirren", "Oskane", "Beldis")), text)


def half(text: str) -> str:
    """Every second sentence."""
    return " ".join(re.split(r"(?<=[.?!]) ", text)[::2])


def moved(text: str) -> str:
    """The sentences in reverse order."""
    return " ".join(reversed(re.split(r"(?<=[.?!]) ", text)))


def thinned(text: str) -> str:
    """Without every fourth word."""
    return " ".join(word for place, word in enumerate(text.split()) if place % 4 != 3)


CHANGES: tuple[Callable[[str], str], ...] = (other_names, half, moved, thinned)


def copies(known: Sequence[Known], encode: Encode | None) -> dict[str, object]:
    """How many changed copies each measure finds, of one dilemma in eleven."""
    seen = Neighbours(encode)
    for each in known:
        seen.add(each.id, each.text)
    chosen, limits, found = [each for each in known if not each.held_out][::EVERY], NearLimits(), {}
    for change in CHANGES:
        nearest = [seen.nearest(change(each.text)) for each in chosen]
        measures = Counter(measure for each in nearest for measure in limits.exceeded(each))
        lowest = min((each.cosine for each in nearest if each.cosine is not None), default=None)
        caught = sum(bool(limits.exceeded(each)) for each in nearest)
        found[change.__name__] = {"copies": len(chosen), "caught": caught, **measures, "lowest_cosine": lowest}
    return found


def main(
    minilm: Annotated[bool, typer.Option(help="Compare meanings too.")] = True,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON here.")] = None,
) -> None:
    """Print the figures as JSON."""
    known = load_sources("dilemmas").known
    encode = find_encoder() if minilm else None
    figures = {
        "gate": gate(nearest_before(known, encode)),
        "nearest_cosine": cosines(known, encode) if encode else None,
        "within_limits": within_limits(),
        "changed_copies": copies(known, encode),
    }
    text = json.dumps(figures, indent=1)
    print(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
