"""The wire format of OpenAI-compatible chat completions: settings and request in, call out; answer in, reply out."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from negotiation_env.address import check_base_url, without_secrets
from negotiation_env.faults import PassingFault
from negotiation_env.interfaces import Alternatives, ChatRequest, Reply

__all__ = ["OPENAI", "Call", "EndpointSettings", "chat_completion", "json_object", "response_format"]

OPENAI: Final = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """One model at one endpoint, and what may be asked of it.

    Attributes:
        model: The model's name at the endpoint.
        base_url: The endpoint, such as http://127.0.0.1:8000/v1; what follows a `?` goes behind each request's path. A
            user name and password in it (http://USER:PASSWORD@HOST) go out in the key's place. They and what the query
            calls key, token, secret, signature, password or the like are never recorded.
        api_key_env: The environment variable that holds the key, which is never recorded; "" is no key.
        concurrency: Most requests under way at a time.
        requests_per_minute: Most requests a minute; None is no limit.
        tokens_per_minute: Most tokens a minute, prompt and reply together; None is no limit.
        timeout: Seconds for one try.
        deadline: Seconds for one call with all its tries and waits.
        batch_deadline: Seconds for all calls that are asked for together; None is no limit.
        attempts: Most tries of one call: 408, 409, 425, 429, 5xx, lost connections and broken replies are tried again.
        prompt_price: Dollars for a million prompt tokens; None is unknown.
        completion_price: Dollars for a million completion tokens; None is unknown.
        extra: Fields to add to each request body, such as `reasoning_effort`.
        omit: Fields to leave out of it, such as `temperature` for models that refuse it.
    """

    model: str
    base_url: str = field(default=OPENAI, repr=False)
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout: float = 60.0
    deadline: float = 300.0
    batch_deadline: float | None = None
    attempts: int = 6
    prompt_price: float | None = None
    completion_price: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    omit: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.attempts < 1 or self.timeout <= 0 or self.deadline <= 0:
            raise ValueError(f"endpoint: concurrency, attempts, timeout and deadline must be above 0; got {self}")
        limits = (self.requests_per_minute, self.tokens_per_minute, self.batch_deadline)
        if not all(limit is None or limit > 0 for limit in limits):
            raise ValueError(f"endpoint: limits a minute and batch_deadline must be above 0, or absent; got {self}")
        if self.api_key_env and not self.api_key_env.isidentifier():  # which is not repeated: it may be the key itself
            raise ValueError("api_key_env: expected the name of an environment variable, such as OPENAI_API_KEY")
        check_base_url(self.base_url)

    @property
    def name(self) -> str:
        """Model, endpoint and changed fields, as in records: all that can change a reply but the request."""
        elsewhere = "" if self.base_url.rstrip("/") == OPENAI else f"@{without_secrets(self.base_url)}"
        added = f" with {json.dumps(dict(self.extra), sort_keys=True)}" if self.extra else ""
        left_out = f" without {', '.join(sorted(self.omit))}" if self.omit else ""
        return f"openai:{self.model}{elsewhere}{added}{left_out}"

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Dollars for so many tokens; None where a price is unknown."""
        if self.prompt_price is None or self.completion_price is None:
            return None
        return (prompt_tokens * self.prompt_price + completion_tokens * self.completion_price) / 1e6


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an endpoint, in whatever wire format.

    Attributes:
        path: Where it goes, below the base URL.
        body: The JSON body.
        max_tokens: Upper limit of new tokens that it asks for.
        read: The reply in an answer's body; raises PassingFault where there is none.
    """

    path: str
    body: bytes
    max_tokens: int
    read: Callable[[bytes], Reply]


def chat_completion(settings: EndpointSettings, request: ChatRequest) -> Call:
    """The call that asks for a chat completion."""
    body = _request_body(settings, request)
    return Call("/chat/completions", body, request.sampling.max_tokens, partial(_read_reply, settings))


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The field that asks for a reply by a JSON schema."""
    return {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}


def _request_body(settings: EndpointSettings, request: ChatRequest) -> bytes:
    sampling = request.sampling
    fields: dict[str, Any] = {
        "model": settings.model,
        "messages": list(request.messages),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": request.seed & 0x7FFFFFFF,  # endpoints differ in how wide a seed they take
    }
    if request.schema is not None:
        fields["response_format"] = response_format(request.schema)
    if request.alternatives:
        fields |= {"logprobs": True, "top_logprobs": request.alternatives}
    fields |= settings.extra
    kept = {name: value for name, value in fields.items() if name not in settings.omit}
    return json.dumps(kept, ensure_ascii=False).encode()


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in an answer.

    Raises:
        PassingFault: It is something else, such as an error page or half an object.
    """
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise PassingFault(f"the reply is no JSON: {raw[:200].decode('utf-8', 'replace')!r}") from error
    if not isinstance(found, dict):
        raise PassingFault(f"the reply is no JSON object: {str(found)[:200]!r}")
    return found


def _read_reply(settings: EndpointSettings, raw: bytes) -> Reply:
    answer = json_object(raw)
    try:
        choice = answer["choices"][0]
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        choice, text = {}, None
    if not isinstance(text, str):
        raise PassingFault(f"the reply holds no text: {json.dumps(answer)[:200]}")
    counts = _counts(answer.get("usage"))
    revision = [str(answer[name]) for name in ("model", "system_fingerprint") if answer.get(name)]
    cut = choice.get("finish_reason") == "length"
    usage = {**counts, **_cost(settings, counts)}
    return Reply(text, truncated=cut, usage=usage, model=" ".join(revision), alternatives=_alternatives(choice))


def _counts(usage: Any) -> dict[str, int]:
    if not isinstance(usage, dict):
        return {}
    names = ("prompt_tokens", "completion_tokens")
    return {name: usage[name] for name in names if isinstance(usage.get(name), int)}


def _alternatives(choice: Mapping[str, Any]) -> tuple[Alternatives, ...]:
    """The token log-probabilities of a choice; empty where the endpoint gives none, or not in this form."""
    try:
        return tuple(
            Alternatives(place["token"], {each["token"]: float(each["logprob"]) for each in place["top_logprobs"]})
            for place in choice["logprobs"]["content"]
        )
    except (KeyError, TypeError, ValueError):
        return ()


def _cost(settings: EndpointSettings, counts: Mapping[str, int]) -> dict[str, float]:
    dollars = settings.cost(counts.get("prompt_tokens", 0), counts.get("completion_tokens", 0))
    return {} if dollars is None or not counts else {"cost": dollars}
