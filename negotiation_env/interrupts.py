"""Ctrl-C that loses nothing: it is put off while results are handed on and kept, and takes effect where one waits."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interruptible", "put_off"]


class _Watch:
    """What has become of Ctrl-C since it was put off."""

    def __init__(self) -> None:
        self.asked = False
        self.waiting = False

    def note(self, number: int, frame: FrameType | None) -> None:
        at_once = self.asked or self.waiting
        self.asked = True
        if at_once:
            signal.default_int_handler(number, frame)


_watches: list[_Watch] = []
"""One while Ctrl-C is put off; signals are a matter of the whole process."""


@contextmanager
def put_off() -> Iterator[None]:
    """Put Ctrl-C off while the block runs, but where it is `interruptible`; a second one takes effect at once.

    Nothing is changed in threads but the main one, which get no signals, nor where a program has a handler of its own.
    In an `interruptible` block it is put off as well.

    Raises:
        KeyboardInterrupt: After the block, where Ctrl-C came and was put off until then.
    """
    if _watches and threading.current_thread() is threading.main_thread():
        with _waiting(_watches[-1], False):
            yield
        if _watches[-1].waiting and _watches[-1].asked:
            raise KeyboardInterrupt
        return
    own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not own or threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch()
    _watches.append(watch)
    signal.signal(signal.SIGINT, watch.note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _watches.remove(watch)
    if watch.asked:
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C take effect in the block, also one that came before it: what is under way there can be given up.

    Raises:
        KeyboardInterrupt: Ctrl-C came, before the block or in it.
    """
    if not _watches or threading.current_thread() is not threading.main_thread():
        yield
        return
    with _waiting(_watches[-1], True):
        if _watches[-1].asked:
            raise KeyboardInterrupt
        yield


@contextmanager
def _waiting(watch: _Watch, waiting: bool) -> Iterator[None]:
    """Ctrl-C takes effect in the block, or does not; after it, as before."""
    before, watch.waiting = watch.waiting, waiting
    try:
        yield
    finally:
        watch.waiting = before
