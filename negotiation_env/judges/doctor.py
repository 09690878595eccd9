"""What a doctor finds: whether a judge and its endpoint will do, before a run is paid for."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.endpoints.usage import amount
from negotiation_env.errors import UserError
from negotiation_env.game.events import JudgeCall, Question, Verdict
from negotiation_env.interfaces import ChatRequest, Judge, Reply, Sampling
from negotiation_env.judges.asking import judged
from negotiation_env.judges.forms import as_read
from negotiation_env.judges.llm import LLMJudge
from negotiation_env.judges.panel import PanelJudge
from negotiation_env.text.strict_json import read_json

__all__ = ["Finding", "examine_endpoint", "examine_judge", "planned_cost"]

_SCHEMA: Final = {
    "type": "object",
    "properties": {"level": {"type": "integer", "enum": [0, 1, 2, 3, 4, 5]}},
    "required": ["level"],
    "additionalProperties": False,
}
_DISTRACTION: Final = ({"role": "user", "content": "Write one line of verse about a well."},)
"""A model that is not held to the schema answers with verse."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: Its name.
        good: Whether it will do; None where that is for the reader to say.
        told: What was found, and what to do where it is not good.
    """

    what: str
    good: bool | None
    told: str


def examine_judge(judge: Judge, questions: Sequence[Question], calls: int = 0) -> Iterator[Finding]:
    """Look at a judge, and let it answer some questions without its cache.

    Args:
        judge: Any; of a panel each member.
        questions: What to try it on.
        calls: Questions that the planned run will ask; 0 leaves the cost out.

    Yields:
        Findings as they are made.
    """
    if isinstance(judge, PanelJudge):
        for member in judge.members:
            yield from examine_judge(member, questions, calls)
        return
    yield Finding("judge", None, judge.name)
    if isinstance(judge, LLMJudge):
        judge = judge.fresh()
        if isinstance(judge.model, Endpoint):
            reachable = examine_endpoint(judge.model)
            yield reachable
            if not reachable.good:
                return
            yield from _abilities(judge.model)
            yield _limits(judge.model)
    yield from _trial(judge, questions, calls)


def examine_endpoint(endpoint: Endpoint) -> Finding:
    """Whether somebody answers there, and knows the model."""
    try:
        names = endpoint.models()
    except UserError as error:
        return Finding("endpoint", False, str(error))
    model = endpoint.settings.model
    if names and model not in names:
        return Finding("endpoint", False, f"knows no {model!r}; it lists {', '.join(names[:8])}")
    return Finding("endpoint", True, "answers" + (f" and lists {model}" if names else ", without a list of models"))


def planned_cost(calls: Sequence[JudgeCall], planned: int) -> str:
    """Tokens and money of a planned number of calls, at the mean of these."""
    prompt, completion = (
        fmean(amount(call.usage, name) or 0.0 for call in calls) for name in ("prompt_tokens", "completion_tokens")
    )
    millions = planned * (prompt + completion) / 1e6
    told = f"{planned} calls of about {prompt:.0f} + {completion:.0f} tokens: {millions:.2f} M tokens"
    costs = [cost for call in calls if (cost := amount(call.usage, "cost")) is not None]
    if not costs:
        return told + "; no prices known (prompt_price, completion_price in the TOML file)"
    return told + f"; about {planned * fmean(costs):.2f} dollars"


def _abilities(endpoint: Endpoint) -> Iterator[Finding]:
    reply = endpoint.chat([ChatRequest(_DISTRACTION, Sampling(0.0, 1.0, 40), schema=_SCHEMA, alternatives=5)])[0]
    if reply.error:
        remedy = "if it refuses logprobs, set logprobs = false under [judge]; another field, name it in omit"
        yield Finding("first request", False, f"{reply.error}; {remedy}")
        return
    honoured = _follows_schema(reply)
    told = "honoured" if honoured else f"not honoured: asked for a level, got {reply.text[:60]!r}; expect unscored ones"
    yield Finding("JSON schema", honoured, told)
    given = bool(reply.alternatives)
    told = "given: scores are expected values" if given else "not given: set samples = 3 or more under [judge]"
    yield Finding("log-probabilities", given, told)
    yield Finding("model", None, f"calls itself {reply.model or 'nothing'}; pin it with revision under [judge]")


def _follows_schema(reply: Reply) -> bool:
    try:
        found = read_json(as_read(reply).text)
    except ValueError:
        return False
    return isinstance(found, dict) and list(found) == ["level"]


def _limits(endpoint: Endpoint) -> Finding:
    s = endpoint.settings
    a_minute = f"{s.requests_per_minute or 'any'} requests and {s.tokens_per_minute or 'any'} tokens a minute"
    patience = f"{s.timeout:g} s a try, {s.attempts} tries, {s.deadline:g} s a call"
    return Finding("limits", None, f"{s.concurrency} at a time, {a_minute}; {patience}")


def _trial(judge: Judge, questions: Sequence[Question], planned: int) -> Iterator[Finding]:
    start = time.perf_counter()
    verdicts = judged(judge, questions)
    seconds = time.perf_counter() - start
    scored = sum(verdict.value is not None for verdict in verdicts)
    yield Finding(
        "verdicts", scored == len(verdicts), f"{scored} of {len(verdicts)} questions got one in {seconds:.1f} s"
    )
    calls = [call for verdict in verdicts for call in verdict.calls]
    if calls:
        yield _parse_rate(verdicts)
        yield Finding(
            "latency", None, f"median {median(amount(call.usage, 'seconds') or 0.0 for call in calls):.2f} s a call"
        )
        if planned:
            yield Finding("cost of the run", None, planned_cost(calls, planned))


def _parse_rate(verdicts: Sequence[Verdict]) -> Finding:
    first = [verdict.calls[0] for verdict in verdicts if verdict.calls]
    readable = sum(call.error is None for call in first)
    told = f"{readable} of {len(first)} replies readable at the first try"
    error = next((call.error for call in first if call.error), None)
    return Finding(
        "parse rate", readable >= 0.9 * len(first), told + (f"; the first that was not: {error}" if error else "")
    )
