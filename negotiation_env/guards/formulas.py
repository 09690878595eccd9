"""Formulas of past-time temporal logic over the turns of a negotiation, and the parser that reads them.

A formula is true or false at each turn, by that turn and those before it:

| written | true at a turn where |
|---|---|
| `accepts` | the proposition holds of the turn; `true`, `false`, `mine` and `theirs` are always there |
| `words < 8` | the number is so; also `<=`, `>`, `>=` |
| `not F`, `F and G`, `F or G`, `F implies G` | as everywhere |
| `previously F` | F held at the turn before; false at the first turn |
| `once F` | F held at this turn or an earlier one |
| `historically F` | F held at this turn and all earlier ones |
| `F since G` | G held at this turn or an earlier one, and F at all turns after that one, up to this |
| `once within N turns F` | F held at this turn or one of the N before it |
| `historically within N turns F` | F held at this turn and at all of the N before it that there were |
| `F since within N turns G` | `F since G`, for a G at this turn or one of the N before it |
| `F answered within N turns by G` | no F of N or more turns ago is still without a G at a later turn |

`not`, `previously`, `once` and `historically` bind tightest, then `since` and `answered`, `and`, `or`, and last
`implies`; `since` and `answered` take the left first, `implies` the right. The operators are those of Havelund and
Roşu, *Synthesizing Monitors for Safety Properties* (TACAS 2002), and their forms with a bound.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from negotiation_env.errors import UserError

__all__ = [
    "RESERVED",
    "And",
    "Answered",
    "Atom",
    "Constant",
    "Formula",
    "Historically",
    "Implies",
    "Not",
    "Number",
    "Once",
    "Or",
    "Previously",
    "Since",
    "atoms",
    "parse",
]


@dataclass(frozen=True, slots=True)
class Constant:
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Atom:
    """A proposition of the turn, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the turn, by name, against a threshold; `sign` is one of <, <=, >, >=."""

    name: str
    sign: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Not:
    """`not F`."""

    of: "Formula"


@dataclass(frozen=True, slots=True)
class And:
    """`F and G`."""

    left: "Formula"
    right: "Formula"


@dataclass(frozen=True, slots=True)
class Or:
    """`F or G`."""

    left: "Formula"
    right: "Formula"


@dataclass(frozen=True, slots=True)
class Implies:
    """`F implies G`."""

    left: "Formula"
    right: "Formula"


@dataclass(frozen=True, slots=True)
class Previously:
    """`previously F`."""

    of: "Formula"


@dataclass(frozen=True, slots=True)
class Once:
    """`once F`, `once within N turns F`; `within` None is no bound."""

    of: "Formula"
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Historically:
    """`historically F`, `historically within N turns F`; `within` None is no bound."""

    of: "Formula"
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Since:
    """`F since G`, `F since within N turns G`; `within` None is no bound."""

    left: "Formula"
    right: "Formula"
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """`F answered within N turns by G`; N is at least 1."""

    left: "Formula"
    right: "Formula"
    within: int


Formula: TypeAlias = (
    Constant | Atom | Number | Not | And | Or | Implies | Previously | Once | Historically | Since | Answered
)

_TOKEN: Final = re.compile(r"\s*(?:(?P<word>[A-Za-z_]\w*)|(?P<number>\d+(?:\.\d+)?)|(?P<sign><=|>=|<|>|\(|\)))")
_WORDS: Final = (
    *("not", "and", "or", "implies", "previously", "once", "historically", "since", "within", "turn", "turns"),
    *("answered", "by"),
)
RESERVED: Final = (*_WORDS, "true", "false", "mine", "theirs")
"""What no function of one's own can be called."""
_SIGNS: Final = ("<", "<=", ">", ">=")
_DEEPEST: Final = 50
_LONGEST: Final = 200
"""Formulas within formulas, and words and signs of one; more is no text that somebody wrote."""


class _Token(NamedTuple):
    text: str
    place: int


def parse(text: str) -> Formula:
    """Read a formula.

    Raises:
        UserError: It is none; the message shows the place.
    """
    return _Parser(text).whole()


def atoms(formula: Formula) -> Iterator[Atom | Number]:
    """What a formula says of single turns."""
    if isinstance(formula, Atom | Number):
        yield formula
    elif isinstance(formula, Not | Previously | Once | Historically):
        yield from atoms(formula.of)
    elif not isinstance(formula, Constant):
        yield from atoms(formula.left)
        yield from atoms(formula.right)


class _Parser:
    """Recursive descent, one method a level of binding."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._next = 0
        self._depth = 0
        if len(self._tokens) > _LONGEST:
            raise self._error(f"at most {_LONGEST} words and signs", self._tokens[_LONGEST].place)

    def whole(self) -> Formula:
        formula = self._implies()
        if self._token.text:
            raise self._wrong("the end, or one of and, or, implies, since, answered")
        return formula

    def _split(self) -> Iterator[_Token]:
        place = 0
        while found := _TOKEN.match(self._text, place):
            place = found.end()
            yield _Token(found[0].strip(), place - len(found[0].strip()))
        rest = self._text[place:]
        if rest.strip():
            raise self._error("a name, a number, a comparison or a bracket", place + len(rest) - len(rest.lstrip()))
        yield _Token("", len(self._text))

    def _implies(self) -> Formula:
        with self._one_deeper():
            left = self._or()
            return Implies(left, self._implies()) if self._take("implies") else left

    def _or(self) -> Formula:
        left = self._and()
        while self._take("or"):
            left = Or(left, self._and())
        return left

    def _and(self) -> Formula:
        left = self._since()
        while self._take("and"):
            left = And(left, self._since())
        return left

    def _since(self) -> Formula:
        left = self._single()
        while True:
            if self._take("since"):
                within = self._within()
                left = Since(left, self._single(), within)
            elif self._take("answered"):
                left = self._answered(left)
            else:
                return left

    def _answered(self, left: Formula) -> Formula:
        place = self._token.place
        if not (within := self._within()):
            raise self._error("'within' and a number of turns, at least 1", place)
        self._require("by")
        return Answered(left, self._single(), within)

    def _single(self) -> Formula:
        for word, kind in (("not", Not), ("previously", Previously)):
            if self._take(word):
                return kind(self._deeper())
        for word, bounded in (("once", Once), ("historically", Historically)):
            if self._take(word):
                within = self._within()
                return bounded(self._deeper(), within)
        if self._take("("):
            inner = self._implies()
            self._require(")")
            return inner
        return self._atom()

    def _deeper(self) -> Formula:
        """What a prefix stands before."""
        with self._one_deeper():
            return self._single()

    @contextmanager
    def _one_deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"at most {_DEEPEST} formulas within one another")
        yield
        self._depth -= 1

    def _atom(self) -> Formula:
        name = self._token.text
        if not (name.isidentifier() and name.isascii()) or name in _WORDS:
            raise self._wrong("a proposition, a number's name, '(' or one of not, previously, once, historically")
        self._next += 1
        if name in ("true", "false"):
            return Constant(name == "true")
        if (sign := self._token.text) not in _SIGNS:
            return Atom(name)
        self._next += 1
        return Number(name, sign, float(self._number("a number")))

    def _within(self) -> int | None:
        if not self._take("within"):
            return None
        number = self._number("a whole number of turns", whole=True)
        if not (self._take("turns") or self._take("turn")):
            raise self._wrong("'turns'")
        return int(number)

    def _number(self, expected: str, *, whole: bool = False) -> str:
        text = self._token.text
        if not (text.isdigit() if whole else text[:1].isdigit()) or len(text) > 9:
            raise self._wrong(expected)
        self._next += 1
        return text

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, text: str) -> bool:
        found = self._token.text == text
        self._next += found
        return found

    def _require(self, text: str) -> None:
        if not self._take(text):
            raise self._wrong(f"'{text}'")

    def _wrong(self, expected: str) -> UserError:
        return self._error(expected, self._token.place)

    def _error(self, expected: str, place: int) -> UserError:
        before, after = " ".join(self._text[:place].split()), " ".join(self._text[place:].split())
        return UserError(f"expected {expected} at the arrow in: {before[-60:]} → {after[:60]}".rstrip())
