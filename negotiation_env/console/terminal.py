"""All that is printed goes through here: text that cannot act on a terminal, on streams whose failure ends nothing.

Dilemmas, names, models' words and endpoints' errors are other people's text: an escape sequence in it could recolour,
hide or forge lines, and a bidirectional mark could turn one round. Where a stream has no such character, is full or is
closed, what can be shown is shown and the rest is replaced or dropped, for a game must not end by being watched.
"""

import json
import os
import re
import sys
import unicodedata
from contextlib import suppress
from functools import cache
from io import TextIOWrapper
from shutil import get_terminal_size
from textwrap import wrap
from typing import IO, TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console

__all__ = ["close_output", "console", "one_line", "prepare", "say", "say_json", "shown", "still_libraries"]

_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of what acts instead of being seen: controls, formats (bidirectional ones among them), lone
surrogates, separators of lines and paragraphs."""
_KEPT = "\n\t\u200c\u200d"
"""Layout, and the joiners that emoji, Persian and Indian scripts are written with."""
_BEYOND_ASCII = re.compile(r"[^\n -~]")


class _StandIns(dict[int, str]):
    """For `str.translate`: what is seen stays, anything else becomes its escape, as in a string of Python."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        unseen = unicodedata.category(character) in _UNSEEN and character not in _KEPT
        self[code] = character.encode("unicode_escape").decode() if unseen else character
        return self[code]


_STAND_INS = _StandIns()
_failures: WeakKeyDictionary[Any, Exception] = WeakKeyDictionary()
"""By stream, why it could not be written at first."""


def shown(text: str) -> str:
    """The text as a terminal may show it: characters that would act are exchanged for visible escapes.

    Line ends and tabs stay, and so does ordinary text in any script, emoji included.
    """
    return text if text.isprintable() else text.replace("\r\n", "\n").translate(_STAND_INS)


def one_line(text: str) -> str:
    """The same in one line, with single spaces."""
    return shown(" ".join(text.split()))


def say(text: str, *, error: bool = False, end: str = "\n") -> None:
    """Print a text and its end; with `error` to standard error.

    A terminal would break long lines within words, so there they are broken between them; who reads them by program
    gets them whole.
    """
    stream = _Patient(error)
    stream.write((_fitted(shown(text)) if stream.isatty() else shown(text)) + end)
    stream.flush()


def _fitted(text: str) -> str:
    """Long lines broken between words, as deep as they begin; a word that is longer stays whole."""
    width, fitted = get_terminal_size().columns, list[str]()
    for line in text.split("\n"):
        deep = " " * (len(line) - len(line.lstrip()))
        parts = wrap(line, width, subsequent_indent=deep, break_long_words=False, break_on_hyphens=False)
        fitted += parts if len(line) > width else [line]
    return "\n".join(fitted)


def say_json(text: str) -> None:
    """Print JSON so that it means the same to who reads it: what cannot be shown is escaped as JSON does."""
    stream = _Patient(error=False)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if shown(text) != text or text.encode(encoding, "replace").decode(encoding) != text:
        text = _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)
    stream.write(text)
    stream.flush()


def console(*, error: bool = False) -> "Console":
    """A rich console on standard output, or on standard error, for tables, panels and bars; markup has no effect."""
    prepare()
    stream = cast("IO[str]", _Patient(error, proxied=False))
    return _clean_console()(file=stream, markup=False, emoji=False, highlight=False)


def prepare() -> None:
    """Let standard output replace what its encoding lacks, as on a Windows pipe; standard error does so by itself."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors in ("strict", "surrogateescape"):
        sys.stdout.reconfigure(errors="replace")


def still_libraries() -> None:
    """Bars of libraries are for those who wait at a terminal, as ours are: a file of standard error gets none."""
    if not _Patient(error=True).isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def close_output() -> Exception | None:
    """Nothing more is printed: the last characters go out.

    Returns:
        Why something could not be printed to standard output; None where all was. A reader that has gone away, as
        `head` does, is a BrokenPipeError.
    """
    _Patient(error=False).flush()
    failure = _failures.get(sys.stdout) if sys.stdout else None
    if failure:
        with suppress(OSError, ValueError):  # what waits in its buffer would be tried again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return failure


class _Patient:
    """A standard stream on which to print cannot fail."""

    def __init__(self, error: bool, *, proxied: bool = True) -> None:
        stream = sys.stderr if error else sys.stdout
        self._stream: Any = stream if proxied else getattr(stream, "rich_proxied_file", stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        asked = getattr(self._stream, "isatty", None)
        return bool(asked and asked())

    def write(self, text: str) -> int:
        try:
            self._attempt(lambda: self._stream.write(text))
        except UnicodeEncodeError:  # a program's own stream, which `prepare` cannot help
            self._attempt(lambda: self._stream.write(text.encode("ascii", "replace").decode()))
        return len(text)

    def flush(self) -> None:
        self._attempt(lambda: self._stream.flush())

    def _attempt(self, output: "Callable[[], object]") -> None:
        if self._stream is None:
            return  # the process was started without this stream
        try:
            output()
        except UnicodeEncodeError:
            raise
        except (OSError, ValueError) as failure:  # a ValueError where it is closed
            _failures.setdefault(self._stream, failure)


@cache
def _clean_console() -> "type[Console]":
    from rich.console import Console
    from rich.segment import Segment
    from rich.text import Text

    class Clean(Console):
        """Shows no character that acts, whatever is printed; what rich itself does with cursor and colours stays."""

        def render(self, renderable: Any, options: Any = None) -> "Iterable[Segment]":
            if isinstance(renderable, Text) and (text := shown(renderable.plain)) != renderable.plain:
                renderable = renderable.copy()
                renderable.plain = text  # before it is laid out, so that nothing is cropped
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(shown(segment.text), segment.style)

    return Clean
