"""Held out by topic: whole domains, and nothing near what is trained on."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from negotiation_env.synthesis.candidates import Candidate
from negotiation_env.synthesis.forms import Kind
from negotiation_env.synthesis.neighbours import Encode, NearLimits, Neighbours
from negotiation_env.synthesis.plan import Slot
from negotiation_env.synthesis.settings import Settings
from negotiation_env.synthesis.sources import Known

__all__ = ["SPLIT_LIMITS", "Split", "held_out_domains", "split_accepted"]

SPLIT_LIMITS: Final = NearLimits(jaccard=0.07, cosine=0.65)
"""Stricter than between texts of one side: what is held out shall be new."""


@dataclass(frozen=True, slots=True)
class Split:
    """The accepted candidates, in the order of their slots.

    Attributes:
        train: Of the domains to train on.
        held_out: Of the others.
        dropped: Of the others too, but near a text to train on.
    """

    train: tuple[Candidate, ...]
    held_out: tuple[Candidate, ...]
    dropped: tuple[Candidate, ...]


def held_out_domains(slots: Iterable[Slot], share: float, seed: int) -> frozenset[str]:
    """A seeded share of the plan's domains, rounded; a domain of several categories is one."""
    domains = sorted({slot.domain for slot in slots})
    return frozenset(random.Random(f"{seed}/held out").sample(domains, round(share * len(domains))))


def split_accepted(
    candidates: Iterable[Candidate],
    slots: Sequence[Slot],
    settings: Settings,
    kind: Kind,
    known: Iterable[Known],
    encode: Encode | None,
) -> Split:
    """Whole domains on either side; a held-out text near one to train on, shipped ones included, is dropped."""
    accepted = sorted((each for each in candidates if each.fate == "accepted"), key=lambda each: each.slot)
    topics = held_out_domains(slots, settings.held_out, settings.seed)
    train = tuple(each for each in accepted if slots[each.slot].domain not in topics)
    apart = [each for each in accepted if slots[each.slot].domain in topics]
    texts = {each.slot: kind.text(each.row or {}) for each in accepted}
    seen = Neighbours(encode if apart else None)
    for text in (*(each.text for each in known if not each.held_out), *(texts[each.slot] for each in train)):
        seen.add("", text)
    near = {each.slot for each in apart if SPLIT_LIMITS.exceeded(seen.nearest(texts[each.slot]))}
    kept, dropped = ([each for each in apart if (each.slot in near) is out] for out in (False, True))
    return Split(train, tuple(kept), tuple(dropped))
