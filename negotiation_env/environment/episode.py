"""The record of one negotiation; what games, training, benchmarks and viewers all write and read.

One episode is one line of JSON in an append-only file. `FORMAT` is the version of its layout.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from negotiation_env.environment.turns import FailedTurn, Refused, Said
from negotiation_env.errors import UserError
from negotiation_env.files.durable import FORMAT, append_lines, parse_value, read_lines, written
from negotiation_env.game.echoes import ECHOES
from negotiation_env.game.events import Outcome, Ruling, Task, Utterance
from negotiation_env.game.protocol import Rules
from negotiation_env.game.rewards import MAX_REWARD, reward
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.watch import Violation

if TYPE_CHECKING:
    from pydantic import SerializerFunctionWrapHandler, TypeAdapter

__all__ = [
    "FORMAT",
    "Episode",
    "append_episode",
    "latest_episodes",
    "read_episodes",
    "stream_latest",
]

_NO_EPISODE = f"is not an episode of format {FORMAT}"


@dataclass(frozen=True, slots=True)
class Episode:
    """One negotiation from scenario to reward.

    Attributes:
        id: Unique within a run.
        scenario: What was negotiated.
        seed: Seeded the replies.
        rules: How it was played.
        agents: The name of the agent in each seat.
        judge: The judge's name.
        turns: Every turn in order, the completion last.
        rulings: Every verdict with its judge call.
        outcome: How it ended.
        reward: The terminal reward of every party; None is unscored.
        prompts: The id of the prompt set; where seats had different ones, each seat's, with "; " between.
        tags: What a run adds, such as group, optimizer step and learner's seat.
        format: Version of this layout.
        failed: The turn that an agent failed; None, and not in a line, where none did.
        guards: The id of the guards; not in a line where there were none.

    Raises:
        ValueError: A reward or score is none, or there are more turns than the rules allow.
    """

    __pydantic_config__ = written(turns="said")

    id: str
    scenario: Scenario
    seed: int
    rules: Rules
    agents: tuple[str, ...]
    judge: str
    turns: tuple[Said, ...]
    rulings: tuple[Ruling, ...]
    outcome: Outcome
    reward: float | None
    prompts: str = ""
    tags: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT
    failed: FailedTurn | None = None
    guards: str = ""

    @property
    def asked(self) -> "tuple[Said | Refused | FailedTurn, ...]":
        """Everything that an agent was asked for, with what it took; refused words stand before their turn."""
        turns: tuple[Said | FailedTurn, ...] = (*self.turns, self.failed) if self.failed else self.turns
        return tuple(each for turn in turns for each in (*turn.refused, turn))

    @property
    def learner_seats(self) -> tuple[int, ...]:
        """Where the learner of a training run sat, the writer's seat first; none in games that train nobody."""
        seat = self.tags.get("learner_seat")
        if not isinstance(seat, int):
            return ()
        return (seat, 1 - seat) if self.tags.get("both_seats") else (seat,)

    def broken(self, seats: Collection[int] | None = None) -> tuple[Violation, ...]:
        """What some seats' words broke under guards, delivered or refused; None is all seats."""
        said = [each for each in self.asked if not isinstance(each, FailedTurn)]
        if seats is not None:
            said = [each for each in said if each.seat in seats]
        return tuple(violation for each in said for violation in each.violations)

    def __post_init__(self) -> None:
        for name, value in (("reward", self.reward), ("score", self.outcome.score)):
            if value is not None and not 0.0 <= value <= MAX_REWARD:
                raise ValueError(f"episode: expected a {name} from 0 to 5, or None for unscored; got {value!r}")
        if not 0 <= self.outcome.turns <= self.rules.max_turns:
            raise ValueError(f"episode: expected 0 to {self.rules.max_turns} turns, got {self.outcome.turns}")

    @property
    def dialogue(self) -> tuple[Utterance, ...]:
        """The utterances as they were judged, without the completion."""
        return tuple(
            Utterance(each.seat, each.text, tuple(event for event in each.events if event not in ECHOES), each.raw)
            for each in self.turns
            if each.task is Task.UTTERANCE
        )

    @property
    def failure(self) -> str | None:
        """Why it is unscored; None where it is scored."""
        return self.outcome.reason if self.reward is None else None

    def to_json(self) -> str:
        """The episode as one line of JSON."""
        return _adapter().dump_json(self).decode()

    @classmethod
    def from_json(cls, line: str | bytes) -> "Episode":
        """Read an episode.

        Raises:
            ValueError: The line is not an episode of this format, or contradicts itself.
        """
        return parse_value(line, _adapter())


@dataclass(frozen=True, slots=True)
class _Id:
    """All that is read of a line to know which ones count."""

    id: str


@cache
def _id_adapter() -> "TypeAdapter[_Id]":
    from pydantic import TypeAdapter

    return TypeAdapter(_Id)


@cache
def _adapter() -> "TypeAdapter[Episode]":
    from pydantic import AfterValidator, TypeAdapter, WrapSerializer

    return TypeAdapter(Annotated[Episode, AfterValidator(_consistent), WrapSerializer(_line)])


def _consistent(episode: Episode) -> Episode:
    """See that a record does not contradict itself: figures are computed of all its parts.

    Raises:
        ValueError: It does.
    """
    due = reward(episode.outcome, episode.rules)
    utterances = sum(each.task is Task.UTTERANCE for each in episode.turns)
    if episode.reward != due:
        raise ValueError(f"episode: by its outcome and rules the reward is {due}, got {episode.reward}")
    if episode.outcome.turns != utterances:
        raise ValueError(f"episode: its outcome tells of {episode.outcome.turns} turns, and {utterances} are on record")
    seats, agents = episode.scenario.seats, len(episode.agents)
    if agents != seats:
        raise ValueError(f"episode: expected an agent for each of {seats} seats, got {agents}")
    if wrong := [each.seat for each in episode.asked if not 0 <= each.seat < seats]:
        raise ValueError(f"episode: expected seats from 0 to {seats - 1}, got {wrong[0]}")
    return episode


def _line(episode: Episode, dump: "SerializerFunctionWrapHandler") -> Any:
    """A line without what only calls of endpoints, thoughts, failures and guards have, where there were none."""
    line = dump(episode)
    _drop_empty(line, ("failed", "guards"))
    for turn in (*line["said"], line.get("failed", {})):
        for said in turn.get("refused", ()):
            _tidy(said)
        _drop_empty(turn, ("violations", "refused"))
    for said in line["said"]:
        _tidy(said)
    return line


def _tidy(said: dict[str, Any]) -> None:
    _drop_empty(said, ("model", "thought"))
    if said["tokens"]:  # JSON has no -inf, and null could not be read back
        said["tokens"]["logprobs"] = [each if isfinite(each) else str(each) for each in said["tokens"]["logprobs"]]
        _drop_empty(said["tokens"], ("forced",))


def _drop_empty(line: dict[str, Any], names: Sequence[str]) -> None:
    for name in names:
        if not line.get(name, True):
            del line[name]


def append_episode(path: Path, episode: Episode) -> None:
    """Append one line to an episode file in a single write."""
    append_lines(path, _adapter(), [episode])


def read_episodes(path: str | Path) -> Iterator[Episode]:
    """Episodes of a file, in order.

    Half a line at the end is what a killed process left; it is passed over.

    Raises:
        UserError: The file is missing or none, or a line is no episode; the message names the line.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"no episode file at {path}; expected the episodes.jsonl of a run")
    yield from read_lines(path, _adapter(), _NO_EPISODE)


def latest_episodes(path: Path) -> dict[str, Episode]:
    """Episodes of a file by id; the last line of an id counts, for an unscored game may have been played again.

    Raises:
        UserError: As for `read_episodes`.
    """
    return {episode.id: episode for episode in read_episodes(path)}


def stream_latest(path: Path) -> Iterator[Episode]:
    """The same, one after the other: for files larger than the memory.

    Reads the file twice, and keeps nothing of it in memory but the ids.

    Raises:
        UserError: As for `read_episodes`.
    """
    lines = read_lines(path, _id_adapter(), _NO_EPISODE, extra="ignore")
    last = {each.id: number for number, each in enumerate(lines)}
    for number, episode in enumerate(read_episodes(path)):
        if last.get(episode.id) == number:
            yield episode
