"""A model of Inspect as a chat model of this project: it may speak in any seat, and judge."""

from collections.abc import Sequence
from typing import Any

from negotiation_env.errors import why
from negotiation_env.interfaces import ChatRequest, Reply
from negotiation_env.loading.heavy import importing

with importing("a model of Inspect", extra="inspect"):
    from anyio import from_thread
    from inspect_ai.model import (
        ChatMessageAssistant,
        ChatMessageSystem,
        ChatMessageUser,
        GenerateConfig,
        Model,
        ModelOutput,
        ResponseSchema,
    )
    from inspect_ai.util import JSONSchema, span

__all__ = ["InspectModel"]

_ROLES = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
_WHOLE = ("stop", "unknown")


class InspectModel:
    """A chat model whose calls Inspect makes, counts and shows; used from a thread that Inspect's event loop started.

    Args:
        model: Inspect's; it tries again what may be tried again.
        part: What it plays, such as "opponent", which names its calls in the transcript.
    """

    def __init__(self, model: Model, part: str) -> None:
        self.name = str(model)
        self._model, self._part = model, part

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """One after the other: Inspect plays many games at a time. A call that fails is a reply with an error."""
        replies: list[Reply] = from_thread.run(self._replies, requests)
        return replies

    async def _replies(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        async with span(self._part):
            return [await self._reply(request) for request in requests]

    async def _reply(self, request: ChatRequest) -> Reply:
        chat = [_ROLES[message["role"]](content=message["content"]) for message in request.messages]
        try:
            return _read(await self._model.generate(chat, config=_config(request)))
        except Exception as error:  # a provider's own, or one of Inspect's limits
            return Reply("", error=f"{self.name} {why(error)}")


def _config(request: ChatRequest) -> GenerateConfig:
    """How to draw; log-probabilities are not asked for, for many providers refuse the request then."""
    sampling, schema = request.sampling, request.schema
    form = None if schema is None else ResponseSchema(name="reply", json_schema=JSONSchema.model_validate(schema))
    return GenerateConfig(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=request.seed & 0x7FFFFFFF,
        response_schema=form,
    )


def _read(output: ModelOutput) -> Reply:
    if output.empty:
        return Reply("", error=f"{output.model} gave no reply: {output.error or 'no choice came'}")
    parts = [] if isinstance(output.message.content, str) else output.message.content
    thought = "\n".join(part.reasoning for part in parts if part.type == "reasoning")
    cut = output.stop_reason not in _WHOLE
    usage: dict[str, Any] = {} if output.time is None else {"seconds": round(output.time, 3)}
    if output.usage:
        usage |= {"prompt_tokens": output.usage.input_tokens, "completion_tokens": output.usage.output_tokens}
    return Reply(output.completion, truncated=cut, usage=usage, model=output.model, thought=thought)
