"""All model traffic on file: record it once, replay it without network, key or weights.

Requests are known by their content: the model's name, the messages, how the reply is drawn. So a replay needs the same
settings and code paths, and says so where a request was never recorded.
"""

import hashlib
import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from negotiation_env.errors import UserError
from negotiation_env.interfaces import Alternatives, ChatModel, ChatRequest, Reply
from negotiation_env.strict_json import has_surrogates, read_json
from negotiation_env.text import writable_text

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["Live", "Recorder", "Replayer", "Traffic", "read_reply", "request_key", "sound", "writable", "write_reply"]


class Traffic(Protocol):
    """Where the models of a run come from."""

    def model(self, name: str, make: Callable[[], ChatModel]) -> ChatModel:
        """The model of that name; `make` makes the real one, if it is needed."""


class Live:
    """Real models, nothing recorded."""

    def model(self, name: str, make: Callable[[], ChatModel]) -> ChatModel:
        """The real model."""
        return make()


class Recorder:
    """Real models; every request and reply is appended to a file, one JSON object a line.

    Args:
        path: The file; must not exist yet.

    Raises:
        UserError: It exists.
    """

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise UserError(f"{path} exists; record into another file, or remove it")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._path = path
        self._lock = threading.Lock()

    def model(self, name: str, make: Callable[[], ChatModel]) -> ChatModel:
        """The real model, overheard."""
        return _Recorded(name, make(), self)

    def write(self, model: str, request: ChatRequest, reply: Reply) -> None:
        """Append one exchange."""
        row = {"key": request_key(model, request), "model": model, "request": _content(request)}
        line = json.dumps(row | {"reply": json.loads(write_reply(reply))}, ensure_ascii=False)
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


class Replayer:
    """Models out of a recording.

    Equal requests get their replies in the order of the recording, and the last of them from then on.

    Args:
        path: A `Recorder`'s file.

    Raises:
        UserError: There is no such file, or it is no recording.
    """

    def __init__(self, path: Path) -> None:
        self._replies: dict[str, deque[Reply]] = defaultdict(deque)
        self._lock = threading.Lock()
        try:
            for line in path.read_bytes().splitlines():  # of a text it would also split at U+2028
                row = json.loads(line)
                self._replies[row["key"]].append(read_reply(json.dumps(row["reply"])))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is no recording made with --record: {error}") from error

    def model(self, name: str, make: Callable[[], ChatModel]) -> ChatModel:
        """A model that repeats what was recorded under that name; `make` is never called."""
        return _Replayed(name, self)

    def reply(self, model: str, request: ChatRequest) -> Reply:
        """The recorded reply.

        Raises:
            UserError: There is none for such a request.
        """
        with self._lock:
            found = self._replies.get(request_key(model, request))
            if not found:
                asked = request.messages[-1]["content"][:80]
                raise UserError(f"the recording holds no such request to {model}: {asked!r}; replay with its settings")
            return found.popleft() if len(found) > 1 else found[0]


class _Recorded:
    def __init__(self, name: str, inner: ChatModel, recorder: Recorder) -> None:
        self.name = name
        self._inner = inner
        self._recorder = recorder

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        replies = [writable(reply) for reply in self._inner.chat(requests)]
        for request, reply in zip(requests, replies, strict=True):
            self._recorder.write(self.name, request, reply)
        return replies


class _Replayed:
    def __init__(self, name: str, replayer: Replayer) -> None:
        self.name = name
        self._replayer = replayer

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        return [self._replayer.reply(self.name, request) for request in requests]


def request_key(model: str, request: ChatRequest) -> str:
    """What a request to a model is known by: SHA-256 over all that can change its reply."""
    content = json.dumps([model, _content(request)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def writable(reply: Reply) -> Reply:
    """The reply as a file can hold it: as `sound`, and lone surrogates in its text become escapes."""
    text = writable_text(reply.text)
    found = sound(reply)
    return found if text == reply.text else replace(found, text=text, alternatives=())  # whose tokens hold them too


def sound(reply: Reply) -> Reply:
    """The reply without what no file can hold, but for its text.

    Alternatives without a finite log-probability are dropped, and what is no JSON in its usage. A sampled token without
    one came out of no distribution: such a reply failed.
    """
    usage = {name: value for name, value in reply.usage.items() if _is_json({name: value})}
    model = writable_text(reply.model)
    if reply.tokens and not all(map(isfinite, reply.tokens.logprobs)):
        return Reply("", "the log-probability of a sampled token is no finite number", usage=usage, model=model)
    error = None if reply.error is None else writable_text(reply.error)
    return replace(reply, error=error, usage=usage, model=model, alternatives=tuple(map(_finite, reply.alternatives)))


def write_reply(reply: Reply) -> str:
    """A reply as one line of JSON, which `read_reply` takes: `writable` is written."""
    return _adapter().dump_json(writable(reply)).decode()


def read_reply(text: str | bytes) -> Reply:
    """A reply from its JSON.

    Raises:
        ValueError: It is none.
    """
    return _adapter().validate_python(read_json(text))


def _finite(place: Alternatives) -> Alternatives:
    """Rounding may lift a probability a little above 1; what is far above is none."""
    told = place.logprobs.items()
    kept = {token: value for token, value in told if isfinite(value) and value < 1 and not has_surrogates(token)}
    return place if len(kept) == len(place.logprobs) else replace(place, logprobs=kept)


def _is_json(value: object) -> bool:
    """Whether JSON has such a value, and our reader takes it."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        read_json(text)
    except (TypeError, ValueError, RecursionError):
        return False
    return not has_surrogates(text)


def _content(request: ChatRequest) -> dict[str, Any]:
    sampling = request.sampling
    return {
        "messages": list(request.messages),
        "sampling": [sampling.temperature, sampling.top_p, sampling.max_tokens],
        "seed": request.seed,
        "schema": request.schema,
        "alternatives": request.alternatives,
    }


@cache
def _adapter() -> "TypeAdapter[Reply]":
    from pydantic import TypeAdapter

    return TypeAdapter(Reply)
