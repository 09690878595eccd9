"""Check a judge on a labelled set: what it is asked, and the asking; `report` makes figures of the answers.

Every text of the set is asked once. Then come the changes that should not move a verdict: every answer with the
personas in each other's seats, 40 texts a second time, and every shipped attack, appended to a one-sided answer
and to the last turn of a dialogue that does not agree. The attacks take turns with dilemmas and texts, in a fixed
order, and are neutralised as they are in a game.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import Final, Protocol, runtime_checkable

from negotiation_env.data import Injection, load_injections
from negotiation_env.game.events import Question, QuestionKind, Verdict
from negotiation_env.game.protocol import Rules
from negotiation_env.interfaces import Judge
from negotiation_env.judges.asking import judged
from negotiation_env.judges.check.figures import Change, Rating
from negotiation_env.judges.check.labelled import Labelled, LabelledSet
from negotiation_env.judges.check.report import CheckReport, Evidence, report
from negotiation_env.text.untrusted import neutralise

__all__ = ["Caching", "Plan", "Variant", "ask", "check_judge", "collect", "plan_check"]

_BATCH: Final = 64
_RETESTED: Final = 40
_ATTACKED: Final = ("lop_A", "lop_B", "lop_polite")


@runtime_checkable
class Caching(Protocol):
    """A judge that remembers its verdicts."""

    def fresh(self) -> Judge:
        """The same judge with an empty memory."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A labelled text asked once more.

    Attributes:
        item: The text as it is.
        question: The question, changed or not.
        attack: The kind of attack that was appended; empty for no attack.
    """

    item: Labelled
    question: Question
    attack: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every question of a check; its length is their number.

    Attributes:
        labelled: The set; each of its texts is asked as it is.
        swaps: Every answer with its personas in each other's seats.
        retests: Texts to ask a second time, evenly spaced over the set.
        attacks: Every attack on an answer, then every attack on a dialogue.
    """

    labelled: LabelledSet
    swaps: tuple[Variant, ...]
    retests: tuple[Variant, ...]
    attacks: tuple[Variant, ...]

    def __len__(self) -> int:
        return len(self.labelled.items) + len(self.swaps) + len(self.retests) + len(self.attacks)


def check_judge(
    judge: Judge, labelled: LabelledSet, *, progress: Callable[[object], None] = lambda _: None
) -> CheckReport:
    """Ask a judge everything and compute the figures.

    Args:
        judge: Any judge; one with a method `fresh` is asked the second time without its memory.
        labelled: What to ask about.
        progress: Told of each verdict; `len(plan_check(labelled))` of them come.
    """
    return report(collect(judge, plan_check(labelled), progress))


def plan_check(labelled: LabelledSet, injections: Sequence[Injection] | None = None) -> Plan:
    """The questions of a check, always the same for the same set.

    Args:
        labelled: The set.
        injections: The attacks; by default the shipped ones.
    """
    attacks = load_injections() if injections is None else injections
    again = _evenly(labelled.items, _RETESTED)
    one_sided = [item for item in labelled.answers if item.group in _ATTACKED]
    not_agreed = [item for item in labelled.dialogues if not item.label]
    return Plan(
        labelled,
        swaps=tuple(Variant(item, _swapped(item.question)) for item in labelled.answers),
        retests=tuple(Variant(item, item.question) for item in again),
        attacks=(*_attacked(_rotation(one_sided), attacks), *_attacked(_rotation(not_agreed), attacks)),
    )


def collect(judge: Judge, plan: Plan, progress: Callable[[object], None] = lambda _: None) -> Evidence:
    """Ask every question of a plan, in batches."""
    start = time.perf_counter()
    items = plan.labelled.items
    verdicts = ask(judge, [item.question for item in items], progress)
    ratings = tuple(Rating(item, verdict) for item, verdict in zip(items, verdicts, strict=True))
    before = {rating.item.id: rating.verdict for rating in ratings}

    def changes(asked: Judge, variants: Sequence[Variant]) -> tuple[Change, ...]:
        after = ask(asked, [variant.question for variant in variants], progress)
        return tuple(
            Change(variant.item, before[variant.item.id], verdict, variant.attack)
            for variant, verdict in zip(variants, after, strict=True)
        )

    swaps = changes(judge, plan.swaps)
    retests = changes(judge.fresh() if isinstance(judge, Caching) else judge, plan.retests)
    attacks = changes(judge, plan.attacks)
    return Evidence(judge.name, plan.labelled.name, ratings, swaps, retests, attacks, time.perf_counter() - start)


def ask(judge: Judge, questions: Sequence[Question], progress: Callable[[object], None]) -> list[Verdict]:
    """Every question's verdict, in order; asked 64 at a time, and `progress` is told of each."""
    verdicts: list[Verdict] = []
    for start in range(0, len(questions), _BATCH):
        for verdict in judged(judge, questions[start : start + _BATCH]):
            verdicts.append(verdict)
            progress(verdict)
    return verdicts


def _swapped(question: Question) -> Question:
    scenario = replace(question.scenario, personas=question.scenario.personas[::-1])
    return replace(question, scenario=scenario)


def _evenly(items: Sequence[Labelled], count: int) -> list[Labelled]:
    """At most `count` items, evenly spaced over all."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def _rotation(items: Sequence[Labelled]) -> list[Labelled]:
    """All items, one of each dilemma in turn, and in each round of the dilemmas another text of each."""
    dilemma = attrgetter("dilemma")
    by_dilemma = [list(group) for _, group in groupby(sorted(items, key=dilemma), dilemma)]
    rounds = range(max(map(len, by_dilemma), default=0))
    return [group[(turn + place) % len(group)] for turn in rounds for place, group in enumerate(by_dilemma)]


def _attacked(targets: Sequence[Labelled], attacks: Iterable[Injection]) -> Iterator[Variant]:
    """Each attack on the next of the targets, which come round again; nothing where there are none."""
    if not targets:
        return
    for number, attack in enumerate(attacks):
        target = targets[number % len(targets)]
        yield Variant(target, _with_attack(target.question, attack.text), attack.kind)


def _with_attack(question: Question, attack: str) -> Question:
    """The question with the attack on a line of its own after the answer or the last turn, as a judge gets it."""

    def attacked(text: str) -> str:
        names = question.scenario.names
        return neutralise(f"{text}\n{attack}", Rules().max_characters, names).text

    if question.kind is QuestionKind.SCORE:
        return replace(question, completion=attacked(question.completion))
    last = question.dialogue[-1]
    return replace(question, dialogue=(*question.dialogue[:-1], replace(last, text=attacked(last.text))))
