"""Chat messages for a seat: text in, text out.

The templates are versioned files in `templates/`; `VERSION` names the set and is written into every episode. Those
with `_plain` in their names show no personas: `personas=False`, the ablation.
They are filled in one pass, so that a `$` in a persona or an utterance stays a `$`.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from string import Template

from negotiation_env.game.events import Message, Utterance
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.game.turn_grammar import LIKE_A_TAG
from negotiation_env.text.untrusted import neutralise

__all__ = ["VERSION", "Chat", "brief", "completion_request", "conversation", "single_agent_chat"]

VERSION = "v1"
_ANY_LENGTH = 1_000_000_000
"""A scenario is shown whole or, by `negotiation_env.game.scenario.require_playable`, not played."""
_FURTHER_LINE = re.compile(rf"\n(?!{LIKE_A_TAG.pattern})", re.MULTILINE)
_QUOTED = "\n> "


@cache
def _template(name: str, personas: bool = True) -> Template:
    variant = name if personas else f"{name}_plain"
    return Template(
        files(__package__).joinpath("templates", f"{variant}.{VERSION}.txt").read_text(encoding="utf-8").strip()
    )


@lru_cache(maxsize=1024)
def brief(scenario: Scenario, seat: int, *, personas: bool = True) -> str:
    """The system message of a seat: its own persona in full, who the others are, the dilemma, the turn grammar."""
    return _template("brief", personas).substitute(
        _persona_fields(scenario.personas[seat]),
        others=", ".join(map(_shown_name, _others(scenario, seat))),
        dilemma=_clean(scenario.dilemma),
        seat=seat,
        parties=len(scenario.personas),
    )


def completion_request(scenario: Scenario, seat: int, *, personas: bool = True) -> str:
    """The message that asks a seat for the joint answer and shows it the other personas."""
    return _template("completion", personas).substitute(others=_in_full(_others(scenario, seat)))


def single_agent_chat(scenario: Scenario, *, personas: bool = True) -> tuple[Message, ...]:
    """All that an agent sees that answers alone: the dilemma, all personas, the request for the joint answer.

    An open question, without personas, is shown as it is.
    """
    if not scenario.personas:
        return (_user([_clean(scenario.dilemma)]),)
    request = _template("single", personas).substitute(
        dilemma=_clean(scenario.dilemma), parties=_in_full(scenario.personas)
    )
    return (_user([request]),)


class Chat:
    """All that one seat is shown; it grows with the dialogue, and only what is new is rendered.

    The seat's own turns are the assistant's, what came between is one user message.

    Args:
        scenario: Dilemma and personas.
        seat: Whose chat.
        personas: Show the personas, and name the speakers by them, not by their seats.
        elided: Earlier utterances are left out; the chat says so.
    """

    def __init__(self, scenario: Scenario, seat: int, *, personas: bool = True, elided: bool = False) -> None:
        self._scenario, self._seat, self._personas = scenario, seat, personas
        opening = _template("elided" if elided else "begin").template
        self._messages = [{"role": "system", "content": brief(scenario, seat, personas=personas)}, _user([opening])]
        self._shown, self._only_opened = 0, not elided

    def show(self, dialogue: Sequence[Utterance]) -> tuple[Message, ...]:
        """The chat after a dialogue, which goes on from the one that was shown last.

        Returns:
            A system message, then user and assistant in alternation; the reader may change them.
        """
        for utterance in dialogue[self._shown :]:
            self._add(utterance)
        self._shown = len(dialogue)
        return tuple(map(dict.copy, self._messages))

    def _add(self, utterance: Utterance) -> None:
        last = self._messages[-1]
        if utterance.seat == self._seat:
            self._messages.append({"role": "assistant", "content": utterance.text})
        elif last["role"] == "assistant":
            self._messages.append(_user([_heard(self._scenario, utterance, self._personas)]))
        else:
            heard = _heard(self._scenario, utterance, self._personas)
            last["content"] = heard if self._only_opened else f"{last['content']}\n\n{heard}"
        self._only_opened = False


def conversation(
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
    chat = Chat(scenario, seat, elided=elided, personas=personas).show(shown)
    return _with_request(chat, completion_request(scenario, seat, personas=personas)) if completing else chat


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


def _others(scenario: Scenario, seat: int) -> list[Persona]:
    return [persona for index, persona in enumerate(scenario.personas) if index != seat]


def _persona_fields(persona: Persona) -> dict[str, str]:
    fields = {name: _clean(getattr(persona, name) or "-") for name in ("goal", "red_line", "style")}
    return fields | {"name": _shown_name(persona), "values": _clean(", ".join(persona.values) or "-")}


def _in_full(personas: Iterable[Persona]) -> str:
    shown = "{name}. {goal} Values: {values}. Red line: {red_line}"
    return "; ".join(shown.format(**_persona_fields(persona)) for persona in personas)


def _shown_name(persona: Persona) -> str:
    """A name on one line."""
    return " ".join(_clean(persona.name).split())


@cache
def _clean(text: str) -> str:
    """Scenario text is data too: it may come out of a user's file or a model."""
    return neutralise(text, _ANY_LENGTH).text
