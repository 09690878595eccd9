"""How roles of verifiers (`verifiers.v1`) speak for seats: one call of the model a turn."""

import asyncio
from collections.abc import Sequence
from typing import Any

from negotiation_env.game.events import Message, Task
from negotiation_env.interfaces import Reply, Request
from negotiation_env.loading.heavy import importing

with importing("negotiation in verifiers", "verifiers"):
    import openai
    import verifiers.v1 as vf
    from verifiers.v1.dialects import parse_message
    from verifiers.v1.dialects.chat import message_to_wire

__all__ = ["NegotiationHarness", "RoleAgent"]


class NegotiationHarness(vf.Harness[vf.HarnessConfig]):
    """One call of the model a turn, made in this process: nothing is installed or started for it."""

    EXECUTES_CODE = NEEDS_CONTAINER = False
    SUPPORTS_RESUME = True

    async def launch(  # noqa: D102 - verifiers' own
        self, ctx: Any, trace: Any, runtime: Any, endpoint: str, secret: str, mcp_urls: Any, data: vf.TaskData
    ) -> vf.ProgramResult:
        messages: Any = [message_to_wire(each) for each in data.prompt]
        async with openai.AsyncOpenAI(base_url=endpoint, api_key=secret, timeout=None) as client:
            await client.chat.completions.create(model=ctx.model, messages=messages)
        return vf.ProgramResult(0, "", "")


class RoleAgent:
    """An agent of this project for one seat of one game, whose words a role of verifiers gives.

    It is asked in the game's thread, and the role answers in the event loop that made this object.

    Args:
        talk: The seat's open conversation.
        writer: Writes the joint answer, in a run of its own; None where the seat itself does.
        task: What the writer's run is of.

    Attributes:
        trace: The conversation's.
    """

    def __init__(self, talk: vf.Interaction, writer: vf.Agent | None, task: vf.Task) -> None:
        self.trace, self.name = talk.trace, talk.trace.agent.config.model
        self._talk = talk
        self._writer, self._task, self._loop = writer, task, asyncio.get_running_loop()
        self._told: tuple[Message, ...] = ()

    def act(self, requests: Sequence[Request]) -> list[Reply]:  # noqa: D102 - as in `Agent`
        return [asyncio.run_coroutine_threadsafe(self._reply(each), self._loop).result() for each in requests]

    async def _reply(self, request: Request) -> Reply:
        if request.task is Task.COMPLETION and self._writer:
            said = await self._writer.run(self._task.with_data(prompt=_typed(request.messages)))
            return _spoken(said, said.assistant_messages)
        segment = await self._talk.turn(_typed(self._news(request.messages)))
        return _spoken(self.trace, [each for each in segment.messages if each.role == "assistant"])

    def _news(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """What a chat says since the seat's last words, which are in the conversation already.

        Raises:
            ValueError: The chat does not go on from what the seat was told before.
        """
        told, self._told = self._told, messages
        if messages[: len(told)] != told:
            raise ValueError("expected a chat that only grows, as a trace of verifiers does; got one that was changed")
        return messages[len(told) + bool(told) :]


def _typed(messages: Sequence[Message]) -> list[Any]:
    return [parse_message({"role": each["role"], "content": each["content"]}) for each in messages]


def _spoken(trace: vf.Trace, messages: Sequence[Any]) -> Reply:
    """What was said last; an error where nothing was: the model failed, or a limit of verifiers was met."""
    if not messages:
        failed = trace.last_error
        return Reply("", error=f"{failed.type}: {failed.message}" if failed else f"stopped: {trace.stop_condition}")
    words = messages[-1]
    return Reply(words.content or "", truncated=trace.is_truncated, thought=words.reasoning_content or "")
