"""Guards at work in one game: words are looked at before they are delivered, and the speaker alone is told.

What was refused stays in the speaker's own chat, followed by what it is told, so that its chat only grows and it knows
why it is asked again. Nobody else sees either. The joint answer is not looked at: the judge is there for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from negotiation_env.errors import UserError
from negotiation_env.game.events import Message, Question, QuestionKind, Utterance, Verdict
from negotiation_env.game.moves import Phase
from negotiation_env.game.protocol import Negotiation
from negotiation_env.guards.asked import Unanswered
from negotiation_env.guards.files import Constraint, Guards, Intervention
from negotiation_env.guards.watch import Finding, Violation, Watch
from negotiation_env.interfaces import Judge
from negotiation_env.judges.asking import reads_turns
from negotiation_env.text.untrusted import SILENCE

__all__ = ["Enforcement", "Guarded", "Try", "most_tries", "require_reader"]

_COMPLETING = Phase.COMPLETING
_ENDS: Final = {Intervention.END: Negotiation.stop, Intervention.END_UNSCORED: Negotiation.fail}
_AGAIN = "(To you alone: your words were not delivered. {told} Take this turn again.)"
_REPLACED = '(To you alone: your words were not delivered; the others heard "{silence}". {told})'
_FEEDBACK = "(To you alone: {told})"


@dataclass(frozen=True, slots=True)
class Try:
    """Words that were not delivered.

    Attributes:
        utterance: What was understood.
        thought: What the speaker only thought.
        violations: Why.
        told: What the speaker was told.
    """

    utterance: Utterance
    thought: str
    violations: tuple[Violation, ...]
    told: str


@dataclass(frozen=True, slots=True)
class Guarded:
    """A turn that was delivered, as the guards saw it.

    Attributes:
        seat: Who spoke.
        violations: What the delivered words break.
        refused: What was tried before, in order; the last of them was replaced, where `replaced` says so.
        replaced: Silence was delivered instead.
        told: What the speaker was told after it; "" for nothing.
    """

    seat: int
    violations: tuple[Violation, ...] = ()
    refused: tuple[Try, ...] = ()
    replaced: bool = False
    told: str = ""

    @property
    def answer(self) -> str:
        """What the speaker was told last."""
        return self.refused[-1].told if self.replaced else self.told


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Words that were said and are not delivered before a judge has said something of them."""

    utterance: Utterance
    thought: str
    answers: dict[str, bool]


@dataclass(slots=True)
class Enforcement:
    """The guards of one game.

    Attributes:
        game: What they guard.
        guards: What has to hold.
        turns: The turns that were delivered, without the joint answer.
        refused: What was tried in the turn that is pending.
    """

    game: Negotiation
    guards: Guards
    turns: list[Guarded] = field(default_factory=list)
    refused: list[Try] = field(default_factory=list)
    _watch: Watch = field(init=False)
    _told: set[int] = field(default_factory=set)
    _waiting: _Waiting | None = None

    def __post_init__(self) -> None:
        self._watch = Watch(self.guards, self.game.scenario)

    @property
    def asked_again(self) -> int:
        """How many times words were refused and no turn was made of them."""
        return len(self.refused) + sum(len(turn.refused) - turn.replaced for turn in self.turns)

    def say(self, words: str) -> Question | tuple[Utterance, Finding]:
        """The pending turn's speaker says something; where it is refused, the same speaker is still to speak.

        Returns:
            What was understood, delivered or not, and what it breaks; or what a judge has to say of it before, which
            goes to `answer`.

        Raises:
            IllegalMove: No turn is pending.
            TypeError: The words are no string.
        """
        utterance, thought = self.game.understand(words)
        if self.game.phase is _COMPLETING:
            return self.game.deliver(utterance, thought), Finding((), ())
        return self._looked(utterance, thought, {})

    def answer(self, asked: str, verdict: Verdict) -> Question | tuple[Utterance, Finding]:
        """What a judge says of the words that wait; the same as for `say`.

        Where it fails to say it, nobody knows whether the words may be said: the game ends with them, unscored.
        """
        assert self._waiting is not None  # whoever asks has the question from here
        waiting, self._waiting = self._waiting, None
        if verdict.value is None:
            self._deliver(waiting.utterance, waiting.thought, Finding((), ()))
            self.game.fail(verdict.reason or "the judge gave no value")
            return waiting.utterance, Finding((), ())
        answers = {**waiting.answers, asked: verdict.value > 0}
        return self._looked(waiting.utterance, waiting.thought, answers)

    def _looked(
        self, utterance: Utterance, thought: str, answers: dict[str, bool]
    ) -> Question | tuple[Utterance, Finding]:
        try:
            finding = self._watch.look(utterance, self.game.dialogue, answers)
        except Unanswered as needed:
            self._waiting = _Waiting(utterance, thought, answers)
            dialogue = (*self.game.dialogue, utterance)
            return Question(QuestionKind.TURN, self.game.scenario, dialogue, asked=needed.question)
        self._intervene(utterance, thought, finding)
        return utterance, finding

    def _intervene(self, utterance: Utterance, thought: str, finding: Finding) -> None:
        if not finding.violations:
            self._deliver(utterance, thought, finding)
            return
        self._watch.count(finding, utterance.seat)
        if finding.intervention == Intervention.ASK_AGAIN:
            self._refuse(utterance, thought, finding, _AGAIN)
        elif finding.intervention == Intervention.REPLACE:
            self._refuse(utterance, thought, finding, _REPLACED)
            silence, _ = self.game.understand(SILENCE)
            seen = self._watch.look(silence, self.game.dialogue, dict.fromkeys(self.guards.asked.values(), False))
            self._deliver(silence, "", replace(seen, violations=()), replaced=True)
        else:
            self._deliver(utterance, thought, finding)

    def shown(self, messages: Sequence[Message], seat: int) -> tuple[Message, ...]:
        """A seat's chat with what this seat alone knows: its refused words, and what it was told.

        Args:
            messages: The chat without; the assistant's turns in it are the last ones that this seat delivered. Where a
                window leaves none of them, what the last one was told is shown all the same: it is for the next turn.
            seat: Whose chat.
        """
        if seat not in self._told:
            return tuple(messages)
        own = [turn for turn in self.turns if turn.seat == seat]
        tries = self.refused if self.game.speaker == seat else []
        spoken = sum(each["role"] == "assistant" for each in messages)
        told = own[-1].answer if own and not spoken else ""
        return tuple(_private(messages, told, own[len(own) - spoken :], tries))

    def _refuse(self, utterance: Utterance, thought: str, finding: Finding, frame: str) -> None:
        self.refused.append(Try(utterance, thought, finding.violations, self._tell(utterance.seat, finding, frame)))

    def _deliver(self, utterance: Utterance, thought: str, finding: Finding, *, replaced: bool = False) -> None:
        self.game.deliver(utterance, thought)
        self._watch.deliver(finding)
        step = finding.intervention
        told = self._tell(utterance.seat, finding, _FEEDBACK) if step == Intervention.FEEDBACK else ""
        self.turns.append(Guarded(utterance.seat, finding.violations, tuple(self.refused), replaced, told))
        self.refused = []
        if step in _ENDS:
            reason = f"ended by the guards: {', '.join(each.constraint for each in finding.violations)}"
            _ENDS[step](self.game, reason)

    def _tell(self, seat: int, finding: Finding, frame: str) -> str:
        """What the speaker is told of all that it broke, but for what is only put on record."""
        self._told.add(seat)
        broken = {each.constraint for each in finding.violations if each.intervention != Intervention.RECORD}
        told = [each.explanation for each in self.guards.constraints if each.name in broken]
        return frame.format(told=" ".join(told), silence=SILENCE)


def most_tries(guards: Guards) -> Guards:
    """Guards under which a party is asked again as often in one turn as these can ask it in a whole game.

    A breach of each constraint is the next one of its ladder, so that no step to ask again is taken twice by a party.
    Afterwards it is told all that there is to tell in each turn.
    """
    steps = [step for each in guards.constraints for step in each.ladder if step is Intervention.ASK_AGAIN]
    told = " ".join(each.explanation for each in guards.constraints)
    worst = Constraint("worst", "false", ladder=(*steps, Intervention.FEEDBACK), told=told)
    return Guards(guards.name, (worst,))


def require_reader(guards: Guards | None, judge: Judge) -> None:
    """See that the judge answers what guards ask.

    Raises:
        UserError: It does not.
    """
    if guards and guards.asked and not reads_turns(judge):
        asked = ", ".join(guards.asked)
        raise UserError(f"guards {guards.name} ask the judge ({asked}); {judge.name} reads no turns: take an LLM judge")


def _private(
    messages: Sequence[Message], told: str, turns: Sequence[Guarded], tries: Sequence[Try]
) -> Iterator[Message]:
    """The chat with refused words in their places; what a turn is told afterwards opens the next message."""
    delivered = iter(turns)
    for message in messages:
        if message["role"] == "system":
            yield message
            continue
        if message["role"] != "assistant":
            yield _user(f"{told}\n\n{message['content']}") if told else message
            told = ""
            continue
        turn = next(delivered)
        said = [(each.utterance.text, each.told) for each in turn.refused]
        said += [] if turn.replaced else [(message["content"], turn.told)]
        for text, answer in said[:-1]:
            yield from (_assistant(text), _user(answer))
        text, told = said[-1]
        yield _assistant(text)
    if told:
        yield _user(told)
    for each in tries:
        yield from (_assistant(each.utterance.text), _user(each.told))


def _user(content: str) -> Message:
    return {"role": "user", "content": content}


def _assistant(content: str) -> Message:
    return {"role": "assistant", "content": content}
