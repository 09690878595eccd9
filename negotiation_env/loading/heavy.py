"""Heavy packages and models: imported and loaded by one thread at a time, and told apart when missing or broken.

Games run in threads. `functools.cache` lets every thread in that comes before the first is done, and a package that
exchanges its own module while it is imported, as transformers does, leaves the threads that waited with the husk.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, update_wrapper
from importlib.util import find_spec
from typing import Final, Generic, ParamSpec, TypeVar

from negotiation_env.errors import MissingExtra, UserError
from negotiation_env.loading.cores import share_cores

__all__ = ["LOADING", "Once", "importing"]

share_cores()  # whoever imports torch here has imported this before

P = ParamSpec("P")
T = TypeVar("T")

LOADING: Final = threading.RLock()
"""Held by the thread that imports a heavy package or loads a model."""


class Once(Generic[P, T]):
    """`functools.cache` for a function that loads something: threads that come meanwhile wait for its result.

    Args:
        load: Called once for each choice of arguments; one that raises is called again the next time.
    """

    def __init__(self, load: Callable[P, T]) -> None:
        update_wrapper(self, load)
        self._loaded = cache(load)

    def __call__(self, *args: P.args, **settings: P.kwargs) -> T:
        """What the function gave for these arguments; they have to be hashable."""
        with LOADING:
            return self._loaded(*args, **settings)  # type: ignore[arg-type]

    def cache_clear(self) -> None:
        """Forget what was loaded."""
        self._loaded.cache_clear()


@contextmanager
def importing(what: str, extra: str) -> Iterator[None]:
    """Import optional packages, and load what they are needed for.

    Args:
        what: Needs them, such as "the embedded judge".
        extra: The extra of this project that brings them.

    Raises:
        MissingExtra: A package is not installed.
        UserError: One is installed and cannot be imported; the message says what failed.
    """
    with LOADING:
        try:
            yield
        except ImportError as error:
            raise _told(error, what, extra) from error


def _told(error: ImportError, what: str, extra: str) -> UserError:
    """What failed first: packages that import their parts lazily wrap that in errors of their own."""
    first: BaseException = error
    while first.__cause__:
        first = first.__cause__
    package = (first.name or "").partition(".")[0] if isinstance(first, ModuleNotFoundError) else ""
    if package and find_spec(package) is None:
        return MissingExtra(f"{what} ({package})", extra)
    reason = " ".join(f"{type(first).__name__}: {first}".split())
    return UserError(f"{what} needs packages that are installed and cannot be imported: {reason}")
