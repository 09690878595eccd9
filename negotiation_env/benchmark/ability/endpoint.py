"""An endpoint as lm-eval takes a model: lm-eval's requests, sent and read as all other calls of the project."""

import json
from collections.abc import Sequence
from typing import Any

from lm_eval.models.openai_completions import LocalChatCompletion

from negotiation_env.endpoints.chat_completions import Call, chat_completion
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.errors import ModelError
from negotiation_env.interfaces import ChatRequest

__all__ = ["EndpointLM"]

_NO_WORDS = "the reply is nothing but thoughts; allow more tokens, or less thinking"


class EndpointLM(LocalChatCompletion):  # type: ignore[misc]
    """Answers in words only: chat completions give no likelihood of a choice.

    Args:
        endpoint: Answers.
        seed: Sent with each request.
    """

    def __init__(self, endpoint: Endpoint, seed: int) -> None:
        super().__init__(model=endpoint.settings.model, seed=seed)
        self._endpoint = endpoint

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """The answers, in order.

        Raises:
            ModelError: There is none to one of the requests, or only thoughts: the token limit came before the words.
        """
        replies = [reply.spoken for reply in self._endpoint.send([self._call(*request.args) for request in requests])]
        if failed := [
            reply.error or _NO_WORDS for reply in replies if reply.error or (reply.thought and not reply.text)
        ]:
            raise ModelError(f"{len(failed)} of {len(replies)} requests failed: {failed[0]}")
        return [reply.text for reply in replies]

    def _call(self, chat: Any, wanted: dict[str, Any]) -> Call:
        messages = self.create_message([chat])
        fields = self._create_payload(messages, generate=True, gen_kwargs={**wanted}, seed=self._seed)
        read = chat_completion(self._endpoint.settings, ChatRequest(())).read
        return Call("/chat/completions", json.dumps(fields).encode(), fields["max_tokens"], read)
