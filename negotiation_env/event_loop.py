"""The one event loop of all endpoints, in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from functools import cache
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from negotiation_env.interrupts import interruptible

__all__ = ["finish", "run", "told"]

_T = TypeVar("_T")
_THREAD: Final = "endpoints"
_STARTING: Final = threading.Lock()


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine; when its caller is interrupted, it is cancelled and sends nothing more."""
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def told(work: Callable[[Callable[[_T], None]], Coroutine[Any, Any, None]]) -> Iterator[_T]:
    """What a coroutine tells through the function that it is given, at once.

    When its listener is interrupted or leaves, it is cancelled and sends nothing more. At Ctrl-C what it had told
    before is handed on first.
    """
    heard: SimpleQueue[_T | None] = SimpleQueue()
    future = asyncio.run_coroutine_threadsafe(work(heard.put), _loop())
    future.add_done_callback(lambda _: heard.put(None))
    try:
        while (found := _next(heard)) is not None:
            yield found
        future.result()
    except KeyboardInterrupt:
        future.cancel()
        while not heard.empty() and (found := heard.get()) is not None:
            yield found
        raise
    finally:
        future.cancel()


def _next(heard: SimpleQueue[_T]) -> _T:
    with interruptible():
        return heard.get()


def finish(work: Coroutine[Any, Any, None]) -> None:
    """As `run`, from any thread: the collector may run in the loop's own, which must not wait for itself."""
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    if threading.current_thread().name != _THREAD:
        future.result()


def _loop() -> asyncio.AbstractEventLoop:
    """Started by the first call."""
    with _STARTING:
        return _started_loop()


@cache
def _started_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name=_THREAD, daemon=True).start()
    return loop
