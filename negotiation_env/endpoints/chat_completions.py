"""The wire format of OpenAI-compatible chat completions: settings and request in, call out; answer in, reply out."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from unicodedata import category

from negotiation_env.endpoints.address import check_base_url
from negotiation_env.endpoints.faults import EndpointFault, PassingFault
from negotiation_env.endpoints.finish_reasons import ended_by, is_passing, is_whole
from negotiation_env.endpoints.log_probabilities import chat_alternatives
from negotiation_env.endpoints.streaming import STREAMED, whole
from negotiation_env.interfaces import ChatRequest, Reply
from negotiation_env.text.secrets import without_secrets
from negotiation_env.text.strict_json import read_json
from negotiation_env.text.thoughts import joined

__all__ = [
    "MOST_TOKENS",
    "OPENAI",
    "Answer",
    "Call",
    "EndpointSettings",
    "chat_completion",
    "read_answer",
    "response_format",
]

OPENAI: Final = "https://api.openai.com/v1"
MOST_TOKENS: Final = 100_000_000
"""The largest count of tokens in one call that is believed; no model reads or writes a hundredth of it."""
_LONGEST_NAME: Final = 200
_THOUGHTS: Final = ("reasoning_content", "reasoning", "reasoning_details")
_WRAPPERS: Final = ("thinking", "reasoning", "text", "summary")
_FILLERS: Final = "\u115f\u1160\u3164\uffa0"
"""Letters by their category, which show nothing."""


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
        attempts: Most tries of one call: 408, 409, 425, 429, 5xx, lost connections, broken and blank replies are tried
            again; refusals, and replies that a filter or the token limit kept from coming, are not.
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
        if not self.model.strip():
            raise ValueError("endpoint: model must be the model's name at the endpoint, got none")
        if not (self.concurrency >= 1 and self.attempts >= 1 and self.timeout > 0 and self.deadline > 0):
            raise ValueError(f"endpoint: concurrency, attempts, timeout and deadline must be above 0; got {self}")
        for price in (self.prompt_price, self.completion_price):
            if price is not None and not 0 <= price < math.inf:
                raise ValueError(f"endpoint: a price is a number of dollars from 0 up; got {price}")
        try:
            json.dumps(dict(self.extra), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"endpoint: extra takes what JSON has; {error}") from error
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
        omitted = sorted({*self.omit} - STREAMED.keys())  # a reply that comes in pieces is no other reply
        left_out = f" without {', '.join(omitted)}" if omitted else ""
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
        read: The reply in an answer's body; raises EndpointFault where there is none, a PassingFault where another try
            may bring one, and nothing else.
        hear: Told the words so far of an answer that comes in pieces.
    """

    path: str
    body: bytes
    max_tokens: int
    read: Callable[[bytes], Reply]
    hear: Callable[[str], None] | None = None


def chat_completion(
    settings: EndpointSettings, request: ChatRequest, hear: Callable[[str], None] | None = None
) -> Call:
    """The call that asks for a chat completion, in pieces where somebody is to `hear` it."""
    hear = None if "stream" in settings.omit else hear
    body = _request_body(settings, request, STREAMED if hear else {})
    return Call("/chat/completions", body, request.sampling.max_tokens, partial(_read_reply, settings), hear)


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The field that asks for a reply by a JSON schema."""
    return {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}


def _request_body(settings: EndpointSettings, request: ChatRequest, added: Mapping[str, Any]) -> bytes:
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
    fields |= {**added, **settings.extra}
    kept = {name: value for name, value in fields.items() if name not in settings.omit}
    # What UTF-8 cannot hold, half a surrogate pair, becomes its JSON escape.
    return json.dumps(kept, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in an answer; numbers that are not finite are left to whoever reads them.

    Raises:
        PassingFault: It is something else, such as an error page or half an object.
    """
    try:
        found = read_json(raw, non_finite=True)
    except ValueError as error:
        raise PassingFault(f"the reply is no JSON ({error}): {_quoted(raw)}") from error
    if not isinstance(found, dict):
        raise PassingFault(f"the reply is no JSON object: {_quoted(raw)}")
    return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What the answers of all wire formats share.

    Attributes:
        choice: The first choice.
        truncated: It was not generated to its end.
        ended: What the endpoint says that ended it, such as "content_filter"; "" for the model and the token limit.
        usage: Token counts and cost, where known.
        model: The model and revision as the endpoint names them.
        raw: The answer's body.
    """

    choice: Mapping[str, Any]
    truncated: bool
    ended: str
    usage: Mapping[str, Any]
    model: str
    raw: bytes

    def lacks(self, what: str) -> PassingFault:
        """The fault of an answer in which something is missing."""
        return PassingFault(f"the reply holds no {what}: {_quoted(self.raw)}", usage=self.usage)

    def broken_off(self) -> EndpointFault:
        """The fault of an answer that the endpoint ended, where half a reply is of no use."""
        kind = PassingFault if is_passing(self.ended) else EndpointFault
        return kind(f"the reply is not whole, the endpoint ended it for {self.ended!r}", usage=self.usage)


def read_answer(settings: EndpointSettings, raw: bytes) -> Answer:
    """Read an answer's body up to its choice.

    Raises:
        PassingFault: There is no choice.
    """
    found = _json_object(raw)
    usage = _usage(settings, found.get("usage"))
    choices = found.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise PassingFault(f"the reply holds no choice: {_quoted(raw)}", usage=usage)
    reason = choice.get("finish_reason")
    return Answer(choice, not is_whole(reason), ended_by(reason), usage, _model_name(found), raw)


def _read_reply(settings: EndpointSettings, raw: bytes) -> Reply:
    answer = read_answer(settings, whole(raw))
    message = answer.choice.get("message")
    if not isinstance(message, dict):
        raise answer.lacks("message")
    if refusal := _refusal(message):
        raise EndpointFault(f"the model refuses: {refusal!r}", usage=answer.usage)
    text, thought = _text(message.get("content")), _thought(message)
    if not _shows(text):
        if answer.ended or not _shows(thought):
            raise _no_text(answer)
        text = ""  # it thought, and said nothing
    alternatives = chat_alternatives(answer.choice.get("logprobs"), text)
    usage = {**answer.usage, "ended": answer.ended} if answer.ended else answer.usage
    return Reply(text, None, answer.truncated, None, usage, answer.model, alternatives, thought)


def _shows(text: str) -> bool:
    return any(category(character)[0] in "LNPS" and character not in _FILLERS for character in text)


def _no_text(answer: Answer) -> EndpointFault:
    if answer.ended:
        return answer.broken_off()
    if answer.truncated:  # as it would again
        return EndpointFault("the token limit was used up before any text; raise it", usage=answer.usage)
    return answer.lacks("text")


def _text(content: Any) -> str:
    """The words of a message; of one in parts the text, without thoughts and the like."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in _parts(content, ("text", "output_text")))
    return content if isinstance(content, str) else ""


def _thought(message: Mapping[str, Any]) -> str:
    """What the endpoint took off the words as thought: a field of its own, or parts of the content.

    DeepSeek, SGLang and llama.cpp name it `reasoning_content`, vLLM (which had that name before), OpenRouter and Groq
    `reasoning`; of two names for one text the first counts. Mistral sends parts of type "thinking".
    """
    content = message.get("content")
    parts = _parts(content, ("thinking", "reasoning")) if isinstance(content, list) else []
    fields = (_told(message.get(name)) for name in _THOUGHTS)
    return joined(*map(_told, parts)) or next(filter(None, fields), "")


def _told(value: Any, depth: int = 3) -> str:
    """The text of a thought, however an endpoint wraps it; none is nested as deep as `depth`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and depth:
        return "".join(_told(part, depth - 1) for part in value)
    if isinstance(value, dict) and depth:
        return next(filter(None, (_told(value.get(name), depth - 1) for name in _WRAPPERS)), "")
    return ""


def _parts(content: Iterable[Any], kinds: Sequence[str]) -> list[dict[str, Any]]:
    return [part for part in content if isinstance(part, dict) and part.get("type") in kinds]


def _refusal(message: Mapping[str, Any]) -> str:
    """What the model says where it refuses; empty where it does not."""
    content = message.get("content")
    parts = [message, *(content if isinstance(content, list) else ())]
    told = [part.get("refusal") for part in parts if isinstance(part, Mapping)]
    return " ".join(str(each) for each in told if each).strip()


def _usage(settings: EndpointSettings, told: Any) -> dict[str, Any]:
    names = ("prompt_tokens", "completion_tokens")
    found = {name: _count(told.get(name)) for name in names} if isinstance(told, dict) else {}
    counts = {name: count for name, count in found.items() if count is not None}
    dollars = settings.cost(counts.get("prompt_tokens", 0), counts.get("completion_tokens", 0))
    return counts if dollars is None or not counts else {**counts, "cost": dollars}


def _count(told: Any) -> int | None:
    """A count of tokens, from 0 to `MOST_TOKENS`, told as a number or in digits; None for all that is none."""
    if isinstance(told, str) and re.fullmatch(r"[0-9]{1,20}(\.0*)?", told):
        told = float(told)
    whole = type(told) in (int, float) and 0 <= told <= MOST_TOKENS and told == int(told)
    return int(told) if whole else None


def _model_name(answer: Mapping[str, Any]) -> str:
    """Model and revision, without what a file or a terminal cannot hold."""
    told = [answer.get(name) for name in ("model", "system_fingerprint")]
    names = ["".join(filter(str.isprintable, each))[:_LONGEST_NAME] for each in told if isinstance(each, str)]
    return " ".join(filter(None, names))


def _quoted(raw: bytes) -> str:
    return repr(raw[:200].decode("utf-8", "replace"))
