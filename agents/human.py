"""A person at the terminal."""

from collections.abc import Sequence

from negotiation_env.events import Task
from negotiation_env.interfaces import Reply, Request

__all__ = ["HumanAgent"]


class HumanAgent:
    """Shows what a seat sees and reads what the person answers; an empty line or Ctrl-D ends a turn."""

    name = "human"

    def act(self, requests: Sequence[Request]) -> list[Reply]:
        """Ask for each game in turn."""
        return [Reply(self._ask(request)) for request in requests]

    def _ask(self, request: Request) -> str:
        from rich.console import Console
        from rich.panel import Panel
        from rich.text import Text

        console = Console()
        first = not any(message["role"] == "assistant" for message in request.messages)
        for message in request.messages if first else request.messages[-1:]:
            title = "your brief" if message["role"] == "system" else "you hear"
            console.print(Panel(Text(message["content"]), title=title))
        wanted = "your joint answer" if request.task is Task.COMPLETION else "your turn"
        console.print(f"[bold]{wanted}[/bold] (an empty line ends it)")
        return _read_lines()


def _read_lines() -> str:
    lines: list[str] = []
    try:
        while line := input("> "):
            lines.append(line)
    except EOFError:
        pass
    return "\n".join(lines)
