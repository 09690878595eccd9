"""Work in threads that nobody has to wait for.

Those of `concurrent.futures` are waited for when the program ends, so that Ctrl-C would last as long as the slowest
endpoint. These are left behind.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from functools import partial
from queue import SimpleQueue
from threading import Semaphore, Thread, enumerate
from typing import Any, TypeVar

__all__ = ["Crew", "left_behind", "side_by_side"]

T = TypeVar("T")
R = TypeVar("R")


class Crew:
    """Threads that take jobs; there are as many as were ever busy at a time."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._members: list[_Member] = []
        self._idle = Semaphore(0)

    def begin(self, work: Callable[..., R], *arguments: Any) -> Future[R]:
        """Begin a job at once; the future tells its result, or what it raised."""
        future: Future[R] = Future()
        if not self._idle.acquire(blocking=False):
            self._members.append(_Member(self._jobs))
            self._members[-1].start()
        self._jobs.put(partial(self._do, future, work, arguments))
        return future

    def dismiss(self) -> None:
        """Take no more jobs; who has none goes home, the others once they are done."""
        for _ in self._members:
            self._jobs.put(None)

    def _do(self, future: Future[R], work: Callable[..., R], arguments: Sequence[Any]) -> None:
        try:
            tell = partial(future.set_result, work(*arguments))
        except BaseException as error:  # raised again where the result is asked for
            tell = partial(future.set_exception, error)
        self._idle.release()  # before anybody can know and begin the next job
        tell()


class _Member(Thread):
    def __init__(self, jobs: "SimpleQueue[Callable[[], None] | None]") -> None:
        super().__init__(name="negotiation", daemon=True)
        self.busy = False
        self._jobs = jobs

    def run(self) -> None:
        while job := self._jobs.get():
            self.busy = True
            job()
            self.busy = False
            del job  # and with it the result


def side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The work on each item, all at the same time; once all have ended the first error among them is raised."""
    crew = Crew()
    try:
        futures = [crew.begin(work, item) for item in items]
        wait(futures)
    finally:
        crew.dismiss()
    return [future.result() for future in futures]


def left_behind() -> bool:
    """Whether work still goes on that nobody waits for."""
    return any(thread.busy for thread in enumerate() if isinstance(thread, _Member))
