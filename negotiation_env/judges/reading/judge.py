"""The reading judge: a language model of 0.5 billion parameters reads, small heads judge what it read.

It runs on a laptop, generates nothing and repeats itself. What it can be believed in, and what not, is in
`docs/judging.md`; what a policy truly gained needs a real judge beside it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from negotiation_env.console.terminal import say
from negotiation_env.errors import NotFetched
from negotiation_env.game.events import Question, QuestionKind, Verdict
from negotiation_env.game.prompts import HANDSHAKE
from negotiation_env.game.scenario import Scenario
from negotiation_env.game.turn_grammar import LIKE_A_TAG
from negotiation_env.interfaces import Judge
from negotiation_env.judges.reading.heads import HIGHEST, load_heads, of_answers, of_dialogues
from negotiation_env.judges.reading.model import reading_model
from negotiation_env.judges.reading.passages import READABLE, passage
from negotiation_env.judges.reading.reader import Reading, load_reader
from negotiation_env.judges.reading.refused import unread
from negotiation_env.judges.smoke_test.judge import EmbeddedJudge, by_handshake
from negotiation_env.judges.smoke_test.refusals import REASONS

if TYPE_CHECKING:
    from negotiation_env.judges.probes import Probe

__all__ = ["OUTSIDE", "ReadingJudge", "make"]

_DIGITS: Final = 3
"""Of a value; what differs from machine to machine is smaller."""
_ACCEPTS: Final = 2.5
_PLAN: Final = 1.0
"""The grade of a text in which one decision can be made out; below it nothing is agreed on that could be done."""
_ENDS: Final = re.compile(r"""[.!?…。！？]["'”’»)\]*_]*\s*\Z""")
"""How a plan ends that does not break off."""
_PARTIES: Final = 2
"""As many as in the labels: of more parties it cannot say who is served."""
_NO_PARTIES: Final = "this judge reads what parties settle: it scores no open question"
OUTSIDE: Final = "outside what it knows: unlike the answers that its heads were trained on"


def make() -> Judge:
    """The reading judge; where no source has its model, the rubric judges, and its name says so in every output.

    Raises:
        UserError: The model is here and was changed, or there is no room for it.
        MissingExtra: It has to be converted, and torch, transformers or gguf is not installed.
    """
    try:
        reading_model()
    except NotFetched as error:
        say(f"the rubric judges in place of the reading judge: {error}", error=True)
        return RubricInstead()
    return ReadingJudge()


class RubricInstead(EmbeddedJudge):
    """The rubric, under a name of its own."""

    name = f"{EmbeddedJudge.name}, in place of the reading judge"


class ReadingJudge:
    """Judges by reading; all questions of a call about one scenario share the reading of its beginning.

    Attributes:
        name: The judge's id in records; other heads, another model, layer or turn grammar are another id.
        prompts: The prompt set that asks for tags: its sight of agreement in free words is not sure enough to train on.
        open_questions: Whether it scores answers to questions that have no parties; no label was of such.
    """

    name: str = "reading judge (handshake v2 on whole plans, Qwen2.5-Coder-0.5B-Instruct, heads v8)"
    prompts: str = HANDSHAKE
    open_questions: bool = False

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer each question, in order.

        Returns:
            Agreement: 1.0 or 0.0, by the handshake where a turn bears a tag or a party has said nothing, else by the
            words, with the `probability` that they say yes. Score: 0.0 to 5.0, with the
            `satisfaction` of each of two parties and an `interval` that holds 80 % of held-out labels; the reason says
            where a text is outside what the heads know. 0.0 with a code of `REASONS` for a refused completion. None,
            and so unscored, where there are no parties, or more than there are letters.

        Raises:
            MissingExtra: torch or transformers is not installed.
            UserError: The model could not be fetched.
        """
        unread = self._plans_only(questions, [self._without_reading(question) for question in questions])
        left = [question for question, verdict in zip(questions, unread, strict=True) if verdict is None]
        found = _read(left)
        return [
            verdict or self._verdict(question, next(found)) for question, verdict in zip(questions, unread, strict=True)
        ]

    def examine(self, probes: "Sequence[Probe]") -> list[Verdict]:
        """Answer each probe, in order: acceptance by reading, faithfulness as the rubric does.

        Raises:
            NegotiationError: As for `judge`, and as the rubric's encoder raises.
        """
        from negotiation_env.judges.probes import ProbeKind

        kept = [probe for probe in probes if probe.kind is ProbeKind.FAITHFULNESS]
        faithful = iter(EmbeddedJudge().examine(kept))
        scored = iter(self.judge([_scoring(probe) for probe in probes if probe.kind is ProbeKind.ACCEPTANCE]))
        return [
            self._accepts(probe, next(scored)) if probe.kind is ProbeKind.ACCEPTANCE else next(faithful)
            for probe in probes
        ]

    def _without_reading(self, question: Question) -> Verdict | None:
        if len(question.scenario.personas) not in READABLE:
            return Verdict(None, self.name, _NO_PARTIES)
        if question.kind is QuestionKind.SCORE:
            code = unread(question.completion, question.scenario)
            return Verdict(0.0, self.name, code, {"refused": REASONS[code]}) if code else None
        silent = len(question.scenario.personas) > len({turn.seat for turn in question.dialogue})
        tagged = any(LIKE_A_TAG.search(turn.text) for turn in question.dialogue)
        return by_handshake(question, self.name) if silent or tagged else None

    def _plans_only(self, questions: Sequence[Question], unread: list[Verdict | None]) -> list[Verdict | None]:
        """Of the acceptances by tags those stand whose proposal, read as a joint answer, has a decision in it."""
        accepted = {place: each for place, each in enumerate(unread) if each and each.value}
        asked = [_of_proposal(questions[place].scenario, each) for place, each in accepted.items()]
        plans = self.judge(asked) if asked else []
        for (place, each), plan in zip(accepted.items(), plans, strict=True):
            unread[place] = _if_a_plan(each, plan)
        return unread

    def _verdict(self, question: Question, read: Reading) -> Verdict:
        heads = load_heads()
        if question.kind is QuestionKind.AGREEMENT:
            probability = _rounded(heads.probabilities(of_dialogues(read[None]))[0])
            return Verdict(float(probability > heads.agreed), self.name, "", {"probability": probability})
        found = of_answers(read[None])
        (score, *satisfaction), distance = heads.grades(found)[0], heads.distances(found)[0]
        details: dict[str, Any] = {
            "interval": [_rounded(min(max(bound, 0.0), HIGHEST)) for bound in score + heads.interval],
            "distance": _rounded(distance),
        }
        if len(question.scenario.personas) == _PARTIES:
            details["satisfaction"] = [_rounded(each) for each in satisfaction]
        return Verdict(_rounded(score), self.name, OUTSIDE if distance > heads.farthest else "", details)

    def _accepts(self, probe: "Probe", scored: Verdict) -> Verdict:
        if "refused" in scored.details:
            return Verdict(0.0, self.name, scored.reason, {**scored.details, "accepts": False})
        if "satisfaction" not in scored.details:
            return Verdict(None, self.name, "the satisfaction of each party is read for two parties only")
        value = scored.details["satisfaction"][probe.seat]
        return Verdict(value, self.name, scored.reason, {"accepts": value >= _ACCEPTS, "score": scored.value})


def _read(questions: Sequence[Question]) -> Iterator[Reading]:
    """What is read of each question; no questions, no model."""
    if questions:
        yield from load_reader().read([passage(question) for question in questions])


def _of_proposal(scenario: Scenario, accepted: Verdict) -> Question:
    return Question(QuestionKind.SCORE, scenario, completion=accepted.details["proposal"])


def _if_a_plan(accepted: Verdict, plan: Verdict) -> Verdict:
    """An acceptance, with the score of what was accepted; no agreement where that is too low."""
    details = {**accepted.details, "plan": plan.value, **plan.details}
    if why := _no_plan(accepted.details["proposal"], plan):
        return replace(accepted, value=0.0, reason=f"what was accepted is no plan: {why}", details=details)
    reason = f"{accepted.reason}; what they accepted scores {plan.value:g}"
    return replace(accepted, reason=reason, details=details)


def _no_plan(proposal: str, read: Verdict) -> str | None:
    """Why nothing was settled by accepting it: a policy that says more and more is cut short, and would be taken."""
    if "refused" in read.details:
        return read.reason
    if not _ENDS.search(proposal):
        return "it breaks off"
    enough = read.value is not None and read.value >= _PLAN
    return None if enough else f"it scores {read.value:g}, and {_PLAN:g} is the least"


def _scoring(probe: "Probe") -> Question:
    return Question(QuestionKind.SCORE, probe.scenario, completion=probe.completion)


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
