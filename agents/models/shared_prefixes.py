"""Chats that begin alike: the games of a training group share scenario and persona, and so most of their prompts."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile
from typing import Final

__all__ = ["LEAST", "Alike", "alike", "common"]

LEAST: Final = 16
"""Ids that chats have to share so that they are fed together; fewer are not worth a forward pass of their own."""
Alike = tuple[int, list[int]]
"""How many ids some chats have in common at their beginning, and which chats they are."""


def alike(chats: Sequence[Sequence[int]]) -> list[Alike]:
    """Group chats by common prefixes, so that feeding each group's prefix once saves the most ids.

    Args:
        chats: Token ids, at least one each.

    Returns:
        Every chat is in one group. The common beginning leaves each chat at least its last id.
    """
    order = sorted(range(len(chats)), key=lambda number: tuple(chats[number]))  # what begins alike stands together
    rows = [chats[number] for number in order]
    shared = [common(one, other) for one, other in pairwise(rows)]
    chosen: list[tuple[int, list[Alike]]] = [(0, [])]  # for the first so many: ids saved, and the groups that save them
    for end in range(1, len(rows) + 1):
        options = [
            (chosen[start][0] + length * (end - start - 1), [*chosen[start][1], (length, order[start:end])])
            for start, length in _last_groups(rows[:end], shared)
        ]
        chosen.append(max(options, key=lambda option: option[0]))
    return chosen[-1][1]


def _last_groups(rows: Sequence[Sequence[int]], shared: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where a group that ends with the last of some sorted chats can start, and how many ids its chats share."""
    start = len(rows) - 1
    length = len(rows[start]) - 1
    yield start, length
    while start > 0 and (length := min(length, shared[start - 1], len(rows[start - 1]) - 1)) >= LEAST:
        start -= 1
        yield start, length


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two chats begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
