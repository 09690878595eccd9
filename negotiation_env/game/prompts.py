"""What the parties are told, as sets of texts: named, versioned, checked when they are read, and known by their digest.

A set is a TOML file; the shipped ones stand in `prompt_sets/`. `natural` is the paper's free dialogue, `handshake` the
turn grammar of `negotiation_env.game.turn_grammar`. Texts are filled in one pass, so that a `$` in a persona stays one.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, Final

from negotiation_env.errors import UserError

__all__ = [
    "DEFAULT",
    "HANDSHAKE",
    "HANDSHAKE_2",
    "SHIPPED",
    "VERSIONS",
    "PromptSet",
    "SystemText",
    "read_prompts",
    "shipped_prompts",
]

DEFAULT: Final = "natural"
HANDSHAKE: Final = "handshake"
SHIPPED: Final = ("natural", "natural.de", "handshake")
HANDSHAKE_2: Final = "handshake.2"
"""Stands in for `HANDSHAKE` where that would say what is not so; see `negotiation_env.environment.prompting.suited`."""
VERSIONS: Final = (*SHIPPED, HANDSHAKE_2)
"""All that a record can name."""

_GAME: Final = frozenset(("dilemma", "seat", "parties"))
_OWN: Final = frozenset(("name", "goal", "values", "red_line", "style"))
_PARTY: Final = _GAME | _OWN | {"others", "other_personas", "all_personas"}
_TEXTS: Final[Mapping[str, tuple[frozenset[str], tuple[str, ...]]]] = {
    "opening": (_GAME - {"dilemma"}, ()),
    "reminder": (_GAME - {"dilemma"}, ()),
    "elided": (_GAME - {"dilemma"}, ()),
    "personas.brief": (_PARTY, ("name", "goal", "dilemma")),
    "personas.completion": (_PARTY, ("other_personas|all_personas",)),
    "personas.single": (_GAME | {"all_personas"}, ("dilemma", "all_personas")),
    "personas.persona": (_OWN, ("name", "goal")),
    "plain.brief": (_GAME, ("dilemma",)),
    "plain.completion": (_GAME, ()),
    "plain.single": (_GAME, ("dilemma",)),
}
"""Every text: the placeholders that it may have, and those that it must; `plain` ones show no personas."""
_OPTIONAL: Final = ("reminder",)
_FIRST: Final = (".brief", ".single")
"""The endings of the names of what a chat begins with."""
_KEYS: Final = frozenset(("name", "version", "missing", "between", "limits", "personas", "plain"))
_STRAY: Final = r"(?<!\$)\$(?:\$\$)*(?![a-zA-Z_$]|\{[a-zA-Z_]\w*\})"
"""A $ that begins no placeholder."""
_NAME: Final = re.compile(r"[\w.-]{1,60}")


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The texts that one seat is shown.

    Attributes:
        name: What it is called in records.
        version: Counts its changes, from 1.
        texts: The text of each name, such as "personas.brief", ordered by name.
        limits: Numbers that texts name, such as the most words of a turn, ordered by name.
        missing: Stands for what a persona does not have; where it is "", the line that asks for it is left out, or the
            piece of a line: one that ends in a backslash goes on with the next.
        between: Stands between personas that are shown whole.

    Raises:
        ValueError: A text or placeholder is unknown or missing, or another value will not do.
    """

    name: str
    version: int
    texts: tuple[tuple[str, str], ...]
    limits: tuple[tuple[str, int], ...] = ()
    missing: str = ""
    between: str = "\n\n"

    def __post_init__(self) -> None:
        _check_values(self)
        _check_limits(dict(self.limits))
        texts = dict(self.texts)
        _check_texts(texts)
        for name, text in texts.items():
            _check_placeholders(name, text, [limit for limit, _ in self.limits])

    def __hash__(self) -> int:
        """Of what nearly always tells sets apart; to go through all texts would cost more than what is cached by it."""
        return hash((self.name, self.version))

    @property
    def id(self) -> str:
        """Name, version, and the beginning of the SHA-256 of all that it says, such as "natural 1 3fa9c2d1"."""
        return f"{self.name} {self.version} {self.sha256[:8]}"

    @property
    def sha256(self) -> str:
        """Of all that it says."""
        return _sha256(self)

    @property
    def asks_for_tags(self) -> bool:
        """Whether both briefs name the tags of `negotiation_env.game.turn_grammar`."""
        briefs = [text for name, text in self.texts if name.endswith(".brief")]
        return all(tag in brief for brief in briefs for tag in ("PROPOSE", "ACCEPT"))

    def fill(self, text: str, fields: Mapping[str, object]) -> str:
        """One of the texts with its placeholders filled.

        Args:
            text: Its name; "" comes back where the set leaves it out.
            fields: By placeholder what to show; a line with one that is "" is left out, or the piece of it that ends in
                a backslash.
        """
        known = {**fields, **dict(self.limits)}
        kept = []
        for line in _lines(self, text):
            said = [piece for piece, names in line if all(known[name] != "" for name in names)]
            if said:
                kept.append("".join(said) if len(said) == len(line) else "".join(said).rstrip())
        return Template("\n".join(kept)).substitute(known)

    def with_system(self, text: str) -> "PromptSet":
        """The set with a text of somebody's own, which has no placeholders, before what the brief or task says."""
        own = text.replace("$", "$$")
        told = {name: f"{own}\n\n{said}" if name.endswith(_FIRST) else said for name, said in self.texts}
        return replace(self, texts=tuple(told.items()))


@dataclass(frozen=True, slots=True)
class SystemText:
    """What an agent adds to whatever set its seat is shown; see `PromptSet.with_system`."""

    text: str


@cache
def _sha256(prompts: PromptSet) -> str:
    content = {name: getattr(prompts, name) for name in PromptSet.__dataclass_fields__}
    content |= {"texts": sorted(prompts.texts), "limits": sorted(prompts.limits)}
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@cache
def _lines(prompts: PromptSet, text: str) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]:
    """The lines of a text, each as its pieces with their placeholders; a backslash ends all but a line's last piece."""
    found = dict(prompts.texts).get(text, "")
    lines = [line.split("\\\n") for line in re.split(r"(?<!\\)\n", found)] if found else []
    return tuple(tuple((piece, tuple(Template(piece).get_identifiers())) for piece in line) for line in lines)


@cache
def shipped_prompts(name: str = DEFAULT) -> PromptSet:
    """One of `VERSIONS`."""
    file = files(__package__).joinpath("prompt_sets", f"{name}.toml")
    return read_prompts(file.read_text(encoding="utf-8"), f"{name}.toml")


def read_prompts(content: str, place: str) -> PromptSet:
    """A prompt set out of its TOML.

    Args:
        content: The TOML; its lines end in line feeds.
        place: The file's name, for messages.

    Raises:
        UserError: It is no TOML, or a text, key or placeholder is unknown or missing; the message names the line.
    """
    try:
        return _made(tomllib.loads(content))
    except _Fault as fault:
        raise UserError(f"{place}, line {_line_of(content, fault)}: {fault}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place} is not valid TOML: {error}") from error


class _Fault(ValueError):
    """What is wrong with a set, and which key of the file tells where, or what the pattern `mark` finds behind it."""

    def __init__(self, told: str, key: str, mark: str = "") -> None:
        super().__init__(told)
        self.key, self.mark = key, mark


def _line_of(content: str, fault: _Fault) -> int:
    """The line of a key, or of a placeholder behind it; of a key that is not there that of its table, or the first."""
    table, _, key = fault.key.rpartition(".")
    lines = content.split("\n")
    start = next((n for n, line in enumerate(lines) if table and line.strip() == f"[{table}]"), 0)
    named = re.compile(rf"\s*(?:\"?{re.escape(key)}\"?\s*=|\[{re.escape(fault.key)}\])")
    found = next((n for n in range(start, len(lines)) if named.match(lines[n])), start)
    marked = (n for n in range(found, len(lines)) if fault.mark and re.search(fault.mark, lines[n]))
    return next(marked, found) + 1


def _made(found: dict[str, Any]) -> PromptSet:
    limits, spelled = found.get("limits", {}), {key: found[key] for key in ("missing", "between") if key in found}
    if not isinstance(limits, dict):
        raise _Fault(f"expected a table [limits], got {limits!r:.80}", "limits")
    texts = {name: text.strip() if isinstance(text, str) else text for name, text in _texts_in(found)}
    name, version = found.get("name"), found.get("version")
    return PromptSet(name, version, tuple(sorted(texts.items())), tuple(sorted(limits.items())), **spelled)  # type: ignore[arg-type]


def _texts_in(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every text by its name, or what stands in its place."""
    yield from ((key, value) for key, value in found.items() if key not in _KEYS)
    for table in ("personas", "plain"):
        inside = found.get(table)
        if not isinstance(inside, dict):
            raise _Fault(f"expected a table [{table}], got {'none' if inside is None else repr(inside)[:80]}", table)
        yield from ((f"{table}.{key}", value) for key, value in inside.items())


def _check_values(prompts: PromptSet) -> None:
    name, version = prompts.name, prompts.version
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _Fault(f"expected a name of letters, digits, '.', '_' and '-', got {name!r:.80}", "name")
    if type(version) is not int or version < 1:
        raise _Fault(f"expected a version from 1, got {version!r:.80}", "version")
    for key in ("missing", "between"):
        if not isinstance(value := getattr(prompts, key), str):
            raise _Fault(f"expected {key} as a text, got {value!r:.80}", key)


def _check_limits(limits: Mapping[str, object]) -> None:
    for name, number in limits.items():
        if not name.isidentifier() or name in _PARTY:
            raise _Fault(f"a limit needs a word of its own as its name, got {name!r:.80}", f"limits.{name}")
        if type(number) is not int or number < 1:
            raise _Fault(f"expected the limit {name} as a number from 1, got {number!r:.80}", f"limits.{name}")


def _check_texts(texts: Mapping[str, object]) -> None:
    for name, text in texts.items():
        if name not in _TEXTS:
            raise _Fault(f"there is no text {name!r:.80}; the texts are {', '.join(_TEXTS)}", name)
        if not isinstance(text, str) or not text.strip():
            raise _Fault(f"expected {name} as a text that says something, got {text!r:.80}", name)
    if lacking := [name for name in _TEXTS if name not in texts and name not in _OPTIONAL]:
        raise _Fault(f"the text {lacking[0]} is missing", lacking[0])


def _check_placeholders(name: str, text: str, limits: Iterable[str]) -> None:
    known, needed = _TEXTS[name]
    template = Template(text)
    if not template.is_valid():
        raise _Fault(f"a $ in {name} begins no placeholder; write $$ for the sign itself", name, _STRAY)
    used = set(template.get_identifiers())
    if unknown := sorted(used - known - set(limits)):
        told = ", ".join(f"${each}" for each in (*sorted(known), *limits))
        raise _Fault(f"{name} has no placeholder ${unknown[0]}; there are {told}", name, rf"\$\{{?{unknown[0]}\b")
    if lacking := [each for each in needed if not used & set(each.split("|"))]:
        raise _Fault(f"{name} needs the placeholder ${lacking[0].replace('|', ' or $')}", name)
