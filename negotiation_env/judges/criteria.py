"""What a judge grades by: an objective as a TOML file, so that another objective needs no code."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from negotiation_env.errors import UserError
from negotiation_env.files.settings_file import check_settings, read_toml
from negotiation_env.text.nearest import did_you_mean

__all__ = ["LEVELS", "Aspect", "Criteria", "load_criteria"]

LEVELS: Final = (0, 1, 2, 3, 4, 5)
_TAKEN: Final = ("parties", "quote", "served", "aspects", "harms", "reason", "score")
"""Keys of the reply; the token of a level is found by its key."""
_SHIPPED: Final = ("collective_agency", "conflict_resolution")


@dataclass(frozen=True, slots=True)
class Aspect:
    """One side of the objective, graded for itself.

    Attributes:
        name: A lower-case word; its key in the judge's reply.
        definition: What it means.
        weight: Its share in the score; 0 has it graded and recorded only.
    """

    name: str
    definition: str
    weight: float = 0.0

    def __post_init__(self) -> None:
        if not (self.name.isidentifier() and self.name.islower()) or self.name in _TAKEN:
            taken = ", ".join(_TAKEN)
            raise ValueError(f"an aspect's name must be a lower-case word and none of {taken}; got {self.name!r}")
        if self.weight < 0:
            raise ValueError(f"the weight of {self.name!r} must not be below 0; got {self.weight}")


@dataclass(frozen=True, slots=True)
class Criteria:
    """An objective.

    The score is the weighted mean of the overall level and the aspects' levels, and never more than
    `cap_above_worst_goal` above the level at which the worse-served party's goal is met.

    Attributes:
        name: What is graded, such as "Collective Agency".
        definition: What it means.
        aspects: Its sides.
        anchors: What deserves each level, from 0 to 5.
        rules: What earns nothing, and other cautions.
        overall_weight: The overall level's share in the score.
        cap_above_worst_goal: Levels; 5 is no cap.
    """

    name: str
    definition: str
    aspects: tuple[Aspect, ...]
    anchors: tuple[str, ...]
    rules: tuple[str, ...] = ()
    overall_weight: float = 1.0
    cap_above_worst_goal: int = 1

    def __post_init__(self) -> None:
        if len(self.anchors) != len(LEVELS):
            raise ValueError(f"expected an anchor for each of the levels 0 to 5, got {len(self.anchors)}")
        if self.overall_weight < 0 or self.overall_weight + sum(aspect.weight for aspect in self.aspects) <= 0:
            raise ValueError("the weights must not be below 0, and at least one must be above")
        if len({aspect.name for aspect in self.aspects}) < len(self.aspects):
            raise ValueError("the aspects' names must differ")


@cache
def load_criteria(name: str = "collective_agency") -> Criteria:
    """Read a criteria file.

    Args:
        name: "collective_agency" or "conflict_resolution", which are shipped, or the path of a TOML file.

    Raises:
        UserError: There is no such file, or it is no criteria file; the message says what is wrong.
    """
    path = files(__package__).joinpath("objectives", f"{name}.toml") if name in _SHIPPED else Path(name)
    if not path.is_file():
        near = did_you_mean(name, _SHIPPED)
        raise UserError(f"no criteria {name!r}{near}; expected {' or '.join(_SHIPPED)}, or a TOML file like those")
    with as_file(path) as file:
        return check_settings(Criteria, read_toml(file, "criteria file"), file)
