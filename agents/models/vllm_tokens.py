"""A model or adapter of a vLLM server as a `ChatModel`: token ids go in and come out.

It uses vLLM's own fields of `/v1/completions` (`return_token_ids`). Start the server with `--logprobs-mode
processed_logprobs`, or the log-probabilities are not those of the distribution that was sampled from.

A thought has calls of its own: one stops where it begins (none, where the template begins it), one where it ends or its
budget is spent, the next one says the words. So it needs nothing of a server that vLLM's own budget would, such as a
reasoning parser, and what is fed is told from what is sampled.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from negotiation_env.agents.models.chat_tokens import ChatTokens
from negotiation_env.agents.models.conversations import Conversations, Draft
from negotiation_env.endpoints.chat_completions import Call, read_answer, response_format
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.endpoints.log_probabilities import completion_alternatives, log_probability
from negotiation_env.interfaces import ChatRequest, Reply

__all__ = ["CALLS", "VllmTokens", "sampling_fields"]

CALLS: Final = 3
"""Most calls for a reply: to the thought, through it, and behind it."""


class VllmTokens:
    """One of the models that a vLLM server serves; each reply carries its token trace.

    Args:
        endpoint: The server.
        tokenizer: The model's, with a chat template.
        model: The name under which the server serves it.
        name: The name in records.
        max_thought_tokens: As for `InProcessModel`.
        ends: As for `ChatTokens`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        tokenizer: Any,
        model: str,
        name: str,
        max_thought_tokens: int = 0,
        ends: Iterable[int] = (),
    ) -> None:
        self.name = name
        self.tokens = ChatTokens(tokenizer, thinking=max_thought_tokens > 0, ends=ends)
        self._endpoint = endpoint
        self._model = model
        self._conversations = Conversations(self.tokens, max_thought_tokens)

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Sample a reply to each chat; one that fails for good gets a reply with its error."""
        drafts = [self._conversations.draft(request) for request in requests]
        replies = self._endpoint.send([self._call(draft) for draft in drafts])
        for _ in range(CALLS - 1):
            going = [n for n, reply in enumerate(replies) if not reply.error and drafts[n].another_call]
            more = self._endpoint.send([self._call(drafts[n]) for n in going]) if going else []
            for place, reply in zip(going, more, strict=True):
                replies[place] = replace(reply, usage=_both(replies[place].usage, reply.usage))
        for draft, reply in zip(drafts, replies, strict=True):
            if reply.error:
                self._conversations.drop(draft)
        return replies

    def _call(self, draft: Draft) -> Call:
        request = draft.request
        fields = {"model": self._model, "prompt": draft.conversation.ids, "return_token_ids": True}
        fields |= sampling_fields(draft)
        if request.schema is not None:
            fields["response_format"] = response_format(request.schema)
        body = json.dumps(fields).encode()
        return Call("/completions", body, draft.room, partial(self._read, draft))

    def _read(self, draft: Draft, raw: bytes) -> Reply:
        answer = read_answer(self._endpoint.settings, raw)
        if answer.ended:
            raise answer.broken_off()
        sampled, told = self._ids(answer.choice.get("token_ids")), answer.choice.get("logprobs")
        if not sampled:
            raise answer.lacks("token ids; is this vLLM?")
        logprobs = _logprobs(told)
        if len(logprobs) != len(sampled):
            raise answer.lacks("log-probability for each token")
        draft.take(sampled, logprobs)
        reply = self._conversations.reply(draft)
        wanted = draft.request.alternatives and not draft.marks  # of several calls they would be told in pieces
        alternatives = completion_alternatives(told, reply.text) if wanted else ()
        return replace(reply, model=answer.model, alternatives=alternatives)

    def _ids(self, told: Any) -> list[int]:
        """The sampled ids; empty where there are none, or not the tokenizer's."""
        size = len(self.tokens.tokenizer)
        known = isinstance(told, list) and all(type(each) is int and 0 <= each < size for each in told)
        return told if known else []


def _logprobs(told: Any) -> list[float]:
    """The log-probabilities of the sampled tokens, without those that are none."""
    found = told.get("token_logprobs") if isinstance(told, dict) else None
    values = map(log_probability, found if isinstance(found, list) else ())
    return [value for value in values if value is not None]


def _both(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The usage of a reply of several calls: the last one counts its tokens, each has seconds and tries of its own."""
    return {**after, **{name: before[name] + after[name] for name in ("seconds", "tries") if name in before}}


def sampling_fields(draft: Draft) -> dict[str, Any]:
    """How vLLM shall sample, in the names that its server and its `SamplingParams` share.

    Whatever the model's `generation_config.json` would change is set: the distribution is the model's own but for
    temperature and top-p. The ids that end a reply are named too, for only then is the last one among its tokens. What
    a draft has sampled already moves the seed: a second call shall not draw from the first one's noise.
    """
    request = draft.request
    return {
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "max_tokens": draft.room,
        "seed": (request.seed + len(draft.sampled)) & 0x7FFFFFFF,
        "logprobs": request.alternatives,
        "stop_token_ids": draft.stops,
        "ignore_eos": True,
    }
