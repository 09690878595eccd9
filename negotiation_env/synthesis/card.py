"""The data card: what a dataset is, how it came about, and what was thrown away."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import get_args

import numpy as np

from negotiation_env.statistics.table import Cell, Table, cell_text
from negotiation_env.synthesis.candidates import Candidate, Fate, usages_of
from negotiation_env.synthesis.forms import VERSION
from negotiation_env.synthesis.neighbours import RUN
from negotiation_env.synthesis.plan import Slot
from negotiation_env.synthesis.quality import ASPECTS
from negotiation_env.synthesis.settings import Settings
from negotiation_env.synthesis.split import SPLIT_LIMITS, Split

__all__ = ["Dataset", "card", "tables"]

_LIMITS = (
    "What counts as a dilemma, a tension and good is the models' taste.",
    "Near-duplicates are those of these measures: the same story in other words can pass.",
    "Topics are held out, persona pairs are not: the same goals meet on either side.",
    "A topic held out here may be one of the shipped dilemmas, which are looked at text by text only.",
    "Names are invented by a model; that they are nobody's was looked at by a model only, or by nobody.",
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a run brought.

    Attributes:
        settings: How it was made.
        author: The model that wrote.
        judge: The model that graded; "none" is nobody.
        encoder: What meanings were compared by; "none" is nothing.
        slots: The plan.
        candidates: All of them, in the order of arrival.
        split: The accepted ones.
        complete: Every slot was tried; a cost limit ends a run before.
    """

    settings: Settings
    author: str
    judge: str
    encoder: str
    slots: tuple[Slot, ...]
    candidates: tuple[Candidate, ...]
    split: Split
    complete: bool


def card(dataset: Dataset) -> str:
    """The data card in Markdown."""
    settings, split, near = dataset.settings, dataset.split, dataset.settings.near
    lines = [
        "# Data card",
        f"Synthetic text ({settings.kind}), written by a language model; no person has reviewed it. "
        f"{len(split.train)} rows to train on, and {len(split.held_out)} held out by topic, in `held_out/`.",
        *(() if dataset.complete else ["Incomplete: a cost limit ended the run. `--resume` goes on with it."]),
        f"- author: {dataset.author}, temperature {settings.temperature:g}\n"
        f"- judge: {_judge(dataset)}\n"
        f"- prompts {VERSION}, seed {settings.seed}, at most {settings.attempts} candidates for each of "
        f"{settings.n} slots\n"
        f"- near-duplicates: {RUN} words in a row in common, Jaccard of word 3-grams from {near.jaccard:g} on"
        f"{_cosine(dataset, near.cosine)}\n"
        f"- held out: {settings.held_out:.0%} of the domains, drawn by the seed; {len(split.dropped)} of their rows "
        f"are left out, being near a row to train on (Jaccard from {SPLIT_LIMITS.jaccard:g} on"
        f"{_cosine(dataset, SPLIT_LIMITS.cosine)})",
        *(_markdown(table) for table in tables(dataset)),
        "## Known limits",
        "\n".join(f"- {limit}" for limit in _LIMITS),
        "## Licence",
        "Not stated: that is for you to do. It depends on the terms of the author's model.",
    ]
    return "\n\n".join(lines) + "\n"


def tables(dataset: Dataset) -> tuple[Table, ...]:
    """The figures: what became of the candidates, how near the accepted are, what is covered, what it took."""
    accepted = [each for each in dataset.candidates if each.fate == "accepted"]
    tables = [_fates(dataset), _near(dataset), _nearest(accepted), *_coverage(dataset, accepted)]
    return (*tables, *(() if dataset.judge == "none" else [_levels(accepted)]), _usage(dataset))


def _fates(dataset: Dataset) -> Table:
    counts, total = Counter(each.fate for each in dataset.candidates), max(len(dataset.candidates), 1)
    rows = tuple((fate, counts[fate], counts[fate] / total) for fate in get_args(Fate))
    return Table("What became of the candidates", ("fate", "candidates", "share"), rows)


def _near(dataset: Dataset) -> Table:
    near = [each.why.split(", ") for each in dataset.candidates if each.fate == "near duplicate"]
    counts = Counter(measure for measures in near for measure in measures)
    return Table("Near-duplicates by measure", ("measure", "candidates"), tuple(sorted(counts.items())))


def _nearest(accepted: Sequence[Candidate]) -> Table:
    found = [each.nearest for each in accepted if each.nearest]
    rows = [
        _spread("Jaccard of word 3-grams", [each.jaccard for each in found]),
        _spread("cosine", [each.cosine for each in found if each.cosine is not None]),
    ]
    note = "Of each accepted text to the nearest of those that were there before it."
    return Table("Nearest neighbours", ("measure", "texts", "median", "95 %", "highest"), tuple(rows), note)


def _spread(name: str, values: Sequence[float]) -> tuple[Cell, ...]:
    quantiles = np.quantile(values, (0.5, 0.95, 1.0)) if values else (None,) * 3
    return (name, len(values), *(each if each is None else float(each) for each in quantiles))


def _coverage(dataset: Dataset, accepted: Sequence[Candidate]) -> list[Table]:
    planned = [("category", each.category) for each in dataset.slots]
    planned += [("tension", id) for each in dataset.slots for id in each.tensions]
    written = [("category", dataset.slots[each.slot].category) for each in accepted]
    written += [("tension", id) for each in accepted for id in (each.row or {}).get("tensions", ())]
    wanted, found = Counter(planned), Counter(written)
    return [
        Table(
            f"By {what}",
            (what, "planned", "accepted"),
            tuple((n, wanted[k, n], found[k, n]) for k, n in wanted if k == what),
        )
        for what in dict.fromkeys(what for what, _ in wanted)
    ]


def _levels(accepted: Sequence[Candidate]) -> Table:
    levels = {aspect: [each.levels[aspect] for each in accepted if each.levels] for aspect in ASPECTS}
    rows = tuple((aspect, fmean(found), min(found)) for aspect, found in levels.items() if found)
    return Table("The judge's levels of the accepted, 0 to 5", ("aspect", "mean", "lowest"), rows)


def _usage(dataset: Dataset) -> Table:
    rows = tuple(
        (who, each.calls, each.prompt_tokens, each.completion_tokens, each.cost and f"${each.cost:.4f}")
        for who, each in usages_of(dataset.candidates).items()
    )
    return Table("Model calls", ("who", "calls", "tokens read", "tokens written", "cost"), rows)


def _judge(dataset: Dataset) -> str:
    if dataset.judge == "none":
        return "none; the quality gate was off"
    itself = " (the author itself)" if dataset.judge == dataset.author else ""
    return f"{dataset.judge}{itself}, every aspect at {dataset.settings.min_level} of 5 or above, with a verbatim quote"


def _cosine(dataset: Dataset, limit: float) -> str:
    if dataset.encoder == "none":
        return "; meanings were not compared"
    return f", cosine of {dataset.encoder} from {limit:g} on"


def _markdown(table: Table) -> str:
    rows = (table.columns, ("---",) * len(table.columns), *(tuple(map(cell_text, row)) for row in table.rows))
    lines = ["| " + " | ".join(each.replace("|", "\\|") for each in row) + " |" for row in rows]
    return "\n".join([f"## {table.title}", "", *([f"{table.note}", ""] if table.note else []), *lines])
