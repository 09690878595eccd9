"""What is to be written: a seeded list of slots, as even over categories, domains and tensions as can be."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["MOST_TENSIONS", "Slot", "plan_slots"]

MOST_TENSIONS = 3


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one text.

    Attributes:
        number: From 0, in the order of the plan.
        round: How often the domain came before. The texts of one round are written without sight of one another, so
            that the batch size changes nothing.
        category: Such as "everyday".
        domain: The field of life it plays in; also the topic by which texts are held out.
        tensions: Ids of the persona pairs to put at odds, 1 to 3; none where the kind has no tensions.
    """

    number: int
    round: int
    category: str
    domain: str
    tensions: tuple[str, ...] = ()


def plan_slots(n: int, seed: int, domains: Mapping[str, Sequence[str]], tensions: Sequence[str] = ()) -> list[Slot]:
    """The slots of a run.

    Counts of categories differ by at most one, so do those of a category's domains, and those of all tensions; one,
    two and three tensions take turns.

    Args:
        n: How many.
        seed: Draws among those used equally often.
        domains: The domains of each category.
        tensions: Ids of persona pairs; empty for kinds without.
    """
    draw = random.Random(f"{seed}/plan").random
    categories = list(domains)
    topics: Counter[tuple[str, str]] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    slots: list[Slot] = []
    for number in range(n):
        category = categories[number % len(categories)]
        domain = _rarest(domains[category], topics, (category, ""), draw)[0]
        wanted = 1 + number // len(categories) % MOST_TENSIONS
        chosen = tuple(_rarest(tensions, pairs, ("", category, domain), draw)[:wanted])
        slots.append(Slot(number, topics["", domain], category, domain, chosen))
        topics.update([("", domain), (category, domain)])
        pairs.update((place, each) for each in chosen for place in ("", category, domain))
    return slots


def _rarest(
    names: Sequence[str], used: Counter[tuple[str, str]], places: Sequence[str], draw: Callable[[], float]
) -> list[str]:
    """The least used first: by the first place, then the next, then by chance; "" is everywhere."""
    return sorted(names, key=lambda each: (*(used[place, each] for place in places), draw()))
