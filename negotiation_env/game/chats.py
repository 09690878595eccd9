"""Chat messages for a seat: text in, text out, in the words of a `negotiation_env.game.prompts.PromptSet`."""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cache, lru_cache

from negotiation_env.game.events import Message, Utterance
from negotiation_env.game.prompts import PromptSet
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.game.turn_grammar import LIKE_A_TAG
from negotiation_env.text.untrusted import neutralise

__all__ = [
    "OWN_CARD",
    "Chat",
    "brief",
    "completion_request",
    "conversation",
    "prompt_texts",
    "single_agent_chat",
    "single_agent_request",
]

_ANY_LENGTH = 1_000_000_000
"""A scenario is shown whole or, by `negotiation_env.game.scenario.require_playable`, not played."""
_FURTHER_LINE = re.compile(rf"\n(?!{LIKE_A_TAG.pattern})", re.MULTILINE)
_QUOTED = "\n> "
_TOLD = ("goal", "red_line", "style")
"""What a persona's card tells, beside its name and values."""
OWN_CARD = (*_TOLD, "values")
"""The placeholders of all that."""
_ANNOUNCES_NOTHING = re.compile(r"^.*:\n(?=\n|\Z)", re.MULTILINE)


def brief(
    prompts: PromptSet, scenario: Scenario, seat: int, *, personas: bool = True, without: Collection[str] = ()
) -> str:
    """The system message of a seat: its own persona in full, who the others are, the dilemma, how to speak.

    Args:
        prompts: The seat's texts.
        scenario: Dilemma and personas.
        seat: Whose brief.
        personas: Show the personas.
        without: Placeholders whose lines are left out, for a reader who has before its eyes what they stand for.
    """
    return _filled(prompts, "brief", scenario, seat, personas, frozenset(without))


def prompt_texts(prompts: PromptSet, scenario: Scenario, seat: int, *, personas: bool = True) -> tuple[str, ...]:
    """What a seat is told beside what others say: its brief, the opening, the reminder."""
    return tuple(filter(None, _told(prompts, scenario, seat, personas, elided=False)))


def completion_request(prompts: PromptSet, scenario: Scenario, seat: int, *, personas: bool = True) -> str:
    """The message that asks a seat for the joint answer and shows it the other personas."""
    return _filled(prompts, "completion", scenario, seat, personas)


def single_agent_chat(
    prompts: PromptSet, scenario: Scenario, seat: int = 0, *, personas: bool = True
) -> tuple[Message, ...]:
    """All that an agent sees that answers alone: the dilemma, all personas, the request for the joint answer.

    An open question, without personas, is shown as it is.
    """
    if not scenario.personas:
        return (_user([_clean(scenario.dilemma)]),)
    return (_user([single_agent_request(prompts, scenario, seat, personas=personas)]),)


def single_agent_request(
    prompts: PromptSet, scenario: Scenario, seat: int, *, personas: bool = True, without: Collection[str] = ()
) -> str:
    """The message that asks a single agent for the joint answer; the arguments are those of `brief`."""
    return _filled(prompts, "single", scenario, seat, personas, frozenset(without))


@lru_cache(maxsize=1024)
def _filled(
    prompts: PromptSet,
    text: str,
    scenario: Scenario,
    seat: int,
    personas: bool,
    without: frozenset[str] = frozenset(),
) -> str:
    said = prompts.fill(*_fields(prompts, text, scenario, seat, personas, without))
    return _ANNOUNCES_NOTHING.sub("", said).strip() if without else said


def _fields(
    prompts: PromptSet, text: str, scenario: Scenario, seat: int, personas: bool, without: frozenset[str]
) -> tuple[str, dict[str, object]]:
    """The full name of a text, and what its placeholders stand for."""
    fields: dict[str, object] = {
        "dilemma": _clean(scenario.dilemma),
        "seat": seat,
        "parties": len(scenario.personas),
    }
    if not personas:
        return f"plain.{text}", fields | dict.fromkeys(without & fields.keys(), "")
    others = [persona for index, persona in enumerate(scenario.personas) if index != seat]
    fields |= _persona_fields(prompts, scenario.personas[seat])
    fields |= {
        "others": ", ".join(map(_shown_name, others)),
        "other_personas": _in_full(prompts, others),
        "all_personas": _in_full(prompts, scenario.personas),
    }
    return f"personas.{text}", fields | dict.fromkeys(without, "")


class Chat:
    """All that one seat is shown; it grows with the dialogue, and only what is new is rendered.

    The seat's own turns are the assistant's, what came between is one user message.

    Args:
        prompts: The seat's texts.
        scenario: Dilemma and personas.
        seat: Whose chat.
        personas: Show the personas, and name the speakers by them, not by their seats.
        elided: Earlier utterances are left out; the chat says so.
    """

    def __init__(
        self, prompts: PromptSet, scenario: Scenario, seat: int, *, personas: bool = True, elided: bool = False
    ) -> None:
        self._scenario, self._seat, self._personas = scenario, seat, personas
        system, opening, self._reminder = _told(prompts, scenario, seat, personas, elided)
        self._messages = [{"role": "system", "content": system}, _user([opening])]
        self._shown, self._only_opened = 0, not elided

    def show(self, dialogue: Sequence[Utterance], request: str = "") -> tuple[Message, ...]:
        """The chat after a dialogue, which goes on from the one that was shown last.

        Args:
            dialogue: Everything said so far.
            request: What is asked of the seat in place of its next turn.

        Returns:
            A system message, then user and assistant in alternation; the reader may change them.
        """
        for utterance in dialogue[self._shown :]:
            self._add(utterance)
        self._shown = len(dialogue)
        shown, asked = tuple(map(dict.copy, self._messages)), request or (self._reminder and self._due_reminder)
        return _with_request(shown, asked) if asked else shown

    @property
    def _due_reminder(self) -> str:
        """What stands below what was said; the opening says itself what to do."""
        return "" if self._only_opened or self._messages[-1]["role"] == "assistant" else self._reminder

    def _add(self, utterance: Utterance) -> None:
        last = self._messages[-1]
        if utterance.seat == self._seat:
            if reminder := self._reminder and self._due_reminder:  # what was shown stays as it was: a chat only grows
                last["content"] += f"\n\n{reminder}"
            self._messages.append({"role": "assistant", "content": utterance.text})
        elif last["role"] == "assistant":
            self._messages.append(_user([_heard(self._scenario, utterance, self._personas)]))
        else:
            heard = _heard(self._scenario, utterance, self._personas)
            last["content"] = heard if self._only_opened else f"{last['content']}\n\n{heard}"
        self._only_opened = False


@lru_cache(maxsize=1024)
def _told(prompts: PromptSet, scenario: Scenario, seat: int, personas: bool, elided: bool) -> tuple[str, str, str]:
    """The system message, what stands in place of what was said, and the reminder."""
    fields = {"seat": seat, "parties": len(scenario.personas)}
    opening, reminder = (prompts.fill(name, fields) for name in ("elided" if elided else "opening", "reminder"))
    return brief(prompts, scenario, seat, personas=personas), opening, reminder


def conversation(
    prompts: PromptSet,
    scenario: Scenario,
    seat: int,
    dialogue: Sequence[Utterance],
    *,
    window: int | None = None,
    completing: bool = False,
    personas: bool = True,
) -> tuple[Message, ...]:
    """All that a seat sees when it is asked to speak.

    Args:
        prompts: The seat's texts.
        scenario: Dilemma and personas.
        seat: Whose turn it is.
        dialogue: Everything said so far.
        window: How many of the last utterances to show; None shows all, 2 is the paper's choice.
        completing: Ask for the joint answer, with the whole dialogue whatever the window.
        personas: Show the personas.

    Returns:
        A system message, then user and assistant in alternation, ending with the user.
    """
    elided = window is not None and not completing and len(dialogue) > window
    shown = dialogue[len(dialogue) - window :] if elided and window is not None else dialogue
    chat = Chat(prompts, scenario, seat, elided=elided, personas=personas)
    return chat.show(shown, completion_request(prompts, scenario, seat, personas=personas) if completing else "")


def _with_request(chat: tuple[Message, ...], request: str) -> tuple[Message, ...]:
    """Append to the last user message, or after the seat's own last turn; roles go on alternating."""
    if chat[-1]["role"] == "user":
        return (*chat[:-1], _user([chat[-1]["content"], request]))
    return (*chat, _user([request]))


def _user(parts: Iterable[str]) -> Message:
    return {"role": "user", "content": "\n\n".join(parts)}


def _heard(scenario: Scenario, utterance: Utterance, personas: bool) -> str:
    """Name the speaker where there could be a doubt, and quote further lines: none of them can pass for a turn.

    The tags of the turn grammar, which nobody could take for a turn, stay on lines of their own.
    """
    if len(scenario.personas) == 2:
        return utterance.text
    name = _shown_name(scenario.personas[utterance.seat]) if personas else f"negotiator_{utterance.seat}"
    return f"{name}: {_FURTHER_LINE.sub(_QUOTED, utterance.text)}"


def _persona_fields(prompts: PromptSet, persona: Persona) -> dict[str, str]:
    given = {"values": ", ".join(persona.values)} | {name: getattr(persona, name) for name in _TOLD}
    shown = {name: _clean(text) if text else prompts.missing for name, text in given.items()}
    return shown | {"name": _shown_name(persona)}


def _in_full(prompts: PromptSet, personas: Iterable[Persona]) -> str:
    shown = (prompts.fill("personas.persona", _persona_fields(prompts, each)) for each in personas)
    return prompts.between.join(shown)


def _shown_name(persona: Persona) -> str:
    """A name on one line."""
    return " ".join(_clean(persona.name).split())


@cache
def _clean(text: str) -> str:
    """Scenario text is data too: it may come out of a user's file or a model."""
    return neutralise(text, _ANY_LENGTH).text
