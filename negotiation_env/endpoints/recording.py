"""All model traffic on file: record it once, replay it without network, key or weights.

Requests are known by their content: the model's name, the messages, how the reply is drawn. So a replay needs the same
settings and code paths, and says so where a request was never recorded.

A recording may go on with a run that was killed. What that run asks again, since games under way are begun anew, is
then there twice, and the later session answers: its replies are those that the rest of the game was built on.
"""

import hashlib
import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import isfinite
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from negotiation_env.errors import UserError
from negotiation_env.files.durable import append_bytes, read_lines
from negotiation_env.files.places import hold, is_there, read_file
from negotiation_env.interfaces import Alternatives, ChatModel, ChatRequest, Reply, TokenTrace
from negotiation_env.text.strict_json import has_surrogates, read_json
from negotiation_env.text.untrusted import one_line, writable_text

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


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A line of a recording.

    Attributes:
        key: The request's, see `request_key`.
        model: The model's name.
        request: What it was asked, to be read by people.
        reply: What it said, as `write_reply` writes it.
        session: Which of the runs that recorded into the file one after the other; the first does not write it.
    """

    key: str
    model: str
    request: Any
    reply: Any
    session: int = 1


_BEGINNING: Final = b'{"key": "'
"""Of each line: what else stands in a file, a recorder must not take for half a line and cut off."""


class Recorder:
    """Real models; every request and reply is appended to a file, one JSON object a line.

    Args:
        path: The file. No other process can record into it meanwhile.
        resume: Go on with the recording that is there, if any; otherwise nothing may be recorded there yet.

    Raises:
        UserError: Something is recorded there already, it is no recording, or it is being recorded into.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        recorded = is_there(path) and path.stat().st_size > 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._claim = hold(path.with_name(f".{path.name}.lock"), f"another run records into {path}; give another file")
        if not resume and recorded:
            raise UserError(f"{path} exists; go on with --resume, record into another file, or remove it")
        self._session = 1 + max((each.session for each in _exchanges(path)), default=0)
        if self._session == 1 and recorded and not _BEGINNING.startswith(read_file(path)[: len(_BEGINNING)]):
            raise UserError(f"{path} is no recording made with --record; give another file")
        append_bytes(path, b"")  # a file that cannot be written is told before a call is paid for
        self._path = path
        self._lock = threading.Lock()

    def model(self, name: str, make: Callable[[], ChatModel]) -> ChatModel:
        """The real model, overheard."""
        return _Recorded(name, make(), self)

    def write(self, model: str, request: ChatRequest, reply: Reply) -> None:
        """Append one exchange."""
        row = {"key": request_key(model, request), "model": model, "request": _content(request)}
        again = {"session": self._session} if self._session > 1 else {}
        line = json.dumps(row | {"reply": json.loads(write_reply(reply))} | again, ensure_ascii=False) + "\n"
        with self._lock:
            append_bytes(self._path, line.encode())


class Replayer:
    """Models out of a recording, also one that was killed, as far as it goes.

    Equal requests get their replies in the order of the recording, and the last of them from then on; where several
    sessions asked, those of the last.

    Args:
        path: A `Recorder`'s file.

    Raises:
        UserError: There is no such file, or it is no recording.
    """

    def __init__(self, path: Path) -> None:
        self._replies: dict[str, deque[Reply]] = defaultdict(deque)
        self._lock = threading.Lock()
        if not path.exists():
            raise UserError(f"no recording {path}; expected a file made with --record")
        sessions: dict[str, int] = {}
        for each in _exchanges(path):
            if sessions.setdefault(each.key, each.session) < each.session:
                self._replies[each.key].clear()
                sessions[each.key] = each.session
            self._replies[each.key].append(_reply(path, each))

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


def _exchanges(path: Path) -> Iterator[_Exchange]:
    return read_lines(path, _exchange_adapter(), "is no recording made with --record")


def _reply(path: Path, exchange: _Exchange) -> Reply:
    try:
        return read_reply(json.dumps(exchange.reply))
    except ValueError as error:
        raise UserError(f"{path} holds a reply that cannot be read: {one_line(str(error))}") from error


class _Recorded:
    def __init__(self, name: str, inner: ChatModel, recorder: Recorder) -> None:
        self.name = name
        self.inner = inner
        self._recorder = recorder

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        replies = [writable(reply) for reply in self.inner.chat(requests)]
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
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


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
    tokens = reply.tokens and _trace(reply.tokens)
    if reply.tokens and not tokens:
        return Reply("", "the trace of its tokens holds what is no finite number", usage=usage, model=model)
    error = None if reply.error is None else writable_text(reply.error)
    places = tuple(map(_finite, reply.alternatives))
    return Reply(reply.text, error, bool(reply.truncated), tokens, usage, model, places, writable_text(reply.thought))


def _trace(tokens: TokenTrace) -> TokenTrace | None:
    """The trace in plain numbers, not NumPy's or torch's; None where it holds what is no finite number."""
    try:
        places = (tokens.context, tokens.sampled, tokens.forced)
        context, sampled, forced = (tuple(map(int, map(index, ids))) for ids in places)
        logprobs = tuple(map(float, tokens.logprobs))
    except (TypeError, ValueError):
        return None
    trace = TokenTrace(context, sampled, logprobs, bool(tokens.fresh), forced)
    return trace if all(map(isfinite, logprobs)) else None


def write_reply(reply: Reply) -> str:
    """A reply as one line of JSON, which `read_reply` takes: `writable` is written, what is rare where it is there."""
    thought: dict[str, Any] = {} if reply.thought else {"thought": True}
    forced: dict[str, Any] = {} if reply.tokens and reply.tokens.forced else {"tokens": {"forced"}}
    return _adapter().dump_json(writable(reply), exclude=thought | forced).decode()


def read_reply(text: str | bytes) -> Reply:
    """A reply from its JSON.

    Raises:
        ValueError: It is none.
    """
    read_json(text)  # what both readers take is sound: this one tells names twice, that one "3" and true from 3
    return _adapter().validate_json(text, strict=True)


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
def _exchange_adapter() -> "TypeAdapter[_Exchange]":
    from pydantic import TypeAdapter

    return TypeAdapter(_Exchange)


@cache
def _adapter() -> "TypeAdapter[Reply]":
    from pydantic import TypeAdapter

    return TypeAdapter(Reply)
