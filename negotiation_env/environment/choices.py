"""What a caller may ask of an environment, checked: its scenarios, one of them, who writes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from operator import index
from pathlib import Path
from typing import Any, Final, SupportsIndex
from warnings import warn

from negotiation_env.data import load_scenarios
from negotiation_env.errors import UserError
from negotiation_env.game.protocol import Negotiation, Rules
from negotiation_env.game.scenario import Scenario
from negotiation_env.text.nearest import did_you_mean

__all__ = [
    "chosen_rules",
    "chosen_scenario",
    "given_scenarios",
    "parties",
    "require_fit",
    "reset_options",
    "writer_seat",
]

_OPTIONS: Final = ("scenario", "writer")
_RULES: Final = tuple(field.name for field in fields(Rules))
_SCENARIOS: Final = "expected Scenario values, or the name of a split or file"


def given_scenarios(given: str | Path | Scenario | Sequence[Scenario]) -> tuple[Scenario, ...]:
    """The scenarios of an environment.

    Args:
        given: They themselves, one alone, the name of a split or file, or a file's path.

    Raises:
        UserError: There is no such split or file.
        ValueError: It is nothing of that kind, or one of them is no scenario.
    """
    if isinstance(given, Scenario):
        return (given,)
    if isinstance(given, str | Path):
        return tuple(load_scenarios(given))
    if not isinstance(given, Iterable):
        raise ValueError(f"scenarios: {_SCENARIOS}; got {given!r:.80}")
    found = tuple(given)
    if wrong := [each for each in found if not isinstance(each, Scenario)]:
        raise ValueError(f"scenarios: {_SCENARIOS}; got {wrong[0]!r:.80}")
    return found


def chosen_rules(given: Mapping[str, Any]) -> Rules:
    """The rules, by their names.

    Raises:
        TypeError: There is no rule of such a name.
        ValueError: A value is out of range.
    """
    if unknown := [name for name in given if name not in _RULES]:
        told = f"no rule {unknown[0]!r:.80}{did_you_mean(unknown[0], _RULES)}"
        raise TypeError(f"{told}; there are {', '.join(_RULES)}")
    return Rules(**given)


def require_fit(scenarios: Sequence[Scenario], rules: Rules) -> None:
    """Refuse when an environment is made what would break it in the middle of a run.

    Raises:
        ValueError: There are no scenarios, or the rules do not fit one of them.
    """
    if not scenarios:
        raise ValueError("scenarios is empty; give at least one Scenario")
    for scenario in {each.seats: each for each in scenarios}.values():
        Negotiation(scenario, rules)


def reset_options(options: object) -> Mapping[str, Any]:
    """The options of a reset; a warning names those that there are not.

    Raises:
        UserError: They are no mapping.
    """
    if isinstance(options, Mapping):
        if unknown := [name for name in options if name not in _OPTIONS]:
            warn(f"reset: no option {unknown[0]!r:.80}; there are {' and '.join(_OPTIONS)}", stacklevel=3)
        return options
    if options is None:
        return {}
    raise UserError(f'options: expected a mapping such as {{"scenario": "train-0001"}}, or None; got {options!r:.80}')


def chosen_scenario(wanted: object, scenarios: Sequence[Scenario], room: int) -> Scenario:
    """The scenario that was asked for, by itself or by the id of one of the environment's.

    Args:
        wanted: A `Scenario` or an id.
        scenarios: The environment's.
        room: How many agents there are.

    Raises:
        UserError: There is none, or it takes more agents.
    """
    found = wanted if isinstance(wanted, Scenario) else next((each for each in scenarios if each.id == wanted), None)
    if found is None:
        told = f"no scenario {wanted!r:.80} among this environment's {len(scenarios)}, such as {scenarios[0].id!r:.80}"
        raise UserError(f"{told}; expected a Scenario or the id of one of them")
    if found.seats > room:
        told = f"{parties(found)}, and this environment was made for {room}"
        raise UserError(f"{told}; make one with this scenario among its scenarios")
    return found


def writer_seat(seat: object, scenario: Scenario) -> int:
    """The seat as an int, NumPy's included; True is none.

    Raises:
        UserError: The scenario has no such seat.
    """
    if isinstance(seat, SupportsIndex) and not isinstance(seat, bool) and 0 <= (found := index(seat)) < scenario.seats:
        return found
    raise UserError(f"writer must be a seat from 0 to {scenario.seats - 1}: {parties(scenario)}; got {seat!r:.80}")


def parties(scenario: Scenario) -> str:
    """How many parties a scenario has, for a message."""
    return f"scenario {scenario.id!r:.80} has {scenario.seats} {'party' if scenario.seats == 1 else 'parties'}"
