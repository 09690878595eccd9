"""What a training step's negotiations amount to."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

from negotiation_env.environment.episode import Episode
from negotiation_env.environment.turns import Refused
from negotiation_env.episodes.dialogue_metrics import dialogue_metrics
from negotiation_env.episodes.summary import refusal
from negotiation_env.game.events import Status, Task
from negotiation_env.training.advantages import no_signal

__all__ = ["group_rewards", "step_metrics"]


def group_rewards(episodes: Iterable[Episode]) -> list[list[float]]:
    """The scored rewards of each group, in the order of the groups; a group may be left with none."""
    groups: dict[int, list[float]] = defaultdict(list)
    for episode in episodes:
        rewards = groups[episode.tags["group"]]
        if episode.reward is not None:
            rewards.append(episode.reward)
    return [groups[group] for group in sorted(groups)]


def step_metrics(episodes: Sequence[Episode], tie_width: float) -> dict[str, float]:
    """The metrics of one batch of training episodes.

    Args:
        episodes: Whole groups, at least one episode.
        tie_width: As for `no_signal`.

    Returns:
        Means over groups of the reward's minimum, mean and maximum; the mean Collective Agency of what was scored;
        shares, 0 to 1, of unscored negotiations, of agreed, failed (no agreement) and refused ones among the scored, of
        groups with no signal and of turns that the token limit cut; mean utterances a scored
        negotiation. Under guards the learner's breaches a negotiation, all and by constraint, and how many of its words
        were refused. And the figures of `dialogue_metrics`. A figure is left out where there was nothing to count.
    """
    groups = group_rewards(episodes)
    scored = [episode for episode in episodes if episode.reward is not None]
    negotiated = [episode for episode in scored if not episode.rules.single]
    figures: dict[str, list[float]] = {
        "agreement_rate": [episode.outcome.agreed for episode in negotiated],
        "failed": [episode.outcome.status is Status.NO_AGREEMENT for episode in negotiated],
        "unscored": [episode.reward is None for episode in episodes],
        "refused": [bool(refusal(episode)) for episode in scored],
        "collective_agency": [episode.outcome.score for episode in scored if episode.outcome.score is not None],
        "turns": [episode.outcome.turns for episode in scored],
        "turns_truncated": [
            said.truncated for episode in episodes for said in episode.turns if said.task is Task.UTTERANCE
        ],
        "no_signal": [no_signal(rewards, tie_width) for rewards in groups],
    }
    for name, pick in (("min", min), ("mean", fmean), ("max", max)):
        figures[f"group_{name}"] = [pick(rewards) for rewards in groups if rewards]
    counted = {name: fmean(values) for name, values in figures.items() if values}
    return counted | _guarded([each for each in episodes if each.guards]) | dialogue_metrics(episodes)


def _guarded(episodes: Sequence[Episode]) -> dict[str, float]:
    """Means over negotiations under guards, of what the learner said, delivered or refused."""
    if not episodes:
        return {}
    broken = Counter(each.constraint for episode in episodes for each in episode.broken(episode.learner_seats))
    own = (said for each in episodes for said in each.asked if said.seat in each.learner_seats)
    counted = {"guards/broken": broken.total(), "guards/refused": sum(isinstance(said, Refused) for said in own)}
    counted |= {f"guards/broken/{name}": count for name, count in sorted(broken.items())}
    return {name: count / len(episodes) for name, count in counted.items()}
