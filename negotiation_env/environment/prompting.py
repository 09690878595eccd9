"""Which prompt sets a game is played with: those that somebody names, or what its judge needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias
from warnings import warn

from negotiation_env.errors import UserError
from negotiation_env.files.user_files import read_text
from negotiation_env.game.prompts import (
    DEFAULT,
    HANDSHAKE,
    HANDSHAKE_2,
    SHIPPED,
    VERSIONS,
    PromptSet,
    SystemText,
    read_prompts,
    shipped_prompts,
)
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Judge
from negotiation_env.specs import parse, single_specs
from negotiation_env.text.nearest import did_you_mean

__all__ = [
    "BEFORE_SETS",
    "Prompts",
    "chosen_id",
    "chosen_prompts",
    "current_ids",
    "ids_of",
    "load_prompts",
    "mismatch",
    "planned_prompts",
    "seat_prompts",
    "shipped_of",
    "suited",
    "warn_of_mismatch",
]

Prompts: TypeAlias = str | Path | PromptSet | Sequence[str | Path | PromptSet] | None
"""A set, its name or path; or one of these for each seat; None follows the judge."""

_IN_FOLDER: Final = "prompts.toml"
_READ_TAGS: Final = ("embedded", "reading", "scripted")
"""The kinds of shipped judges that have an attribute `prompts`."""
BEFORE_SETS: Final = {"v1": "handshake 1 b8a117b5"}
"""What records of before there were prompt sets say, and which set's texts that was."""


def load_prompts(wanted: str | Path | PromptSet) -> PromptSet:
    """A prompt set.

    Args:
        wanted: The name of a shipped one, the path of a TOML file, or of a folder with a `prompts.toml`; or the set.

    Raises:
        UserError: There is no such set, or a text, key or placeholder in it is unknown or missing.
    """
    if isinstance(wanted, PromptSet):
        return wanted
    if wanted in SHIPPED:
        return shipped_prompts(str(wanted))
    if not isinstance(wanted, str | Path):
        raise UserError(f"prompts: expected a name, a path or a PromptSet, got {wanted!r:.80}")
    if (path := _path_of(wanted)) is None:
        near, shipped = did_you_mean(str(wanted), SHIPPED), ", ".join(SHIPPED)
        told = f"expected {shipped}, a TOML file (`negotiate init prompts` writes one), or a folder with a {_IN_FOLDER}"
        raise UserError(f"no prompt set {str(wanted)!r:.300}{near}; {told}")
    return read_prompts(read_text(path, "prompt set"), str(path))


def _path_of(wanted: str | Path) -> Path | None:
    """The file that is named, if there is one."""
    try:
        path = Path(wanted, _IN_FOLDER) if Path(wanted).is_dir() else Path(wanted)
        return path if path.exists() else None
    except OSError:  # what is too long for a name, such as the text of a set
        return None


def chosen_prompts(given: Prompts, judge: Judge | None = None) -> tuple[PromptSet, ...]:
    """The sets of a run: one for each seat, the last one also for the seats beyond.

    Args:
        given: What somebody asked for.
        judge: Says what it needs by an attribute `prompts`, a set's name; without one it reads free dialogue.

    Raises:
        UserError: There is no such set, or none is given.
    """
    if given is None:
        given = _needed(judge) or DEFAULT
    if isinstance(given, str | Path | PromptSet):
        return (load_prompts(given),)
    if not isinstance(given, Sequence) or not given:
        raise UserError(f"prompts: expected a name, a path, a PromptSet, or one for each seat; got {given!r:.80}")
    return tuple(map(load_prompts, given))


def planned_prompts(given: Prompts, judge: str) -> tuple[PromptSet, ...]:
    """The same by a judge's spec, before the judge is made; one of somebody's own is taken to ask for no other set."""
    tagged = any(parse(each).kind in _READ_TAGS for each in single_specs(judge))
    return chosen_prompts((HANDSHAKE if tagged else DEFAULT) if given is None else given)


def suited(prompts: PromptSet, scenario: Scenario | None) -> PromptSet:
    """The set, or what stands in for it in a scenario.

    `handshake` stays what the shipped adapter was trained on. It shows a dash for what a persona lacks and knows one
    other side: where something lacks, or more than two negotiate, its second version is shown, which says neither.
    """
    if scenario is None or prompts != shipped_prompts(HANDSHAKE):
        return prompts
    whole = all(each.values and each.red_line and each.style for each in scenario.personas)
    return prompts if whole and len(scenario.personas) <= 2 else shipped_prompts(HANDSHAKE_2)


def chosen_id(id: str) -> str:
    """The id of the set that was asked for, by one that a record names; `suited` may have put another in its place."""
    return shipped_prompts(HANDSHAKE).id if id == shipped_prompts(HANDSHAKE_2).id else id


def seat_prompts(
    prompts: Sequence[PromptSet], seats: int, agents: Sequence[Any] = (), scenario: Scenario | None = None
) -> tuple[PromptSet, ...]:
    """One set for each seat.

    Args:
        prompts: The run's; the last one takes the seats beyond.
        seats: How many there are.
        agents: Who sits there, if known; an agent with a set of its own, `agent.prompts`, be it the name of a shipped
            one, is shown that, and one whose `agent.prompts` is a `SystemText` is shown the run's with it.
        scenario: What is negotiated, if known; see `suited`.
    """
    run = (suited(prompts[min(seat, len(prompts) - 1)], scenario) for seat in range(seats))
    own = [getattr(agent, "prompts", None) for agent in agents] or [None] * seats
    return tuple(suited(each, scenario) for each in map(_own, own, run))


def _own(own: object, other: PromptSet) -> PromptSet:
    """What somebody's own agent calls `prompts` may be anything."""
    if isinstance(own, SystemText):
        return other.with_system(own.text)
    if isinstance(own, str) and own in SHIPPED:
        return shipped_prompts(own)
    return own if isinstance(own, PromptSet) else other


def _needed(judge: Judge | None) -> str:
    """The set that a judge asks for; what somebody's own class calls `prompts` may be anything."""
    wanted = getattr(judge, "prompts", "")
    return wanted if isinstance(wanted, str) else ""


def ids_of(prompts: Sequence[PromptSet]) -> str:
    """The sets' ids as records have them: one where all seats have the same, else one for each seat."""
    ids = [each.id for each in prompts]
    return ids[0] if len(set(ids)) == 1 else "; ".join(ids)


def current_ids(told: str) -> str:
    """The ids of a record, also of one that was made before there were prompt sets."""
    return BEFORE_SETS.get(told, told)


def shipped_of(told: str) -> list[PromptSet]:
    """The shipped sets that a record names; what somebody's own sets say it does not tell."""
    shipped = {each.id: each for each in map(shipped_prompts, VERSIONS)}
    return [shipped[id] for id in current_ids(told).split("; ") if id in shipped]


def mismatch(prompts: Sequence[PromptSet], judge: Judge) -> str | None:
    """Why a judge will see no agreement, where it reads tags that a seat is not asked for; None where it will."""
    if _needed(judge) != HANDSHAKE or not (others := [each.name for each in prompts if not each.asks_for_tags]):
        return None
    return (
        f"{judge.name} sees agreement by the tags PROPOSE and ACCEPT, which the prompt set {others[0]!r} does not ask "
        f"for: take the set {HANDSHAKE!r}, or a language model as judge"
    )


def warn_of_mismatch(prompts: Sequence[PromptSet], judge: Judge) -> None:
    """Warn, once for each place and text, as `warnings` does."""
    if told := mismatch(prompts, judge):
        warn(told, stacklevel=1)
