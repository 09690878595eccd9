"""The judge's verdict as Inspect's score, and the figures of `negotiate eval` as its metrics."""

import json

from negotiation_env.environment.episode import Episode
from negotiation_env.environment.render import outcome_line
from negotiation_env.episodes.summary import summarise
from negotiation_env.loading.heavy import importing

with importing("Inspect's scorer", extra="inspect"):
    from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, metric, scorer
    from inspect_ai.solver import TaskState

__all__ = ["RECORD", "collective_agency", "summary"]

RECORD = "episode"
"""Where a sample's store and its score's metadata hold the record of the game."""
_FIGURES = ("agreement_rate", "score", "reward", "turns", "turns_to_agreement")


@metric(scores="unreduced")
def summary() -> Metric:
    """The figures of `negotiate eval` with their 95 % intervals, each epoch a game of its own."""

    def figures(scores: list[SampleScore]) -> dict[str, float | None]:
        found = summarise(Episode.from_json(json.dumps((each.score.metadata or {})[RECORD])) for each in scores)
        estimates = {name: getattr(found, name) for name in _FIGURES}
        ends = (("", "value"), ("_low", "low"), ("_high", "high"))
        return {f"{name}{end}": getattr(each, of) for name, each in estimates.items() for end, of in ends}

    return figures


@scorer(metrics=[summary()])
def collective_agency() -> Scorer:
    """The judge's score of the joint answer, 0 to 5; the reward where guards let none be written.

    A game that a judge or agent failed is Inspect's unscored.
    """

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001 (Inspect gives it)
        record = state.store.get(RECORD)
        episode = Episode.from_json(json.dumps(record))
        answer, known = episode.outcome.completion or "", {RECORD: record}
        if episode.reward is None:
            reason = "scoring_failed" if episode.failed else "grader_failed"
            return Score.unscored(reason=reason, answer=answer, explanation=episode.failure, metadata=known)
        told = outcome_line(episode.outcome, episode.judge, episode.rules)
        value = episode.reward if episode.outcome.score is None else episode.outcome.score
        return Score(value=value, answer=answer, explanation=told, metadata=known)

    return score
