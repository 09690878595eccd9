"""Guards as files: constraints with names, and what is done where one is broken.

    [[constraint]]
    name = "reason_first"
    formula = "accepts implies once gives_reason"
    ladder = ["feedback", "ask_again", "replace"]
    told = "Nobody has given a reason yet: say why before you accept."

`formula` (`negotiation_env.guards.formulas`) has to hold at each turn; where it does not, the turn's speaker breaks the
constraint. With `seats = "each"` the formula is watched once for each seat, `mine` is true at that seat's turns and
`theirs` at the others', and it has to hold at that seat's own turns only. A party's first breach of a constraint gets
the first step of its `ladder`, the second breach the second one, and all further ones the last.

A table `[propositions]`, `[numbers]` adds functions of one's own: `polite = "MODULE:NAME"` names a function from a
`Heard` to a truth value, or to a number. A table `[asked]` adds propositions that the game's judge answers:
`gives_in = "Does the speaker give up its own red line?"`. An installed package adds some by entry points of the groups
`negotiation_env.propositions` and `negotiation_env.numbers`; what a file names goes before what is installed, and both
before what is shipped.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from negotiation_env.errors import UserError
from negotiation_env.files.settings_file import Several, check_settings, read_toml
from negotiation_env.guards import SHIPPED
from negotiation_env.guards.asked import Asked
from negotiation_env.guards.formulas import RESERVED, Atom, Formula, atoms, parse
from negotiation_env.guards.propositions import ENGLISH, NUMBERS, PROPOSITIONS, Numeric, Proposition
from negotiation_env.specs import FILE, imported, load_factory
from negotiation_env.text.nearest import did_you_mean

__all__ = ["SHIPPED", "Constraint", "Given", "Guards", "Intervention", "load_guards"]

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


class Intervention(StrEnum):
    """What is done where a constraint is broken, from the mildest to the strictest.

    To ask again and to replace keep the words from being delivered; the others come after they are.
    """

    RECORD = "record"
    FEEDBACK = "feedback"
    ASK_AGAIN = "ask_again"
    REPLACE = "replace"
    END = "end"
    END_UNSCORED = "end_unscored"


@dataclass(frozen=True, slots=True)
class Constraint:
    """What has to hold at each turn.

    Attributes:
        name: Lower-case letters, digits and `_`; unique among the guards of a game.
        formula: A formula of `negotiation_env.guards.formulas`.
        seats: "all": one formula over all turns; "each": one for each seat, at its own turns, with `mine` and `theirs`.
        ladder: What is done at a party's first breach, the second one, and so on; the last step is for all further.
        told: What the speaker is told, where it is told anything; the name, if this is empty.
    """

    name: str
    formula: str
    seats: str = "all"
    ladder: Several[Intervention] = (Intervention.RECORD,)
    told: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UserError(f"constraint {self.name!r}: expected a name of a to z, 0 to 9 and _")
        if self.seats not in ("all", "each"):
            raise UserError(f'constraint {self.name!r}: expected seats = "all" or "each", got {self.seats!r}')
        if not self.ladder or self.ladder[-1] == Intervention.ASK_AGAIN:
            told = "a model that never complies would be asked for ever; end it on another step, such as replace"
            raise UserError(f"constraint {self.name!r}: expected a ladder that does not end on ask_again: {told}")

    @property
    def explanation(self) -> str:
        """What the speaker is told of a breach."""
        return self.told or f"Broken: {self.name}."

    @property
    def parsed(self) -> Formula:
        """The formula.

        Raises:
            UserError: It is none.
        """
        try:
            return parse(self.formula)
        except UserError as error:
            raise UserError(f"constraint {self.name!r}: {error}") from error


@dataclass(frozen=True, slots=True, eq=False)
class Guards:
    """Constraints, and what they may speak of; functions have no other equals than themselves, nor have guards.

    Attributes:
        name: What records call them: those of several files are joined by "+".
        constraints: Each with a name of its own.
        propositions: By name, the shipped ones and those of one's own.
        numbers: The same of numbers.

    Raises:
        UserError: Two constraints have one name, something is called like a word of formulas, or a formula is none or
            speaks of what is not there.
    """

    name: str
    constraints: tuple[Constraint, ...]
    propositions: Mapping[str, Proposition] = field(default_factory=lambda: PROPOSITIONS)
    numbers: Mapping[str, Numeric] = field(default_factory=lambda: NUMBERS)

    @property
    def id(self) -> str:
        """The name, and a digest of constraints and questions; what functions of one's own do is not in it."""
        told = repr([(each.name, each.formula, each.seats, *each.ladder, each.told) for each in self.constraints])
        told += repr(self.asked) if self.asked else ""
        return f"{self.name}@{hashlib.sha256(told.encode()).hexdigest()[:8]}"

    @property
    def asked(self) -> dict[str, str]:
        """What formulas ask the game's judge, by the names of the propositions."""
        return _asked(self)

    @property
    def english(self) -> tuple[str, ...]:
        """The propositions of formulas that look for English words."""
        return _english(self)

    def __post_init__(self) -> None:
        names = [each.name for each in self.constraints]
        if twice := [name for name in names if names.count(name) > 1]:
            raise UserError(f"guards {self.name}: two constraints are called {twice[0]!r}; rename one")
        if taken := [name for name in RESERVED if name in self.propositions or name in self.numbers]:
            raise UserError(f"guards {self.name}: {taken[0]!r} is a word of formulas; call what is one's own otherwise")
        for constraint in self.constraints:
            self._require_known(constraint)

    def _require_known(self, constraint: Constraint) -> None:
        own = ("mine", "theirs") if constraint.seats == "each" else ()
        for atom in atoms(constraint.parsed):
            known = (*self.propositions, *own) if isinstance(atom, Atom) else tuple(self.numbers)
            if atom.name not in known:
                what = "proposition" if isinstance(atom, Atom) else "number"
                raise UserError(
                    f"constraint {constraint.name!r}: no {what} {atom.name!r}{did_you_mean(atom.name, known)}; "
                    f"expected one of: {', '.join(known)}"
                )


@lru_cache(maxsize=64)
def _asked(guards: Guards) -> dict[str, str]:
    return {name: each.question for name, each in _used(guards) if isinstance(each, Asked)}


@lru_cache(maxsize=64)
def _english(guards: Guards) -> tuple[str, ...]:
    return tuple(name for name, each in _used(guards) if each in ENGLISH)


def _used(guards: Guards) -> list[tuple[str, Proposition]]:
    """The propositions that formulas speak of, by name."""
    used = {atom.name for each in guards.constraints for atom in atoms(each.parsed) if isinstance(atom, Atom)}
    return [(name, each) for name, each in sorted(guards.propositions.items()) if name in used]


Given: TypeAlias = str | Path | Guards | Sequence[str | Path | Guards]
"""Guards by name, by path or as a value, or several of them."""


def load_guards(given: Given) -> Guards:
    """The guards of a game.

    Args:
        given: The name of shipped guards, the path of a guard file, a value, or several of these, which all count.

    Raises:
        UserError: There is no such file, or something is wrong in it; the message names it. Or two of several call
            other functions by one name, or there are none.
    """
    parts = [given] if isinstance(given, str | Path | Guards) else list(given)
    loaded = [each if isinstance(each, Guards) else _load(each) for each in parts]
    if not loaded:
        raise UserError(f"guards: expected {', '.join(SHIPPED)} or {FILE} files; got none, which is None")
    if len(loaded) == 1:
        return loaded[0]
    propositions = _together([guards.propositions for guards in loaded])
    numbers = _together([guards.numbers for guards in loaded])
    constraints = tuple(each for guards in loaded for each in guards.constraints)
    return Guards("+".join(guards.name for guards in loaded), constraints, propositions, numbers)


_Said = TypeVar("_Said", Proposition, Numeric)


def _together(parts: Sequence[Mapping[str, _Said]]) -> dict[str, _Said]:
    """The functions of several guards; a name means the same in all their formulas.

    Raises:
        UserError: It does not.
    """
    found: dict[str, _Said] = {}
    for name, each in (item for part in parts for item in part.items()):
        if found.setdefault(name, each) != each:
            raise UserError(f"guards that go together mean different things by {name!r}; give one's own another name")
    return found


@dataclass(frozen=True, slots=True)
class _File:
    """A guard file, as it is written."""

    constraint: tuple[dict[str, Any], ...]
    propositions: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)


def _load(given: str | Path) -> Guards:
    path = Path(given)
    if str(given) in SHIPPED:
        path = Path(str(resources.files("negotiation_env.guards").joinpath(f"{given}{FILE}")))
    elif path.suffix != FILE:
        expected = f"one of {', '.join(SHIPPED)}, or the path of a {FILE} file; `negotiate init guards` writes one"
        raise UserError(f"no guards {str(given)!r}{did_you_mean(str(given), SHIPPED)}; expected {expected}")
    found = check_settings(_File, read_toml(path, "guard file"), path)
    propositions = {**PROPOSITIONS, **_installed("propositions"), **_own(found.propositions)}
    numbers = {**NUMBERS, **_installed("numbers"), **_own(found.numbers)}
    try:
        propositions |= {name: Asked(question) for name, question in found.asked.items()}
        constraints = tuple(check_settings(Constraint, each, path) for each in found.constraint)
        return Guards(path.stem, constraints, propositions, numbers)
    except UserError as error:
        raise UserError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error


def _own(named: Mapping[str, str]) -> dict[str, Any]:
    return {name: load_factory(where, name) for name, where in named.items()}


def _installed(kind: str) -> dict[str, Any]:
    """The functions of installed packages."""
    from importlib.metadata import entry_points  # slow to import

    group = f"negotiation_env.{kind}"
    return {each.name: imported(each.value, f"{each.name} ({group})") for each in entry_points(group=group)}
