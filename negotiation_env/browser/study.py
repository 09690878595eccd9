"""A study with people: who plays what with whom, in an order that favours nothing.

    name = "Trained or not"
    consent = "You will play two short negotiations …"
    scenarios = ["ec-001", "ec-002"]

    [conditions]
    trained = "hf:Qwen/Qwen3-0.6B+runs/grpo/adapter"
    base = "hf:Qwen/Qwen3-0.6B"

Each participant plays one game under each condition, each over another scenario. The orders are the rows of a Williams
square: over a block of participants each condition stands at each place equally often, and follows each other one
equally often. A person keeps one seat; block by block people take the next one, and once all were taken the scenarios
move on, so that each condition is met in each scenario from each seat. The seed deals out the letters.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from negotiation_env.errors import UserError
from negotiation_env.files.settings_file import check_settings, read_toml
from negotiation_env.files.user_files import read_text
from negotiation_env.judges.ratings import RatedGame

__all__ = ["Questions", "Study", "Trial", "next_trials", "read_study", "trials"]


@dataclass(frozen=True, slots=True)
class Questions:
    """What people are asked after each game, in the study's words.

    Attributes:
        acceptable: Whether they can live with it.
        fair: Whether it is fair to all.
        agreed: Whether what was written is what they had agreed.
    """

    acceptable: str = "Is the joint answer acceptable to you, in your role?"
    fair: str = "Is it fair to all parties?"
    agreed: str = "Does it say what you had agreed?"


@dataclass(frozen=True, slots=True)
class Study:
    """The settings of a study.

    Attributes:
        name: What participants see it called.
        consent: What they consent to before anything begins.
        scenarios: Ids out of the split.
        conditions: Opponents' spec strings, by the conditions' names, which participants never see.
        split: Where the scenarios come from.
        seats: Where people sit, in turn; seat 0 writes the joint answer.
        judge: Decides agreement.
        max_turns: Most utterances.
        seed: Deals out conditions and scenarios, and seeds the opponents' words.
        questions: What is asked after each game.
    """

    name: str
    consent: str
    scenarios: tuple[str, ...]
    conditions: dict[str, str]
    split: str = "eval_conflict"
    seats: tuple[int, ...] = (0, 1)
    judge: str = "embedded"
    max_turns: int = 7
    seed: int = 0
    questions: Questions = field(default_factory=Questions)


@dataclass(frozen=True, slots=True)
class Trial:
    """One game of a participant.

    Attributes:
        number: Which one, counted from 0.
        condition: The opponent's name in the study.
        scenario: The scenario's id.
        seat: Where the person sits.
    """

    number: int
    condition: str
    scenario: str
    seat: int


def read_study(path: Path) -> tuple[Study, str]:
    """A study, and its id: the name with a digest of the file.

    Raises:
        UserError: It cannot be read, a setting is wrong, or it has fewer scenarios than conditions.
    """
    study = check_settings(Study, read_toml(path, "study"), path)
    if not study.conditions or len(set(study.scenarios)) < len(study.conditions):
        told = "expected at least one condition, and a scenario of its own for each"
        raise UserError(
            f"{path}: {told}; got {len(study.conditions)} conditions, {len(set(study.scenarios))} scenarios"
        )
    if not study.consent.strip() or study.max_turns < 2:
        raise UserError(f"{path}: expected a text under consent, and max_turns of at least 2")
    if not study.seats or len(set(study.seats)) < len(study.seats):
        raise UserError(f"{path}: expected seats that differ, at least one; got {list(study.seats)}")
    digest = hashlib.sha256(read_text(path, "study").encode()).hexdigest()[:8]
    return study, f"{study.name}@{digest}"


def trials(study: Study, place: int) -> list[Trial]:
    """The games of a participant, in their order.

    Args:
        study: The study.
        place: Whose: how many participants came before.
    """
    deal = Random(study.seed)
    conditions, scenarios = list(study.conditions), list(study.scenarios)
    deal.shuffle(conditions)
    deal.shuffle(scenarios)
    rows = _williams(len(conditions))
    block, row = divmod(place, len(rows))
    shift, sits = divmod(block, len(study.seats))
    return [
        Trial(number, conditions[letter], scenarios[(letter + shift) % len(scenarios)], study.seats[sits])
        for number, letter in enumerate(rows[row])
    ]


def _williams(letters: int) -> list[list[int]]:
    """Orders in which each letter stands at each place, and follows each other one, equally often.

    Williams, E. J. (1949): Experimental designs balanced for the estimation of residual effects of treatments. An odd
    number of letters needs each row forwards and backwards.
    """
    first = [(place + 1) // 2 if place % 2 else -(place // 2) for place in range(letters)]
    rows = [[(letter + shift) % letters for letter in first] for shift in range(letters)]
    return rows + [row[::-1] for row in rows] if letters % 2 and letters > 1 else rows


def next_trials(study: Study, id: str, rated: Sequence[RatedGame], participant: str | None) -> tuple[str, list[Trial]]:
    """Who plays now, and what that person has not rated yet.

    Args:
        study: The study.
        id: The study's, as ratings have it.
        rated: All that was rated so far.
        participant: Who; None is the next new one, by number.

    Raises:
        UserError: The ratings are of another study, or the participant has rated everything.
    """
    if others := {game.study for game in rated} - {id}:
        raise UserError(f"the folder holds ratings of {min(others)!r}, this is {id!r}; give another --out")
    known = list(dict.fromkeys(game.participant for game in rated))
    who = participant or next(name for name in map(str, range(len(known) + 1, 10**9)) if name not in known)
    place = known.index(who) if who in known else len(known)
    done = {game.trial for game in rated if game.participant == who}
    left = [trial for trial in trials(study, place) if trial.number not in done]
    if not left:
        raise UserError(f"participant {who!r} has rated all games; give another --participant")
    return who, left
