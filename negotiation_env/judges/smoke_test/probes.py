"""The smoke-test judge's answers to probes: from words and sentence vectors, and as shallow as those.

Acceptance: a party is as satisfied as its goal is served by clauses that do something, and no more than the whole
answer scores. The second half is needed: a one-sided plan *names* the loser's goal as often as a win-win plan serves
it, so that service alone told losers from satisfied parties no better than chance (AUC 0.49). With both (0.90), on the
shipped `judge_check.jsonl` over 10 dilemmas, 74 of 80 parties to win-win answers accept and 22 of 30 losers of
one-sided ones reject; but so do 22 of the 30 winners. Who of two parties is served it cannot tell.

Faithfulness: how much of the accepted proposal comes back in the answer. On the 150 agreed negotiations of the shipped
`demos.jsonl` it is 0.70 on average for their own answers and 0.12 for the next one's. Numbers that were changed and
a "not" that was put in go unseen.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from negotiation_env.game.events import Verdict
from negotiation_env.game.turn_grammar import handshake
from negotiation_env.judges.probes import Probe, ProbeKind
from negotiation_env.judges.smoke_test.refusals import REASONS, has_word, refusal, words_of
from negotiation_env.judges.smoke_test.rubric import Vector, clauses, measure, services, texts_to_encode

__all__ = ["answer_probe", "texts_of_probe"]

_ACCEPTS: Final = 2.5
"""Half the scale; fitted with one dilemma left out at a time it was 2.6, with the same counts as above."""


def texts_of_probe(probe: Probe, pool: Sequence[str]) -> list[str]:
    """All texts whose vectors `answer_probe` looks up."""
    if refusal(probe.completion, probe.scenario):
        return []
    if probe.kind is ProbeKind.ACCEPTANCE:
        return texts_to_encode(probe.completion, probe.scenario, pool)
    return [*clauses(_agreed_plan(probe) or ""), *clauses(probe.completion)]


def answer_probe(probe: Probe, vectors: Mapping[str, Vector], pool: Sequence[str], judge: str) -> Verdict:
    """Answer one probe.

    Args:
        probe: What is asked.
        vectors: A unit vector for each of `texts_of_probe`.
        pool: As for `measure`.
        judge: The judge's id.

    Returns:
        Acceptance: 0.0 to 5.0; faithfulness: 0.0 to 1.0, or None where nothing was agreed. A refused answer has 0.0
        with a code of `REASONS`.
    """
    if probe.kind is ProbeKind.ACCEPTANCE:
        return _acceptance(probe, vectors, pool, judge)
    return _faithfulness(probe, vectors, judge)


def _acceptance(probe: Probe, vectors: Mapping[str, Vector], pool: Sequence[str], judge: str) -> Verdict:
    if code := refusal(probe.completion, probe.scenario):
        return Verdict(0.0, judge, code, {"refused": REASONS[code], "accepts": False})
    share = services(probe.completion, probe.scenario, vectors)[probe.seat]
    score = measure(probe.completion, probe.scenario, vectors, pool).score
    value = round(min(5 * share, score), 3)
    return Verdict(value, judge, "", {"accepts": value >= _ACCEPTS, "service": round(share, 3), "score": score})


def _faithfulness(probe: Probe, vectors: Mapping[str, Vector], judge: str) -> Verdict:
    plan = _agreed_plan(probe)
    if plan is None:
        return Verdict(None, judge, "nothing was agreed")
    details: dict[str, Any] = {"proposal": plan}
    if code := refusal(probe.completion, probe.scenario):
        return Verdict(0.0, judge, code, details | {"refused": REASONS[code]})
    likeness, words = _likeness(plan, probe.completion, vectors), _shared_words(plan, probe.completion)
    details |= {"likeness": round(likeness, 3), "words": round(words, 3)}
    return Verdict(round((likeness + words) / 2, 3), judge, "", details)


def _agreed_plan(probe: Probe) -> str | None:
    state = handshake(probe.dialogue, len(probe.scenario.personas))
    return state.proposal if state.agreed else None


def _likeness(plan: str, answer: str, vectors: Mapping[str, Vector]) -> float:
    """The mean over the plan's clauses of the likeness to the answer's nearest clause, 0..1."""
    nearest = (max(float(vectors[old] @ vectors[new]) for new in clauses(answer)) for old in clauses(plan))
    return min(1.0, max(0.0, fmean(nearest)))


def _shared_words(plan: str, answer: str) -> float:
    """Share of the plan's words, but for the glue of sentences, that are in the answer, whatever their endings."""
    wanted = {word[:6] for word in words_of(plan) if not has_word("function", word)}
    return len(wanted & {word[:6] for word in words_of(answer)}) / max(1, len(wanted))
