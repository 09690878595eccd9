"""Spec strings taken apart: names that may hold a spec's own marks, and factories by their module.

Where a name holds a mark that would part it (`+`, `,`, `@` before what looks like a URL), it is put between double
quotes, and a quotation mark inside of them is doubled: `hf:"c++/model"+adapter`, `openai:"a@http://b"@http://HOST/v1`,
`panel:median:"judges, new/a.toml",embedded`. All other names are written as they are, spaces, `:` and `@` too.
"""

import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from negotiation_env.address import without_secrets
from negotiation_env.errors import NegotiationError, UserError, why
from negotiation_env.strict_json import has_surrogates

__all__ = ["load_factory", "make", "model_and_url", "names", "require_name", "source_and_adapter"]

_QUOTED: Final = re.compile(r'(?:(?<=[:+,])|^)"(?:[^"]|"")*"(?=[+,@]|$)')
_URL: Final = re.compile(r"@(?=https?://)", re.IGNORECASE)
_NO_URL: Final = re.compile(
    r"^https?://|@(?:[a-z][\w+.-]*)?:?//|@https?:|@\[|(?<=.)@[^@]*[/\\]"
    r"|@(?:localhost|[\w.-]+:\d+|\d+(?:\.\d+){3}|(?:[\w-]+\.)+[a-z]{2,})(?=[:/?@]|$)",
    re.IGNORECASE,
)
"""What looks like a URL and is none behind a model: a model's name may hold an @, and begin with one as @cf/meta/llama;
behind a later @ stand no slash, host, address or port."""


def require_name(name: object, what: str) -> None:
    """Refuse a name that no record can hold, such as one with bytes of a command line that are no UTF-8.

    Args:
        name: A spec, or what somebody's code calls itself.
        what: What has the name, for the message.

    Raises:
        UserError: It is no text, or holds lone surrogates.
    """
    if not isinstance(name, str) or has_surrogates(name):
        told = without_secrets(name) if isinstance(name, str) else name
        raise UserError(f"{what}: expected a name that UTF-8 can write, for records, got {told!a:.80}; rename it")


def names(text: str) -> list[str]:
    """The names in a list with commas between, such as a panel's members."""
    return [_unquoted(part) for part in _split(text, re.compile(","))]


def source_and_adapter(text: str) -> tuple[str, str | None]:
    """Model and adapter in ID_OR_DIR[+ADAPTER_DIR].

    Raises:
        UserError: There is no model.
    """
    source, *adapter = _split(text, re.compile(r"\+"), most=1)
    if not _unquoted(source).strip():
        raise UserError("expected ID_OR_DIR[+ADAPTER_DIR], got no model")
    return _unquoted(source), _unquoted(adapter[0]) or None if adapter else None


def model_and_url(text: str) -> tuple[str, str | None]:
    """Model and base URL in MODEL[@BASE_URL].

    Raises:
        UserError: There is no model's name, or what looks like a base URL does not begin as one.
    """
    model, *url = _split(text, _URL, most=1)
    if not _unquoted(model).strip():
        raise UserError("expected openai:MODEL[@BASE_URL], got no name of a model")
    if _NO_URL.search(_masked(model)):
        shown = re.split("@|://", model)[0]  # for a password may follow
        raise UserError(
            f"openai:{shown}…: a base URL begins with http:// or https://, as in openai:MODEL@http://HOST:8000/v1; "
            "put a model's name that looks like one in double quotes"
        )
    return _unquoted(model), url[0] if url else None


def _split(text: str, mark: re.Pattern[str], most: int = 0) -> list[str]:
    """The parts between marks that are outside of quotes."""
    places = [found.span() for found in mark.finditer(_masked(text))][: most or None]
    starts, ends = [0, *(end for _, end in places)], [*(start for start, _ in places), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _masked(text: str) -> str:
    """The text with its quoted names blotted out, each as long as before."""
    return _QUOTED.sub(lambda found: "\0" * len(found[0]), text)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if _QUOTED.fullmatch(name) else name


def load_factory(path: str, kind: str = "python") -> Callable[..., Any]:
    """Import the factory that `MODULE:FACTORY` names; the working directory is searched too.

    Args:
        path: MODULE:FACTORY.
        kind: What stands before it in the spec, for the messages.

    Raises:
        UserError: The module or the factory is not there, the module raises, or what it names cannot be called.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise UserError(f"expected {kind}:MODULE:NAME, got '{kind}:{path}'")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except Exception as error:  # a user's module may raise anything as it is imported
        told = error if isinstance(error, ImportError | AttributeError) else f"it {why(error)}"
        raise UserError(f"{kind}:{path} cannot be loaded: {told}") from error
    if not callable(factory):
        raise UserError(f"{kind}:{path} is a {type(factory).__name__}; expected a function or class")
    return factory  # type: ignore[no-any-return]


def make(spec: str, factory: Callable[..., Any]) -> Any:
    """What a user's factory makes.

    Raises:
        UserError: It raises; the message says what and where.
    """
    try:
        return factory()
    except NegotiationError:
        raise
    except Exception as error:
        raise UserError(f"{spec} {why(error)}") from error
