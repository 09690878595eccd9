"""The one event loop of all endpoints, in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, Final, TypeVar

__all__ = ["finish", "run"]

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
