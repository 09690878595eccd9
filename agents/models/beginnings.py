"""Chats that begin alike: the games of a training group share scenario and persona, and so most of their prompts."""

from collections.abc import Sequence
from itertools import takewhile

__all__ = ["Alike", "alike"]

Alike = tuple[int, list[int]]
"""How many ids some chats have in common at their beginning, and which chats they are."""


def alike(chats: Sequence[Sequence[int]]) -> list[Alike]:
    """Group chats by common beginnings.

    Args:
        chats: Token ids, at least one each.

    Returns:
        Groups whose members share at least half of their ids with the first one; every chat is in one group. The
        common beginning leaves each chat at least its last id.
    """
    groups: list[Alike] = []
    for number in sorted(range(len(chats)), key=lambda number: tuple(chats[number])):
        chat = chats[number]
        if groups:
            length, members = groups[-1]
            common = min(_common(chats[members[0]][:length], chat), len(chat) - 1)
            if 2 * common >= max(len(chat), len(chats[members[0]])):
                groups[-1] = (common, [*members, number])
                continue
        groups.append((len(chat) - 1, [number]))
    return groups


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
