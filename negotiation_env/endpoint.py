"""Any OpenAI-compatible chat endpoint as a `ChatModel`: a vendor's, vLLM's, llama.cpp's.

All calls of all threads run on one event loop in the background, over aiohttp: a call costs the processor little, many
may be under way at once (`benchmarks/endpoint_waits.py`), and a deadline ends a call wherever it is.
"""

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from negotiation_env.chat_completions import OPENAI, Call, EndpointSettings, chat_completion, json_object
from negotiation_env.errors import UserError
from negotiation_env.faults import EndpointFault, PassingFault, fault_of_status
from negotiation_env.interfaces import ChatRequest, Reply
from negotiation_env.pace import Pace
from negotiation_env.settings_file import check_settings, read_toml

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from tenacity import AsyncRetrying, RetryCallState

__all__ = ["Endpoint", "connect", "read_endpoint", "short_endpoint"]

_T = TypeVar("_T")
_THREAD: Final = "endpoints"
_STARTING: Final = threading.Lock()
_CHARACTERS_A_TOKEN = 4
"""A guess for the tokens-per-minute limit, settled once the reply tells the true count."""


@dataclass(slots=True)
class _Story:
    """What happened on the way to a reply."""

    start: float = field(default_factory=time.perf_counter)
    tries: int = 0
    asked_to_wait: float = 0.0

    def usage(self) -> dict[str, Any]:
        told: dict[str, Any] = {"seconds": round(time.perf_counter() - self.start, 3), "tries": self.tries}
        return told | ({"asked_to_wait": round(self.asked_to_wait, 3)} if self.asked_to_wait else {})


class Endpoint:
    """Chat completions over HTTP; safe to use from many threads.

    Args:
        settings: Where and how.

    Raises:
        UserError: The endpoint is OpenAI's and its key is not set.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.name = settings.name
        self._key = os.environ.get(settings.api_key_env)
        if not self._key and settings.base_url.rstrip("/") == OPENAI:
            raise UserError(f"{self.name} needs its key in the environment variable {settings.api_key_env}")
        self._url = settings.base_url.rstrip("/")
        self._requests, self._tokens = Pace(settings.requests_per_minute), Pace(settings.tokens_per_minute)
        self._places = asyncio.Semaphore(settings.concurrency)
        self._sessions: list[ClientSession] = []
        self.close = weakref.finalize(self, _close, self._sessions)
        """Closes the connections; happens by itself when the program ends."""

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Send all requests; one that fails for good gets a reply with its error."""
        return self.send([chat_completion(self.settings, request) for request in requests])

    def send(self, calls: Sequence[Call]) -> list[Reply]:
        """As `chat`, in any wire format."""
        return _run(self._batch(calls)) if calls else []

    def models(self) -> list[str]:
        """The names of the endpoint's models; also a cheap way to find out early that nobody answers there.

        Raises:
            UserError: There is no answer, or the key is refused.
        """
        try:
            return _run(self._models())
        except EndpointFault as fault:
            if fault.status in (401, 403):
                raise UserError(f"{self._url} refuses the key; set {self.settings.api_key_env}") from fault
            if fault.status:
                return []  # it answers, but lists no models; many gateways do not
            raise UserError(f"nobody answers at {self._url}: {fault}; is the server up?") from fault

    async def _batch(self, calls: Sequence[Call]) -> list[Reply]:
        tasks = [asyncio.ensure_future(self._place(call)) for call in calls]
        late: set[asyncio.Task[Reply]] = set(tasks)
        try:
            _, late = await asyncio.wait(tasks, timeout=self.settings.batch_deadline)
        finally:  # also where nobody waits for them any more
            for task in late:
                task.cancel()
        limit = f"{self.name}: not done within the batch's {self.settings.batch_deadline} s"
        return [Reply("", error=limit) if task in late else task.result() for task in tasks]

    async def _place(self, call: Call) -> Reply:
        async with self._places:
            return await self._persist(call, _Story())

    async def _persist(self, call: Call, story: _Story) -> Reply:
        try:
            async with asyncio.timeout(self.settings.deadline):
                async for attempt in _tries(self.settings, story):
                    with attempt:
                        reply = await self._try(call, story)
            return replace(reply, usage={**story.usage(), **reply.usage})
        except TimeoutError:
            return Reply("", f"{self.name}: not done within {self.settings.deadline:g} s", usage=story.usage())
        except EndpointFault as fault:
            return Reply("", f"{self.name}: {fault} (tries: {story.tries})", usage=story.usage())

    async def _try(self, call: Call, story: _Story) -> Reply:
        booked = len(call.body) / _CHARACTERS_A_TOKEN + call.max_tokens
        now = time.monotonic()
        await asyncio.sleep(max(self._requests.reserve(1, now), self._tokens.reserve(booked, now)))
        story.tries += 1
        reply = call.read(await self._exchange("POST", call.path, self.settings.timeout, call.body))
        used = reply.usage.get("prompt_tokens", 0) + reply.usage.get("completion_tokens", 0)
        self._tokens.settle(booked, used or booked)
        return reply

    async def _models(self) -> list[str]:
        listed = json_object(await self._exchange("GET", "/models", 10.0, None))
        return [str(each.get("id")) for each in listed.get("data") or [] if isinstance(each, dict)]

    async def _exchange(self, method: str, path: str, seconds: float, body: bytes | None) -> bytes:
        """One request and the body of its answer."""
        from aiohttp import ClientError

        try:
            async with asyncio.timeout(seconds), self._open().request(method, self._url + path, data=body) as response:
                raw = await response.read()
        except TimeoutError as error:
            raise PassingFault(f"no reply within {seconds:g} s") from error
        except (ClientError, OSError) as error:
            raise PassingFault(f"{type(error).__name__}: {error}") from error
        if response.status >= 400:
            raise fault_of_status(response.status, response.headers, raw)
        return raw

    def _open(self) -> "ClientSession":
        if not self._sessions:
            from aiohttp import ClientSession, ClientTimeout, TCPConnector

            headers = {"Content-Type": "application/json"}
            headers |= {"Authorization": f"Bearer {self._key}"} if self._key else {}
            patient = ClientTimeout(total=None)  # the limits are ours
            self._sessions.append(ClientSession(connector=TCPConnector(limit=0), headers=headers, timeout=patient))
        return self._sessions[0]


def connect(settings: EndpointSettings) -> Endpoint:
    """An endpoint that answers: better told before a run than at its first game.

    Raises:
        UserError: Nobody answers, or the key is missing or refused.
    """
    endpoint = Endpoint(settings)
    endpoint.models()
    return endpoint


def short_endpoint(text: str) -> EndpointSettings:
    """The settings that MODEL[@BASE_URL] stands for."""
    model, _, base_url = text.partition("@")
    return EndpointSettings(model, base_url or OPENAI)


def read_endpoint(path: Path) -> EndpointSettings:
    """The settings in a TOML file.

    Raises:
        UserError: It is missing, or a key or value is wrong.
    """
    return check_settings(EndpointSettings, read_toml(path, "endpoint file"), path)


def _loop() -> asyncio.AbstractEventLoop:
    """The one event loop of all endpoints, started by the first call."""
    with _STARTING:
        return _started_loop()


@cache
def _started_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name=_THREAD, daemon=True).start()
    return loop


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    under_way = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return under_way.result()
    finally:
        under_way.cancel()  # after Ctrl-C nothing more is to be paid; what is done cannot be cancelled


def _close(sessions: "list[ClientSession]") -> None:
    for session in sessions:
        closing = asyncio.run_coroutine_threadsafe(session.close(), _loop())
        if threading.current_thread().name != _THREAD:  # the collector may run there, which must not wait for itself
            closing.result()


def _tries(settings: EndpointSettings, story: _Story) -> "AsyncRetrying":
    from tenacity import (
        AsyncRetrying,
        retry_if_exception_type,
        stop_after_attempt,
        stop_before_delay,
        wait_random_exponential,
    )

    backoff = wait_random_exponential(multiplier=0.25, max=30)

    def pause(state: "RetryCallState") -> float:
        fault = state.outcome.exception() if state.outcome else None
        asked = fault.wait if isinstance(fault, PassingFault) else None
        story.asked_to_wait += asked or 0.0
        return backoff(state) if asked is None else asked

    return AsyncRetrying(
        retry=retry_if_exception_type(PassingFault),
        stop=stop_after_attempt(settings.attempts) | stop_before_delay(settings.deadline),
        wait=pause,
        reraise=True,
    )
