"""Records of one game by two tools, made comparable."""

from dataclasses import replace
from typing import Any

from negotiation_env import Episode

__all__ = ["bare"]


def bare(episode: Episode, **unknown: Any) -> Episode:
    """Without the agents' names, and with these values where one of the tools reports no others of what was said."""
    refused = [tuple(replace(each, **unknown) for each in turn.refused) for turn in episode.turns]
    turns = tuple(replace(turn, refused=each, **unknown) for turn, each in zip(episode.turns, refused, strict=True))
    return replace(episode, agents=("",) * len(episode.agents), turns=turns)
