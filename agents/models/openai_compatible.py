"""Any OpenAI-compatible chat endpoint as a `ChatModel`: a vendor's, vLLM's, llama.cpp's."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from negotiation_env.errors import UserError
from negotiation_env.interfaces import ChatRequest, Reply

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion

__all__ = ["OpenAIModel"]


class OpenAIModel:
    """Chat completions over HTTP. The key is read from `OPENAI_API_KEY` and never recorded.

    Args:
        model: The model's name at the endpoint.
        base_url: The endpoint, such as http://127.0.0.1:8000/v1; None is OpenAI's.
        concurrency: Most requests at a time.
        retries: How often the client tries again after 408, 409, 429, 5xx or a lost connection; it honours Retry-After.
        timeout: Seconds for one try.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        *,
        concurrency: int = 16,
        retries: int = 4,
        timeout: float = 120.0,
    ) -> None:
        self.name = f"openai:{model}" + (f"@{base_url}" if base_url else "")
        self._model = model
        self._concurrency = concurrency
        self._client = _client(base_url, retries, timeout)

    def check(self) -> None:
        """Ask the endpoint for its models, to find out early that nobody answers there.

        Raises:
            UserError: There is no answer, or the key is refused.
        """
        import openai

        try:
            self._client.with_options(max_retries=0, timeout=10.0).models.list()
        except openai.APIConnectionError as error:
            raise UserError(f"nobody answers at {self._client.base_url}: {error}; is the server up?") from error
        except openai.AuthenticationError as error:
            raise UserError(f"{self._client.base_url} refuses the key; set OPENAI_API_KEY") from error
        except openai.APIStatusError:
            return  # answers, but lists no models; many gateways do not

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Send all requests, `concurrency` at a time; one that fails for good gets a reply with its error."""
        with ThreadPoolExecutor(self._concurrency) as pool:
            return list(pool.map(self._one, requests))

    def _one(self, request: ChatRequest) -> Reply:
        import openai

        start = time.perf_counter()
        try:
            answer = self._client.chat.completions.create(**self._arguments(request))
        except (openai.OpenAIError, ValueError) as error:  # ValueError: a 200 with something else than JSON
            return Reply("", error=f"{self.name}: {type(error).__name__}: {error}")
        return self._read(answer, time.perf_counter() - start)

    def _arguments(self, request: ChatRequest) -> dict[str, Any]:
        return {
            "model": self._model,
            "messages": list(request.messages),
            "temperature": request.sampling.temperature,
            "top_p": request.sampling.top_p,
            "max_tokens": request.sampling.max_tokens,
            "seed": request.seed & 0x7FFFFFFF,  # endpoints differ in how wide a seed they take
        }

    def _read(self, answer: "ChatCompletion", seconds: float) -> Reply:
        usage: dict[str, Any] = {"seconds": round(seconds, 3)}
        if answer.usage:
            usage |= answer.usage.model_dump(include={"prompt_tokens", "completion_tokens"})
        if not answer.choices or answer.choices[0].message.content is None:
            return Reply("", error=f"{self.name}: the reply holds no text", usage=usage)
        choice = answer.choices[0]
        return Reply(choice.message.content or "", truncated=choice.finish_reason == "length", usage=usage)


def _client(base_url: str | None, retries: int, timeout: float) -> "OpenAI":
    import os

    from openai import OpenAI, OpenAIError

    # A server of one's own wants no key, but the client insists on some.
    key = os.environ.get("OPENAI_API_KEY") or ("none" if base_url else None)
    try:
        return OpenAI(api_key=key, base_url=base_url, max_retries=retries, timeout=timeout)
    except OpenAIError as error:
        raise UserError("an openai: model without @BASE_URL needs the environment variable OPENAI_API_KEY") from error
