"""The longest negotiation that rules allow, played through the protocol itself: what bounds a run's tokens.

Every turn and the joint answer are as long as they may be, thoughts too, and nobody agrees before the last turn.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from negotiation_env.environment.guarding import Enforcement, most_tries
from negotiation_env.environment.prompting import seat_prompts
from negotiation_env.game.events import Message, Outcome, Question, QuestionKind, Task, Turn, Verdict
from negotiation_env.game.prompts import PromptSet
from negotiation_env.game.protocol import Negotiation, Rules
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.files import Guards

__all__ = ["ANSWER", "LongestGame", "Ruler", "Speech", "longest_game", "longest_scenario"]

_TURN: Final = "\ue000"
"""Stands for the words of a turn; a character for private use, which no scenario holds."""
ANSWER: Final = "\ue001"
"""Stands for the words of a joint answer."""
_CHARACTERS_A_TOKEN: Final = 3.2
_TOKENS_A_MESSAGE: Final = 12
"""What a chat template puts around a message."""


@dataclass(frozen=True, slots=True)
class Ruler:
    """Measures chats in tokens.

    Attributes:
        turn: Tokens of a turn.
        answer: Tokens of a joint answer.
        prompt: The model's own tokens of a chat; None estimates, for other models' chats: a token for every 3.2
            characters and 12 for every message.
        thought: Tokens of the thought before each of them.
        anew: Thoughts leave a conversation once they are answered, which is then rendered anew for each reply.
    """

    turn: int
    answer: int
    prompt: Callable[[Sequence[Message]], Sequence[int]] | None = None
    thought: int = 0
    anew: bool = False

    def tokens(self, messages: Sequence[Message]) -> int:
        """The length of a chat, up to where the next reply begins."""
        text = "".join(message["content"] for message in messages)
        said = text.count(_TURN) * self.turn + text.count(ANSWER) * self.answer
        if self.prompt:
            return said + len(self.prompt(messages))
        return said + math.ceil(len(text) / _CHARACTERS_A_TOKEN) + _TOKENS_A_MESSAGE * len(messages)


@dataclass(frozen=True, slots=True)
class Speech:
    """A turn or the joint answer, in tokens.

    Attributes:
        seat: Whose.
        task: Which of the two.
        messages: What the speaker sees.
        context: Its length.
        fresh: What of it the speaker's conversation does not hold yet.
        limit: The longest that can be sampled.
        words: The part of it that is said; the rest is thought.
    """

    seat: int
    task: Task
    messages: tuple[Message, ...]
    context: int
    fresh: int
    limit: int
    words: int

    @property
    def end(self) -> int:
        """The length of the conversation after it."""
        return self.context + self.limit

    @property
    def anew(self) -> bool:
        """Whether a conversation begins with it."""
        return self.fresh == self.context


@dataclass(frozen=True, slots=True)
class LongestGame:
    """One negotiation at its longest.

    Attributes:
        speeches: In order; the joint answer is the last.
        questions: What the judge is asked, in order.
    """

    speeches: tuple[Speech, ...]
    questions: tuple[Question, ...]

    @property
    def context(self) -> int:
        """The longest conversation, in tokens."""
        return max(speech.end for speech in self.speeches)

    def rows(self, tasks: Collection[Task], seat: int, *, thoughts: bool = True) -> list[tuple[int, int]]:
        """A learner's training rows: the length of each, and how many tokens are trained.

        Args:
            tasks: What of the learner is trained.
            seat: Where it sits.
            thoughts: Whether its thoughts are trained too.
        """
        rows: list[tuple[int, int]] = []
        for speech in self.speeches:
            if speech.seat == seat and speech.task in tasks:
                trained = rows.pop()[1] if rows and not speech.anew else 0
                rows.append((speech.end, trained + (speech.limit if thoughts else speech.words)))
        return rows


def longest_scenario(scenarios: Iterable[Scenario]) -> Scenario:
    """The one with the longest texts, in characters."""
    return max(scenarios, key=lambda scenario: len(scenario.to_json()))


def longest_game(
    scenario: Scenario, rules: Rules, ruler: Ruler, prompts: Sequence[PromptSet], guards: Guards | None = None
) -> LongestGame:
    """Play a scenario at its longest.

    Under guards each party is asked again in its first turn as often as it can be in the whole game, so that every
    later chat holds all words that can be refused.

    Args:
        scenario: Dilemma and personas.
        rules: How it is played.
        ruler: Measures in tokens.
        prompts: What the seats are told; the last set is also for the seats beyond.
        guards: What has to hold.

    Raises:
        ValueError: The rules do not fit the number of parties.
    """
    game = Negotiation(scenario, rules, seat_prompts(prompts, scenario.seats, scenario=scenario))
    enforced = Enforcement(game, most_tries(guards)) if guards else None
    speeches: list[Speech] = []
    questions: list[Question] = []
    while not isinstance(game.pending, Outcome):
        if isinstance(turn := game.pending, Turn):
            shown = enforced.shown(turn.messages, turn.seat) if enforced else turn.messages
            speeches.append(_speech(replace(turn, messages=shown), speeches, ruler))
            questions += _asked(game, guards) if guards and turn.task is Task.UTTERANCE else ()
            (enforced or game).say(ANSWER if turn.task is Task.COMPLETION else _TURN)
        else:
            questions.append(turn)
            game.rule(_late(turn, rules.max_turns))
    return LongestGame(tuple(speeches), tuple(questions))


def _asked(game: Negotiation, guards: Guards) -> Iterator[Question]:
    """All that guards can ask about the turn that is pending."""
    utterance, _ = game.understand(_TURN)
    dialogue = (*game.dialogue, utterance)
    return (Question(QuestionKind.TURN, game.scenario, dialogue, asked=each) for each in guards.asked.values())


def _speech(turn: Turn, before: Sequence[Speech], ruler: Ruler) -> Speech:
    """A conversation grows, until a history window has cut the prompt: then it is rendered anew.

    One that grows holds the thoughts behind what was said, which its messages do not show.
    """
    context, held = ruler.tokens(turn.messages), 0
    last = next((speech for speech in reversed(before) if speech.seat == turn.seat), None)
    if last and not ruler.anew and _goes_on(last.messages, turn.messages):
        context += last.context - ruler.tokens(last.messages) + ruler.thought
        held = last.end
    words = ruler.answer if turn.task is Task.COMPLETION else ruler.turn
    return Speech(turn.seat, turn.task, turn.messages, context, context - held, words + ruler.thought, words)


def _goes_on(before: Sequence[Message], now: Sequence[Message]) -> bool:
    return len(now) > len(before) and now[: len(before)] == before


def _late(question: Question, max_turns: int) -> Verdict:
    agreed = len(question.dialogue) == max_turns
    return Verdict(3.0 if question.kind is QuestionKind.SCORE else float(agreed), "the longest game")
