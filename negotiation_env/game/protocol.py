"""The core: one negotiation as a state machine without I/O, clock, randomness or model.

A `Negotiation` always has one `pending` thing: a `Turn` that waits for `say`, a `Question` that waits for `rule`, or
the `Outcome`. The legal moves are the table
`negotiation_env.game.moves.MOVES`; a call that it does not allow raises `IllegalMove` and changes
nothing. Section numbers refer to the steps of one negotiation in arXiv 2603.10476.
"""

from collections.abc import Sequence

from negotiation_env.errors import IllegalMove
from negotiation_env.game.chats import Chat, conversation, prompt_texts, single_agent_chat
from negotiation_env.game.echoes import echoes
from negotiation_env.game.events import Message, Outcome, Question, QuestionKind, Status, Task, Turn, Utterance, Verdict
from negotiation_env.game.moves import MOVES, Move, Phase
from negotiation_env.game.prompts import PromptSet, shipped_prompts
from negotiation_env.game.rules import Rules
from negotiation_env.game.scenario import Scenario, require_playable
from negotiation_env.text.thoughts import has_no_mark, split_thought
from negotiation_env.text.untrusted import SLACK, is_harmless, neutralise, writable_text

__all__ = [
    "ONLY_THOUGHT",
    "Negotiation",
    "Rules",
    "agreement_question",
    "score_question",
    "understood",
]

ONLY_THOUGHT = "only_thought"
"""The event of a turn in which a party only thought: it says nothing."""


_SPEAKING, _AGREEING, _COMPLETING, _SCORING, _OVER = Phase  # Python 3.11 is slow to look members up in their class
_SAID_EARLY, _SAID, _OPEN, *_ = Move
_STOPPED = Move.STOPPED
_AGREEMENT = QuestionKind.AGREEMENT


class Negotiation:
    """One negotiation between two or more parties, who speak in the order of their seats.

    Where the rules leave no turns it begins with the completion: a single agent answers for all parties.

    Args:
        scenario: Dilemma and personas, one seat each; an open question has the one seat of who answers it.
        rules: How it is played.
        prompts: What each seat is told, one for each; by default the paper's free dialogue.

    Raises:
        ValueError: The rules or prompts do not fit the number of parties, or the scenario is too long to be shown
            whole.
    """

    def __init__(
        self, scenario: Scenario, rules: Rules | None = None, prompts: Sequence[PromptSet] | None = None
    ) -> None:
        self.scenario = scenario
        self.rules = rules or Rules()
        seats = scenario.seats
        if seats == 1 and not self.rules.single:
            raise ValueError(f"nobody negotiates over the open question {scenario.id!r}; expected max_turns=0")
        if 0 < self.rules.max_turns < seats:
            raise ValueError(
                f"max_turns must let each of {seats} parties speak once, or be 0; got {self.rules.max_turns}"
            )
        if not 0 <= self.rules.writer < seats:
            raise ValueError(f"writer must be a seat from 0 to {seats - 1}; got {self.rules.writer}")
        require_playable(scenario)
        self.prompts = (shipped_prompts(),) * seats if prompts is None else tuple(prompts)
        if len(self.prompts) != seats:
            raise ValueError(f"expected a prompt set for each of {seats} seats, got {len(self.prompts)}")
        self._names = scenario.names
        self._dialogue: list[Utterance] = []
        self._completion: Utterance | None = None
        self._thoughts: list[str] = []
        self._agreed = False
        self._phase = _COMPLETING if self.rules.single else _SPEAKING
        self._speaker: int | None = self.rules.writer if self.rules.single else 0
        self._pending: Turn | Question | Outcome | None = None
        self._chats: dict[int, Chat] = {}

    @property
    def pending(self) -> Turn | Question | Outcome:
        """What the negotiation waits for, or how it ended; a turn is made when it is first looked at."""
        if self._pending is None:
            assert self._speaker is not None  # `_move` leaves either a speaker or something pending
            self._pending = self._turn(self._speaker)
        return self._pending

    @property
    def question(self) -> Question | None:
        """The pending question; None while a party is to speak, and when all is over."""
        return self._pending if isinstance(self._pending, Question) else None

    @property
    def outcome(self) -> Outcome:
        """How it ended; while it goes on it is unscored, and the reason says what it waits for."""
        if isinstance(self._pending, Outcome):
            return self._pending
        return self._outcome(Move.UNSCORED, None, f"not over: it is still {self._phase}")

    @property
    def speaker(self) -> int | None:
        """The seat whose turn it is; None while a judge is asked, and when all is over."""
        return self._speaker

    @property
    def phase(self) -> Phase:
        """The state, as named in `MOVES`."""
        return self._phase

    @property
    def dialogue(self) -> tuple[Utterance, ...]:
        """All utterances so far."""
        return tuple(self._dialogue)

    @property
    def echoes(self) -> list[tuple[str, ...]]:
        """Of each utterance what it only says again, see `negotiation_env.game.echoes`; looked for when asked."""
        if not self._dialogue:
            return []  # whoever answers alone is told other things
        seats = enumerate(self.prompts)
        told = [prompt_texts(each, self.scenario, seat, personas=self.rules.personas) for seat, each in seats]
        return echoes(self._dialogue, told)

    @property
    def turns(self) -> int:
        """Number of utterances so far."""
        return len(self._dialogue)

    @property
    def completion(self) -> Utterance | None:
        """The joint answer, once it is written."""
        return self._completion

    @property
    def thoughts(self) -> tuple[str, ...]:
        """What each speaker thought in its turn, that of the joint answer last; for the record, and nobody else."""
        return tuple(self._thoughts)

    def view(self, seat: int, *, completing: bool = False) -> tuple[Message, ...]:
        """The chat as a seat would see it if it had to speak now, or to write the joint answer."""
        rules = self.rules
        if rules.single:
            return single_agent_chat(self.prompts[seat], self.scenario, seat, personas=rules.personas)
        if rules.history_turns is None and not completing:
            if (chat := self._chats.get(seat)) is None:
                chat = self._chats[seat] = Chat(self.prompts[seat], self.scenario, seat, personas=rules.personas)
            return chat.show(self._dialogue)
        return conversation(
            self.prompts[seat],
            self.scenario,
            seat,
            self._dialogue,
            window=rules.history_turns,
            completing=completing,
            personas=rules.personas,
        )

    def say(self, text: str) -> Utterance:
        """The pending turn's speaker says something (steps 2 and 4).

        Args:
            text: Any text; thoughts are taken off it, and what could act as more than words is neutralised.

        Returns:
            What was understood, with the events of the raw text.

        Raises:
            IllegalMove: No turn is pending.
            TypeError: `text` is not a string.
        """
        return self.deliver(*self.understand(text))

    def understand(self, text: str) -> tuple[Utterance, str]:
        """What the pending turn's speaker would say with a text, and only think; nothing is changed.

        Raises:
            IllegalMove: No turn is pending.
            TypeError: `text` is not a string.
        """
        if (seat := self._speaker) is None:
            raise IllegalMove(f"say() needs a pending turn; this negotiation is {self._phase}: {self._hint()}")
        if not isinstance(text, str):
            raise TypeError(f"expected the message as a str, got {type(text).__name__}: {text!r:.80}")
        return understood(text, seat, self._names, self.rules)

    def deliver(self, utterance: Utterance, thought: str = "") -> Utterance:
        """The second half of `say`: all others hear what `understand` made of the text.

        Raises:
            IllegalMove: The seat that says it has no turn.
        """
        if utterance.seat != self._speaker:
            raise IllegalMove(f"deliver() needs an utterance of the seat whose turn it is; got seat {utterance.seat}")
        self._thoughts.append(thought)
        if self._phase is _COMPLETING:
            self._completion = utterance
            self._move(Move.COMPLETED)
        else:
            self._dialogue.append(utterance)
            early = len(self._dialogue) < len(self._names)
            self._move(_SAID_EARLY if early else _SAID)
        return utterance

    def rule(self, verdict: Verdict) -> None:
        """The judge answers the pending question (steps 3 and 5).

        Args:
            verdict: Its answer; without a value the negotiation ends unscored.

        Raises:
            IllegalMove: No question is pending.
        """
        if self.question is None:
            raise IllegalMove(f"rule() needs a pending question; this negotiation is {self._phase}: {self._hint()}")
        if verdict.value is None:
            self._move(Move.UNSCORED, reason=verdict.reason or "the judge gave no value")
        elif self._phase is _SCORING:
            self._move(Move.SCORED, score=verdict.value)
        else:
            self._agreed = verdict.value > 0
            self._move(self._after_agreement_question())

    def fail(self, reason: str) -> None:
        """An agent could not speak, or a guard wants no verdict: the negotiation ends unscored.

        Raises:
            IllegalMove: It is over already.
        """
        if self._phase is _OVER:
            raise IllegalMove("fail() needs a negotiation that goes on; this one is over")
        self._move(Move.UNSCORED, reason=writable_text(reason))  # it may quote anybody

    def stop(self, reason: str) -> None:
        """A guard ends the negotiation: without agreement, whatever was said.

        Raises:
            IllegalMove: No party is to speak and no judge to see agreement.
        """
        if (self._phase, _STOPPED) not in MOVES:
            raise IllegalMove(f"stop() needs a dialogue that goes on; this negotiation is {self._phase}")
        self._move(_STOPPED, reason=reason)

    def _after_agreement_question(self) -> Move:
        if self._agreed:
            return Move.AGREED
        if len(self._dialogue) < self.rules.max_turns:
            return _OPEN
        return Move.EXHAUSTED_BUT_COMPLETE if self.rules.complete_without_agreement else Move.EXHAUSTED

    def _move(self, move: Move, *, score: float | None = None, reason: str = "") -> None:
        self._phase = phase = MOVES[self._phase, move]
        self._speaker = self._pending = None
        if phase is _SPEAKING:
            self._speaker = len(self._dialogue) % len(self._names)
        elif phase is _AGREEING:
            self._pending = agreement_question(self.scenario, self._dialogue)
        elif phase is _COMPLETING:
            self._speaker = self.rules.writer
        elif phase is _SCORING:
            self._pending = self._score_question()
        else:
            self._pending = self._outcome(move, score, reason)

    def _turn(self, seat: int) -> Turn:
        completing = self._phase is _COMPLETING
        task = Task.COMPLETION if completing else Task.UTTERANCE
        return Turn(seat, task, self.turns + 1, self.view(seat, completing=completing))

    def _score_question(self) -> Question:
        assert self._completion is not None  # the table: SCORING is only reached by COMPLETED
        return score_question(self.scenario, self.rules, self._dialogue, self._completion.text)

    def _status(self, move: Move) -> Status:
        if move is Move.UNSCORED:
            return Status.UNSCORED
        if self.rules.single:
            return Status.ANSWERED
        return Status.AGREED if self._agreed else Status.NO_AGREEMENT

    def _outcome(self, move: Move, score: float | None, reason: str) -> Outcome:
        completion = self._completion.text if self._completion else None
        return Outcome(self._status(move), self.turns, self._agreed, completion, score, reason)

    def _hint(self) -> str:
        return "read pending" if self._phase is _OVER else "call rule()" if self._speaker is None else "call say()"


def understood(text: str, seat: int, names: tuple[str, ...], rules: Rules) -> tuple[Utterance, str]:
    """What a seat's raw text says, and what the seat only thought: its thoughts are no part of the utterance.

    The words are neutralised, with their events; no line may open with one of the parties' names. Of words, and of
    thoughts, beyond `max_characters` + `negotiation_env.text.untrusted.SLACK` the rest is not kept.
    """
    if is_harmless(text, rules.max_characters, names) and has_no_mark(text):  # most turns
        return Utterance(seat, text), ""
    thought, words = split_thought(text)
    clean, most = neutralise(words, rules.max_characters, names), rules.max_characters + SLACK
    events = (*clean.events, ONLY_THOUGHT) if thought and not words else clean.events
    raw = None if clean.text == words else writable_text(words[:most])
    return Utterance(seat, clean.text, events, raw), writable_text(thought[:most])


def agreement_question(scenario: Scenario, dialogue: Sequence[Utterance]) -> Question:
    """What a judge is asked after a turn (step 3)."""
    return Question(_AGREEMENT, scenario, tuple(dialogue))


def score_question(scenario: Scenario, rules: Rules, dialogue: Sequence[Utterance], completion: str) -> Question:
    """What a judge is asked of the joint answer (step 5); it sees the dialogue only where the rules say so."""
    return Question(QuestionKind.SCORE, scenario, tuple(dialogue) if rules.judge_sees_dialogue else (), completion)
