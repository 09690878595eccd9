"""Any OpenAI-compatible chat endpoint as a `ChatModel`: a vendor's, vLLM's, llama.cpp's.

All calls of all threads run on one event loop in the background, over aiohttp: a call costs the processor little, many
may be under way at once (`measurements/endpoint_waits.py`), and a deadline ends a call wherever it is.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from negotiation_env.endpoints.address import login_of
from negotiation_env.endpoints.chat_completions import OPENAI, Call, EndpointSettings, chat_completion
from negotiation_env.endpoints.connection import Connection
from negotiation_env.endpoints.event_loop import run, told
from negotiation_env.endpoints.faults import EndpointFault, PassingFault
from negotiation_env.endpoints.rate_limit import RateLimit
from negotiation_env.endpoints.streaming import Listener
from negotiation_env.errors import UserError
from negotiation_env.files.settings_file import check_settings, read_toml
from negotiation_env.interfaces import ChatRequest, Reply
from negotiation_env.specs import model_and_url
from negotiation_env.text.strict_json import read_json

if TYPE_CHECKING:
    from tenacity import AsyncRetrying, RetryCallState

__all__ = ["Endpoint", "connect", "read_endpoint", "short_endpoint"]

_CHARACTERS_A_TOKEN = 4
"""A guess for the tokens-per-minute limit, settled once the reply tells the true count."""
_MOST_TOLD: Final = 500
"""Characters of an error, or of a listed model's name."""
_MOST_CHARACTERS: Final = 256
"""Of a token; no vocabulary in use has a longer one. A server that passes over `max_tokens` can say much more."""
_OF_THE_PROXY: Final = 407
"""The one status that the endpoint itself does not give."""
_BILLED: Final = ("prompt_tokens", "completion_tokens", "cost")


@dataclass(slots=True)
class _Story:
    """What happened on the way to a reply.

    Attributes:
        start: When it began, in seconds of the performance counter.
        tries: Requests sent.
        asked_to_wait: Seconds that the server asked to wait, where that was waited.
        billed: Tokens and cost of all answers, those of failed tries too, and whether a cost was guessed.
    """

    start: float = field(default_factory=time.perf_counter)
    tries: int = 0
    asked_to_wait: float = 0.0
    billed: dict[str, Any] = field(default_factory=dict)

    def bill(self, usage: Mapping[str, Any]) -> None:
        """Add what one answer cost."""
        for name in _BILLED:
            if usage.get(name) is not None:
                self.billed[name] = self.billed.get(name, 0) + usage[name]
        if usage.get("cost_guessed"):
            self.billed["cost_guessed"] = True

    def usage(self, last: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The usage of the whole call, whose last answer told `last`."""
        told: dict[str, Any] = {"seconds": round(time.perf_counter() - self.start, 3), "tries": self.tries}
        told |= {"asked_to_wait": round(self.asked_to_wait, 3)} if self.asked_to_wait else {}
        return told | dict(last or {}) | self.billed


class Endpoint:
    """Chat completions over HTTP; safe to use from many threads.

    Args:
        settings: Where and how.

    Raises:
        UserError: The key cannot be sent or, at OpenAI, is not set; or the environment's proxy cannot be used.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.name = settings.name
        self._connection = Connection(settings)
        self._secrets = self._connection.secrets
        self._requests, self._tokens = RateLimit(settings.requests_per_minute), RateLimit(settings.tokens_per_minute)
        self._places = asyncio.Semaphore(settings.concurrency)
        self.close = self._connection.close
        """Closes the connections; happens by itself when the program ends."""

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Send all requests; one that fails for good gets a reply with its error."""
        return self.send([chat_completion(self.settings, request) for request in requests])

    def stream(self, request: ChatRequest, hear: Callable[[str], None]) -> Reply:
        """As `chat` for one request, which asks for an answer in pieces; see `StreamingModel`.

        The endpoints' thread tells `hear` the words. Thoughts that an endpoint sends apart are not among them.
        """
        call = chat_completion(self.settings, request, lambda words: hear(self._secrets.hide(words)))
        (reply,) = self.send([call])
        return reply

    def send(self, calls: Sequence[Call]) -> list[Reply]:
        """As `chat`, in any wire format.

        Returns:
            Replies whose texts hold no key or password, and whose usage is that of all tries together.
        """
        found = dict(self._arriving(calls))
        return [found[place] for place in range(len(calls))]

    def as_they_come(self, requests: Sequence[ChatRequest]) -> Iterator[tuple[int, Reply]]:
        """As `chat`, but each reply as soon as it is there, with the place of its request; see `PromptModel`."""
        return self._arriving([chat_completion(self.settings, request) for request in requests])

    def _arriving(self, calls: Sequence[Call]) -> Iterator[tuple[int, Reply]]:
        for place, reply in told(partial(self._batch, calls)) if calls else ():
            yield place, self._secrets.hide_in_reply(reply)

    def models(self) -> list[str]:
        """The names of the endpoint's models; also a cheap way to find out early that nobody answers there.

        Returns:
            Names; none where it answers something else than a list of models, as many gateways do.

        Raises:
            UserError: There is no answer, or the key is refused.
        """
        where = self._connection.where
        try:
            answer = run(self._connection.exchange("GET", "/models", 10.0, None))
        except EndpointFault as fault:
            if fault.status == 401:
                login = "the login in its URL; mend it" if login_of(self.settings.base_url) else ""
                raise UserError(f"{where} refuses {login or f'the key; set {self.settings.api_key_env}'}") from fault
            if fault.status and fault.status != _OF_THE_PROXY:
                return []
            told = f"nobody answers at {where}{self._connection.through}: {self._told(fault)}"
            raise UserError(f"{told}; is the server up?") from fault
        return [self._secrets.hide(name)[:_MOST_TOLD] for name in _model_names(answer)]

    async def _batch(self, calls: Sequence[Call], tell: Callable[[tuple[int, Reply]], None]) -> None:
        async def ask(place: int) -> None:
            tell((place, await self._place(calls[place], stories[place])))

        stories = [_Story() for _ in calls]
        tasks = [asyncio.ensure_future(ask(place)) for place in range(len(calls))]
        try:
            _, late = await asyncio.wait(tasks, timeout=self.settings.batch_deadline)
        finally:
            for task in tasks:  # those that are done do not mind
                task.cancel()
        limit = f"not done within the batch's {self.settings.batch_deadline} s"
        for place, task in enumerate(tasks):
            if task in late:
                tell((place, self._failed(limit, stories[place])))
            else:
                task.result()  # raises what nobody foresaw

    async def _place(self, call: Call, story: _Story) -> Reply:
        async with self._places:
            story.start = time.perf_counter()
            return await self._persist(call, story)

    async def _persist(self, call: Call, story: _Story) -> Reply:
        """A reply, whatever happens on the way to it."""
        try:
            async with asyncio.timeout(self.settings.deadline):
                async for attempt in _tries(self.settings, story):
                    with attempt:
                        reply = await self._try(call, story)
            return replace(reply, usage=story.usage(reply.usage))
        except TimeoutError:
            return self._failed(f"not done within {self.settings.deadline:g} s", story)
        except EndpointFault as fault:
            return self._failed(f"{self._told(fault)} (tries: {story.tries})", story)
        except Exception as error:
            return self._failed(self._told(f"{type(error).__name__}: {error}"), story)

    def _failed(self, why: str, story: _Story) -> Reply:
        return Reply("", f"{self.name}{self._connection.through}: {why}", usage=story.usage())

    def _told(self, error: object) -> str:
        """What an error says, without secrets; these first, for a cut one could not be found."""
        return self._secrets.hide(str(error))[:_MOST_TOLD]

    async def _try(self, call: Call, story: _Story) -> Reply:
        booked = len(call.body) / _CHARACTERS_A_TOKEN + call.max_tokens
        now = time.monotonic()
        await asyncio.sleep(max(self._requests.reserve(1, now), self._tokens.reserve(booked, now)))
        story.tries += 1
        heard = {"take": Listener(call.hear).take} if call.hear else {}
        answer = await self._connection.exchange("POST", call.path, self.settings.timeout, call.body, **heard)
        try:
            reply = call.read(answer)
        except EndpointFault as fault:
            self._bill(self._priced(fault.usage, call, call.max_tokens), booked, story)
            raise
        guess = min(len(reply.thought + reply.text) // _CHARACTERS_A_TOKEN, call.max_tokens)
        self._bill(self._priced(reply.usage, call, guess), booked, story)
        most = call.max_tokens * _MOST_CHARACTERS
        if not 0 < most < max(len(reply.text), len(reply.thought)):
            return reply
        said = reply.spoken  # a mark behind the cut may be what makes a thought of all before it
        return replace(said, text=said.text[:most], thought=said.thought[:most], truncated=True)

    def _priced(self, told: Mapping[str, Any], call: Call, said: int) -> Mapping[str, Any]:
        """What an answer cost; guessed where it does not tell its tokens, for a cost limit has to hold all the same."""
        counts = (told.get("prompt_tokens"), told.get("completion_tokens"))
        guess = (len(call.body) // _CHARACTERS_A_TOKEN, said)
        cost = self.settings.cost(
            *(known if known is not None else about for known, about in zip(counts, guess, strict=True))
        )
        return told if None not in counts or cost is None else {**told, "cost": cost, "cost_guessed": True}

    def _bill(self, usage: Mapping[str, Any], booked: float, story: _Story) -> None:
        story.bill(usage)
        used = usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0)
        self._tokens.settle(booked, used or booked)


def connect(settings: EndpointSettings) -> Endpoint:
    """An endpoint that answers: better told before a run than at its first game.

    Raises:
        UserError: Nobody answers, or the key is missing or refused.
    """
    endpoint = Endpoint(settings)
    endpoint.models()
    return endpoint


def short_endpoint(text: str) -> EndpointSettings:
    """The settings that MODEL[@BASE_URL] stands for.

    Raises:
        UserError: There is no model's name, or the URL cannot be one.
    """
    model, base_url = model_and_url(text)
    try:
        return EndpointSettings(model, base_url or OPENAI)
    except ValueError as error:
        raise UserError(f"openai:{model}: {error}") from error


def read_endpoint(path: Path) -> EndpointSettings:
    """The settings in a TOML file.

    Raises:
        UserError: It is missing, or a key or value is wrong.
    """
    return check_settings(EndpointSettings, read_toml(path, "endpoint file"), path)


def _model_names(answer: bytes) -> list[str]:
    """The names in an answer of /models: of a list, or of an object's field "data"; none where it is neither."""
    try:
        found = read_json(answer, non_finite=True)
    except ValueError:
        return []
    listed = found.get("data") if isinstance(found, dict) else found
    names = [each.get("id") if isinstance(each, dict) else each for each in listed] if isinstance(listed, list) else []
    return [name for name in names if isinstance(name, str)]


def _tries(settings: EndpointSettings, story: _Story) -> "AsyncRetrying":
    from tenacity import (
        AsyncRetrying,
        retry_if_exception_type,
        stop_after_attempt,
        stop_before_delay,
        wait_random_exponential,
    )

    backoff = wait_random_exponential(multiplier=0.25, max=30)

    def asked(state: "RetryCallState") -> float | None:
        fault = state.outcome.exception() if state.outcome else None
        return fault.wait if isinstance(fault, PassingFault) else None

    def pause(state: "RetryCallState") -> float:
        wait = asked(state)
        return backoff(state) if wait is None else wait

    def note(state: "RetryCallState") -> None:
        story.asked_to_wait += asked(state) or 0.0

    return AsyncRetrying(
        retry=retry_if_exception_type(PassingFault),
        stop=stop_after_attempt(settings.attempts) | stop_before_delay(settings.deadline),
        wait=pause,
        before_sleep=note,
        reraise=True,
    )
