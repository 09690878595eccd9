"""What a training step's negotiations amount to."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

from negotiation_env.dialogue_metrics import dialogue_metrics
from negotiation_env.episode import Episode
from negotiation_env.evaluate import refusal
from negotiation_env.events import Status, Task
from training.advantages import no_signal

__all__ = ["group_rewards", "step_metrics"]


def group_rewards(episodes: Iterable[Episode]) -> list[list[float]]:
    """The scored rewards of each group, in the order of the groups; a group may be left with none."""
    groups: dict[int, list[float]] = defaultdict(list)
    for episode in episodes:
        rewards = groups[episode.tags["group"]]
        if episode.reward is not None:
            rewards.append(episode.reward)
    return [groups[group] for group in sorted(groups)]


def step_metrics(episodes: Sequence[Episode]) -> dict[str, float]:
    """The metrics of one batch of training episodes.

    Args:
        episodes: Whole groups, at least one episode.

    Returns:
        Means over groups of the reward's minimum, mean and maximum; the mean Collective Agency of what was scored
        (0 where nothing was); shares, 0 to 1, of agreed, failed (no agreement), unscored and refused negotiations, of
        groups with no signal (equal rewards) and of turns that the token limit cut; mean utterances a negotiation;
        share of agreement verdicts that differ from the judge's own graded opinion (the embedded judge decides by
        handshake and grades by a text probe), where it gives one. And the figures of `dialogue_metrics`.
    """
    groups = [rewards for rewards in group_rewards(episodes) if rewards]
    scores = [episode.outcome.score for episode in episodes if episode.outcome.score is not None]
    turns = [said for episode in episodes for said in episode.said if said.task is Task.UTTERANCE]
    metrics = {
        "agreement_rate": fmean(episode.outcome.agreed for episode in episodes),
        "failed": fmean(episode.outcome.status is Status.NO_AGREEMENT for episode in episodes),
        "unscored": fmean(episode.reward is None for episode in episodes),
        "refused": fmean(bool(refusal(episode)) for episode in episodes),
        "collective_agency": fmean(scores or [0.0]),
        "turns": fmean(episode.outcome.turns for episode in episodes),
        "turns_truncated": fmean([said.truncated for said in turns] or [0.0]),
        "probe_disagrees": fmean(_probe_disagreements(episodes) or [0.0]),
    }
    for name, pick in (("min", min), ("mean", fmean), ("max", max)):
        metrics[f"group_{name}"] = fmean([pick(rewards) for rewards in groups] or [0.0])
    metrics["no_signal"] = fmean(list(map(no_signal, groups)) or [1.0])
    return metrics | dialogue_metrics(episodes)


def _probe_disagreements(episodes: Iterable[Episode]) -> list[bool]:
    """Whether the graded opinion takes a dialogue for agreed where the decision does not, or the reverse."""
    verdicts = [each.verdict for episode in episodes for each in episode.rulings if each.kind == "agreement"]
    graded = [(verdict.value, verdict.details.get("probability")) for verdict in verdicts]
    return [(value or 0.0) != float(opinion > 0.5) for value, opinion in graded if opinion is not None]
