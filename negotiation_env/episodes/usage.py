"""What model calls took: tokens and, where prices are known, money."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum, isfinite
from typing import Any

from negotiation_env.environment.episode import Episode
from negotiation_env.game.events import JudgeCall, Message, Ruling

__all__ = [
    "RunningUsage",
    "Usage",
    "amount",
    "calls_usage",
    "guessed_tokens",
    "judge_usage",
    "policy_usage",
    "rulings_usage",
]


@dataclass(frozen=True, slots=True)
class Usage:
    """What some model calls took together.

    A reply out of a cache counts as its call did, so that a resumed run's figures are an unbroken one's.

    Attributes:
        calls: How many; a turn that reports no usage, such as a script's or a person's, is none.
        prompt_tokens: Tokens read, as the engines count them.
        completion_tokens: Tokens written.
        cost: US dollars, over the calls whose price is known; None where none is.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None

    def __str__(self) -> str:
        cost = "" if self.cost is None else f", ${self.cost:.4f}"
        return f"{self.prompt_tokens:,} + {self.completion_tokens:,}{cost}"

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens


def policy_usage(episodes: Iterable[Episode]) -> Usage:
    """What the agents' turns and completions took, failed ones included."""
    return _total(turn.usage for episode in episodes for turn in episode.asked if turn.usage)


def judge_usage(episodes: Iterable[Episode]) -> Usage:
    """What the judge's verdicts took, failed calls included."""
    return rulings_usage(ruling for episode in episodes for ruling in episode.rulings)


def rulings_usage(rulings: Iterable[Ruling]) -> Usage:
    """What some verdicts took, failed calls included."""
    return calls_usage(call for ruling in rulings for call in ruling.verdict.calls)


def calls_usage(calls: Iterable[JudgeCall]) -> Usage:
    """What some calls of judges took, failed ones included."""
    return _total(call.usage for call in calls)


def guessed_tokens(messages: Iterable[Message]) -> int:
    """About how many tokens a chat has, at 4 characters each; English is at 4 to 5."""
    return sum(len(message["content"]) for message in messages) // 4


def amount(usage: Mapping[str, Any], name: str) -> float | None:
    """A number out of what a call reports, whoever wrote it there; None where it is none that can be counted."""
    value = usage.get(name)
    if type(value) is bool:
        return None
    try:
        number = float(value)  # type: ignore[arg-type] # anything may stand there
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) and number >= 0 else None


def _total(usages: Iterable[Mapping[str, Any]]) -> Usage:
    running = RunningUsage()
    running.add(usages)
    return running.total()


class RunningUsage:
    """A total that grows; the order of what is added does not matter."""

    def __init__(self) -> None:
        self._calls = self._prompt_tokens = self._completion_tokens = 0
        self._costs = array("d")

    def add(self, usages: Iterable[Mapping[str, Any]]) -> None:
        """Add what some calls report."""
        for usage in usages:
            self._calls += 1
            self._prompt_tokens += int(amount(usage, "prompt_tokens") or 0)
            self._completion_tokens += int(amount(usage, "completion_tokens") or 0)
            if (cost := amount(usage, "cost")) is not None:
                self._costs.append(cost)

    def total(self) -> Usage:
        """All that was added."""
        cost = fsum(self._costs) if self._costs else None
        return Usage(self._calls, self._prompt_tokens, self._completion_tokens, cost)
