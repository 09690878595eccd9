"""A language model as judge: agreement, score, comparison and probes, over any `ChatModel`.

What it says counts only if it can be read: strict JSON after its schema, with evidence that is in the material. What
cannot be read is asked again a bounded number of times and is then *unscored*, never a number.
"""

import hashlib
import json
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from statistics import fmean, pstdev
from typing import Any

from negotiation_env.console.interrupts import put_off
from negotiation_env.endpoints.recording import writable
from negotiation_env.errors import UserError, why
from negotiation_env.game.events import JudgeCall, Question, QuestionKind, Verdict
from negotiation_env.interfaces import ChatModel, ChatRequest, Reply, Sampling, arriving
from negotiation_env.judges.cache import ReplyCache
from negotiation_env.judges.criteria import Criteria, load_criteria
from negotiation_env.judges.forms import READING, ComparisonForm, Form, Pair, Reading, Unreadable, as_read
from negotiation_env.judges.material import VERSION, instructions
from negotiation_env.judges.pairwise import Preference
from negotiation_env.judges.probes import Probe, probe_form
from negotiation_env.judges.ranking import Ranking, RankingForm
from negotiation_env.judges.turn_form import form_of

__all__ = ["LLMJudge", "LLMJudgeSettings"]

_ALTERNATIVES = 20
"""The most likely tokens to report; vendors allow at most 20."""
_BY_CRITERIA = ("score", "comparison", "ranking")
_AGAIN = 0.5
"""Temperature of a second try: a greedy model would say the same again."""


@dataclass(frozen=True, slots=True)
class LLMJudgeSettings:
    """How a model is asked; part of the judge's id.

    Attributes:
        samples: Replies to average where the model reports no log-probabilities: a greedy one, the others at
            temperature 1.
        attempts: Most times that one reply is asked for until it can be read.
        logprobs: Ask for log-probabilities, and take expected values where they come.
        max_tokens: Longest reply.
        revision: What the model must call itself in every reply, such as a dated snapshot; "" takes any.
    """

    samples: int = 1
    attempts: int = 3
    logprobs: bool = True
    max_tokens: int = 1000
    revision: str = ""

    def __post_init__(self) -> None:
        if min(self.samples, self.attempts, self.max_tokens) < 1:
            raise ValueError(f"an LLM judge needs samples, attempts and max_tokens of at least 1; got {self}")


@dataclass(slots=True)
class _Answer:
    """What became of one form and one sample."""

    form: Form
    sample: int
    reading: Reading | None = None
    calls: list[JudgeCall] = field(default_factory=list)
    given_up: bool = False
    """By the endpoint, which has had its own tries."""


class LLMJudge:
    """Judges with a language model; safe to use from many threads.

    Args:
        model: Replies in JSON, best at an endpoint that enforces a schema.
        criteria: What to grade by; Collective Agency by default.
        settings: How to ask.
        cache: Where replies are kept; None asks anew each time.

    Attributes:
        name: The judge's id: model, revision, objective, and a hash over prompts, objective, settings and
            the rules by which replies are read.
    """

    reads_turns = True

    def __init__(
        self,
        model: ChatModel,
        criteria: Criteria | None = None,
        settings: LLMJudgeSettings | None = None,
        cache: ReplyCache | None = None,
    ) -> None:
        self.model = model
        self.criteria = criteria or load_criteria()
        self.settings = settings or LLMJudgeSettings()
        self.cache = cache
        revision = f" {self.settings.revision}" if self.settings.revision else ""
        self.name = f"{model.name}{revision} on {self.criteria.name} [{VERSION} {self._digest()}]"

    def fresh(self) -> "LLMJudge":
        """The same judge without its cache, for test-retest."""
        return LLMJudge(self.model, self.criteria, self.settings)

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer each question, in order.

        Returns:
            Agreement, turn: 1.0 or 0.0, with `details["probability"]` where the model reports log-probabilities. Score:
            0.0 to 5.0. None where the endpoint failed or nothing readable came; the reason says what.
        """
        found = self._ask([form_of(question, self.criteria) for question in questions])
        return [self._verdict(question.kind, answers) for question, answers in zip(questions, found, strict=True)]

    def compare(self, pairs: Sequence[Pair]) -> list[Preference]:
        """Which answer of each pair is better, asked in the order given; see `pairwise.both_orders`."""
        found = self._ask([ComparisonForm(pair, self.criteria) for pair in pairs])
        return [self._preference(answers) for answers in found]

    def rank(self, rankings: Sequence[Ranking]) -> list[Verdict]:
        """Order the answers of each ranking; see `Ranker`. Each is asked for once, whatever the number of samples."""
        first = [_Answer(RankingForm(ranking, self.criteria), 0) for ranking in rankings]
        self._fill(first)
        return [self._verdict(QuestionKind.SCORE, [each]) for each in first]

    def examine(self, probes: Sequence[Probe]) -> list[Verdict]:
        """Answer each probe, in order; see `ProbeKind` for the values.

        With several samples the value is their mean, and the details are those of the first, greedy one.
        """
        found = self._ask([probe_form(probe) for probe in probes])
        return [self._verdict(QuestionKind.SCORE, answers) for answers in found]

    def _ask(self, forms: Sequence[Form]) -> list[list[_Answer]]:
        """All forms at once, then the further samples of those that brought no log-probabilities."""
        first = [_Answer(form, 0) for form in forms]
        self._fill(first)
        further = [
            [_Answer(each.form, sample) for sample in range(1, self.settings.samples)]
            if each.reading and not each.reading.graded
            else []
            for each in first
        ]
        self._fill([each for answers in further for each in answers])
        return [[each, *answers] for each, answers in zip(first, further, strict=True)]

    def _fill(self, answers: Sequence[_Answer]) -> None:
        """Ask until all can be read; each reply is kept as it comes, for Ctrl-C may come before the next."""
        for attempt in range(self.settings.attempts):
            waiting = [answer for answer in answers if not (answer.reading or answer.given_up)]
            asked = [(answer, self._request(answer, attempt)) for answer in waiting]
            fresh = [each for each in asked if not self._remember(*each)]
            with put_off(), closing(self._replies([request for _, request in fresh])) as replies:
                for place, reply in replies:
                    self._note(*fresh[place], reply)

    def _remember(self, answer: _Answer, request: ChatRequest) -> bool:
        """Take the reply out of the cache, if it is there."""
        reply = self._kept(answer.form, request)
        if reply:
            self._note(answer, request, reply, cached=True)
        return reply is not None

    def _request(self, answer: _Answer, attempt: int) -> ChatRequest:
        temperature = 1.0 if answer.sample else _AGAIN if attempt else 0.0
        sampling = Sampling(temperature, 1.0, self.settings.max_tokens)
        seed = answer.sample * self.settings.attempts + attempt
        alternatives = _ALTERNATIVES if self.settings.logprobs else 0
        return ChatRequest(answer.form.messages, sampling, seed, schema=answer.form.schema, alternatives=alternatives)

    def _kept(self, form: Form, request: ChatRequest) -> Reply | None:
        """The reply out of the cache; one that does not count, as after a change of what counts, is asked for again."""
        reply = self.cache.get(self.model.name, request) if self.cache else None
        try:
            return reply if reply and reply.error is None and self._read(form, reply) else None
        except Unreadable:
            return None

    def _replies(self, requests: Sequence[ChatRequest]) -> Generator[tuple[int, Reply], None, None]:
        """What the model says to each, as it comes; where it raises, the calls before stay on record."""
        left = set(range(len(requests)))
        try:
            for place, reply in arriving(self.model, requests) if requests else ():
                left.discard(place)
                yield place, writable(reply)
        except (UserError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            told = f"{self.model.name} {why(error)}"
            yield from ((place, Reply("", error=told)) for place in sorted(left))

    def _note(self, answer: _Answer, request: ChatRequest, reply: Reply, *, cached: bool = False) -> None:
        error = reply.error
        answer.given_up = error is not None
        if error is None:
            try:
                answer.reading = self._read(answer.form, reply)
            except Unreadable as unreadable:
                error = str(unreadable)
        whole = f"<think>{reply.thought}</think>\n{reply.text}" if reply.thought else reply.text
        answer.calls.append(JudgeCall(request.messages, whole, error, reply.model, reply.usage, cached))
        if answer.reading and self.cache and not cached:
            self.cache.put(self.model.name, request, reply)

    def _read(self, form: Form, reply: Reply) -> Reading:
        wanted = self.settings.revision
        if wanted and wanted not in reply.model.split():
            raise Unreadable(f"expected the model {wanted!r}, the reply is from {reply.model!r}")
        return form.read(as_read(reply))

    def _verdict(self, kind: QuestionKind, answers: Sequence[_Answer]) -> Verdict:
        calls = tuple(call for answer in answers for call in answer.calls)
        readings = [answer.reading for answer in answers if answer.reading]
        if len(readings) < len(answers):
            return Verdict(None, self.name, _last_error(calls), calls=calls)
        values = [reading.value for reading in readings]
        value = fmean(values) if kind is QuestionKind.SCORE else float(fmean(values) > 0.5)
        details: dict[str, Any] = dict(readings[0].details)
        if len(values) > 1:
            details |= {"samples": values, "deviation": pstdev(values)}
        return Verdict(value, self.name, readings[0].reason, details, calls)

    def _preference(self, answers: Sequence[_Answer]) -> Preference:
        verdict = self._verdict(QuestionKind.SCORE, answers)
        return Preference(verdict.value, self.name, verdict.reason, verdict.calls)

    def _digest(self) -> str:
        texts = [instructions("agreement"), *(instructions(name, self.criteria) for name in _BY_CRITERIA)]
        content = json.dumps([READING, texts, asdict(self.criteria), asdict(self.settings)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:8]


def _last_error(calls: Sequence[JudgeCall]) -> str:
    return next((call.error for call in reversed(calls) if call.error), "the judge gave no value")
