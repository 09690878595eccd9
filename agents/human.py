"""A person at the terminal."""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from io import TextIOWrapper, UnsupportedOperation

from negotiation_env.console.terminal import console, say
from negotiation_env.game.chats import brief, completion_request, single_agent_request
from negotiation_env.game.events import Task
from negotiation_env.game.protocol import Negotiation
from negotiation_env.interfaces import Reply, Request

__all__ = ["HumanAgent", "unseen_pages"]

_GONE = "nobody is at the keyboard: standard input has ended"


class HumanAgent:
    """Shows what a seat sees and reads what the person answers; an empty line after words, or Ctrl-D, ends a turn.

    Where input has ended before a turn's first word, nobody is there: that game ends unscored.

    Args:
        pages: What a turn shows, each text with its title; by default all that is new in the chat.
    """

    name = "human"

    def __init__(self, pages: Callable[[Request], Iterable[tuple[str, str]]] | None = None) -> None:
        self._pages = pages or _pages
        if isinstance(sys.stdin, TextIOWrapper):
            with suppress(UnsupportedOperation):  # somebody has read from it already
                sys.stdin.reconfigure(errors="replace")  # a byte of another encoding is a wrong letter, no more

    def act(self, requests: Sequence[Request]) -> list[Reply]:
        """Ask for each game in turn."""
        return [self._ask(request) for request in requests]

    def _ask(self, request: Request) -> Reply:
        from rich.panel import Panel
        from rich.text import Text

        out = console()
        for title, text in self._pages(request):
            out.print(Panel(Text(text), title=title, title_align="left"))
        wanted = "your joint answer" if request.task is Task.COMPLETION else "your turn"
        out.print(Text.assemble((wanted, "bold"), ": write as many lines as you like; an empty line ends it"))
        return _read_reply()


def _pages(request: Request) -> Iterator[tuple[str, str]]:
    """What is new to the person, each with its title: first who they are and what it is about, then what was said."""
    first, last = request.messages[0], request.messages[-1]
    silent = not any(message["role"] == "assistant" for message in request.messages)
    if first["role"] == "system" and silent:
        yield "who you are, and what it is about", first["content"]
    opens = silent and request.seat == 0
    yield "what is asked of you" if opens or request.task is Task.COMPLETION else "what you hear", last["content"]


def unseen_pages(game: Negotiation, request: Request, shown: Collection[str]) -> Iterator[tuple[str, str]]:
    """What is new to a person who follows the game on the screen, each text with its title.

    Args:
        game: Which waits for this person.
        request: What the person is asked.
        shown: The placeholders of a prompt set whose texts are on the screen.
    """
    seat, scenario, last = request.seat, game.scenario, request.messages[-1]["content"]
    prompts, personas = game.prompts[seat], game.rules.personas
    if game.rules.single:
        if scenario.personas:
            asked = single_agent_request(prompts, scenario, seat, personas=personas, without=shown)
            yield "what is asked of you", asked
        return
    silent = not any(message["role"] == "assistant" for message in request.messages)
    if silent:
        yield "how it goes", brief(prompts, scenario, seat, personas=personas, without=shown)
    completing = request.task is Task.COMPLETION
    if alone := last.removesuffix(game.view(seat, completing=completing)[-1]["content"]).strip():
        yield "to you alone", alone
    if completing:
        yield "what is asked of you", completion_request(prompts, scenario, seat, personas=personas)
    elif silent and not game.turns:
        yield "what is asked of you", last


def _read_reply() -> Reply:
    lines: list[str] = []
    try:
        while not (line := _read_line()):  # an empty line before any word is a slip of the hand
            pass
        while line:
            lines.append(line)
            line = _read_line()
    except (EOFError, OSError, RuntimeError, ValueError):  # it has ended, cannot be read, was never there, is closed
        if not lines:
            return Reply("", error=_GONE)
    return Reply("\n".join(lines))


def _read_line() -> str:
    say("> ", end="")  # not `input`'s own prompt, which fails where standard output does
    return input()
