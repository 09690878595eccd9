"""How a negotiation is played, as a value that is checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from negotiation_env.errors import UserError
from negotiation_env.game.scenario import Scenario

__all__ = ["RuleSettings", "Rules", "enough_turns"]

_NUMBERS = ("max_turns", "max_characters", "writer")
_SWITCHES = ("complete_without_agreement", "reward_without_agreement", "judge_sees_dialogue", "personas")


@dataclass(frozen=True, slots=True)
class Rules:
    """How a negotiation is played.

    Attributes:
        max_turns: Most utterances, over all parties; at least one for each seat, or 0: a single agent, the writer,
            answers the dilemma alone.
        history_turns: How many of the last utterances a speaker sees; None is all, the paper shows 2.
        complete_without_agreement: Write and score a completion also where no agreement was reached (evaluation).
        reward_without_agreement: Make that score the reward, which is 0 otherwise (training without agreement gate).
        judge_sees_dialogue: Show the dialogue to the judge that scores the completion.
        max_characters: Longest message; what is over is cut off and recorded.
        writer: The seat that writes the completion, the learner's.
        personas: Show the parties their personas; False is the ablation. The judge sees them either way.
    """

    max_turns: int = 7
    history_turns: int | None = None
    complete_without_agreement: bool = False
    reward_without_agreement: bool = False
    judge_sees_dialogue: bool = False
    max_characters: int = 4000
    writer: int = 0
    personas: bool = True

    def __post_init__(self) -> None:
        numbers = _NUMBERS if self.history_turns is None else (*_NUMBERS, "history_turns")
        for kind, names in (int, numbers), (bool, _SWITCHES):
            for name in names:
                if type(value := getattr(self, name)) is not kind:  # True is no seat, and "no" not False
                    raise ValueError(f"rules: expected {name} as {kind.__name__}, got {value!r:.80}")
        if self.max_turns < 0:
            raise ValueError(f"rules: max_turns must be at least 0; got {self}")
        if min(self.max_characters, 1 if self.history_turns is None else self.history_turns) < 1:
            raise ValueError(f"rules: max_characters and history_turns must be at least 1; got {self}")
        if self.reward_without_agreement and not self.complete_without_agreement:
            raise ValueError(f"rules: reward_without_agreement needs complete_without_agreement; got {self}")

    @property
    def single(self) -> bool:
        """Whether a single agent answers alone."""
        return self.max_turns == 0


class RuleSettings(TypedDict, total=False):
    """The fields of `Rules`, for signatures that take some of them by name."""

    max_turns: int
    history_turns: int | None
    complete_without_agreement: bool
    reward_without_agreement: bool
    judge_sees_dialogue: bool
    max_characters: int
    writer: int
    personas: bool


def enough_turns(max_turns: int, scenarios: Sequence[Scenario]) -> int:
    """`max_turns`, raised where more than two negotiate; 0, for a single agent, stays; open questions need it.

    Raises:
        UserError: It is 1, and no two parties could speak.
    """
    if all(scenario.seats == 1 for scenario in scenarios):
        return 0
    if max_turns == 1:
        raise UserError("expected max turns of 2 or more, so that each party can speak, or 0: a single agent; got 1")
    return max_turns and max([max_turns, *(scenario.seats for scenario in scenarios)])
