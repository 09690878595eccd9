"""Spec strings taken apart: the kind, what follows it, names that may hold a spec's own marks, and what makes a thing.

A spec is a kind, such as `embedded`, or a kind, a colon and what that kind takes, such as `hf:ID_OR_DIR`; or the path
of a TOML file. `negotiation_env.specs.kinds` has the kinds that there are.

Where a name holds a mark that would part it (`+`, `,`, `@` before what looks like a URL), it is put between double
quotes, and a quotation mark inside of them is doubled: `hf:"c++/model"+adapter`, `openai:"a@http://b"@http://HOST/v1`,
`panel:median:"judges, new/a.toml",embedded`. All other names are written as they are, spaces, `:` and `@` too; a file
whose path begins with a word and a colon is written `./word:file.toml`.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from negotiation_env.errors import NegotiationError, UserError, why
from negotiation_env.text.secrets import without_secrets
from negotiation_env.text.strict_json import has_surrogates

__all__ = [
    "FILE",
    "Spec",
    "imported",
    "load_factory",
    "make",
    "model_and_url",
    "names",
    "parse",
    "require_name",
    "single_specs",
    "source_and_adapter",
]

FILE: Final = ".toml"
"""The kind of a spec that is the path of a file."""
_KIND: Final = re.compile(r"(?P<kind>\w[\w-]+)(?::(?P<rest>.+))?", re.DOTALL)
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


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec string, taken apart.

    Attributes:
        kind: Its kind; `FILE` for a file, the whole text where that has not the form of a spec.
        rest: What follows the kind's colon, the path of a file, of a panel how its members' scores become one.
        members: The specs of a panel's members.
    """

    kind: str
    rest: str = ""
    members: tuple[str, ...] = ()


def parse(text: str) -> Spec:
    """Take a spec apart; whether there is such a kind is for `negotiation_env.specs.kinds` to say."""
    found = _KIND.fullmatch(text)
    if text.endswith(FILE) and not (found and found["rest"]):
        return Spec(FILE, text)
    if not found:
        return Spec(text)
    kind, rest = found["kind"], found["rest"] or ""
    if kind != "panel":
        return Spec(kind, rest)
    combine, _, members = rest.partition(":")
    return Spec(kind, combine, tuple(member for member in names(members) if member))


def single_specs(text: str) -> list[str]:
    """The specs in a spec: of a panel those of its members, and of panels among them; else the spec itself."""
    found = parse(text)
    return [each for member in found.members for each in single_specs(member)] if found.kind == "panel" else [text]


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
    """Import the factory that `MODULE:FACTORY` names; the working directory is searched first, as `python -m` does.

    Args:
        path: MODULE:FACTORY.
        kind: What stands before it in the spec, for the messages.

    Raises:
        UserError: The module or the factory is not there, the module raises, or what it names cannot be called.
    """
    module, _, name = path.partition(":")
    if not module or not name:
        raise UserError(f"expected {kind}:MODULE:NAME, got '{kind}:{path}'")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    return imported(path, f"{kind}:{path}")


def imported(path: str, told: str) -> Callable[..., Any]:
    """What `MODULE:NAME` names.

    Args:
        path: MODULE:NAME; a name in a class has a dot.
        told: What asks for it, for the messages.

    Raises:
        UserError: The module or the name is not there, the module raises, or what is named cannot be called.
    """
    module, _, name = path.partition(":")
    try:
        found = attrgetter(name)(import_module(module))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # somebody's module may raise anything as it is imported, and use `sys.exit`
        reason = error if isinstance(error, ImportError | AttributeError) else f"it {why(error)}"
        raise UserError(f"{told} cannot be loaded: {reason}") from error
    if not callable(found):
        raise UserError(f"{told} is a {type(found).__name__}; expected a function or class")
    return found  # type: ignore[no-any-return]


def make(spec: str, factory: Callable[..., Any]) -> Any:
    """What a user's factory makes.

    Raises:
        UserError: It raises; the message says what and where.
    """
    try:
        return factory()
    except (NegotiationError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise UserError(f"{spec} {why(error)}") from error
