"""What a training run learned from a negotiation: whose tokens carry the gradient, and with which advantage."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean, stdev
from typing import Any, Final

from negotiation_env.environment.episode import Episode
from negotiation_env.game.events import Task

__all__ = ["advantages", "trained_tasks"]

_SMALL: Final = 1e-4
"""Keeps the division finite, as in training."""
_TASKS: Final = {"dialogue": Task.UTTERANCE, "completion": Task.COMPLETION}


def trained_tasks(config: Mapping[str, Any]) -> frozenset[Task]:
    """What the learner says that carries the gradient, by a training run's settings."""
    if config.get("method") == "single-agent":
        return frozenset({Task.COMPLETION})
    return frozenset(
        _TASKS[name] for name in str(config.get("trained_tokens", "dialogue")).split("+") if name in _TASKS
    )


def advantages(episodes: Iterable[Episode], config: Mapping[str, Any]) -> dict[str, float]:
    """The advantages of trained episodes by id: those on record, else (r - mean) / std within each step's groups.

    Missing are the episodes that nobody learned from, and those of an older record whose advantages do not follow from
    the rewards: the control's, which were shuffled, and those of groups whose ties the judge ordered.
    """
    learned = [episode for episode in episodes if "learner_seat" in episode.tags]
    recorded = {each.id: each.tags["advantage"] for each in learned if isinstance(each.tags.get("advantage"), float)}
    if recorded or config.get("advantages") == "shuffled" or config.get("rerank_ties"):
        return recorded
    groups = defaultdict(list)
    for episode in learned:
        groups[episode.tags.get("step"), episode.tags.get("group")].append(episode)
    return {id: value for group in groups.values() for id, value in _within(group).items()}


def _within(group: list[Episode]) -> dict[str, float]:
    """0 where nothing is learned: for the unscored, and where no two are scored."""
    scored = [episode.reward for episode in group if episode.reward is not None]
    if len(scored) < 2:
        return dict.fromkeys((episode.id for episode in group), 0.0)
    mean, spread = fmean(scored), stdev(scored) + _SMALL
    return {each.id: 0.0 if each.reward is None else (each.reward - mean) / spread for each in group}
