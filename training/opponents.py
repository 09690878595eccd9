"""Who plays against the learner.

An opponent is written as one of

- `current`: the learner's own weights at each rollout;
- `frozen:K`: a copy of the learner that is refreshed every K optimizer steps; 1 is the paper's, and the same as
  `current`;
- `base`: the model as it was before training;
- `pool:EVERY,SIZE`: one of the last SIZE copies, of which one is taken every EVERY steps, all as likely;
- `pool:EVERY,SIZE,rated`: the same, but a copy with which the learner fares worse comes more often;
- any agent, as `negotiation_env.agents.specs` knows it: an API model, a scripted or manipulative negotiator.

A mixture is a table of such specs and their weights. The choice is made for a whole group, for the advantages compare
games with the same opponent, and follows from the run's seed, the step and the group alone.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from negotiation_env.endpoints.address import without_secrets
from negotiation_env.episodes.runner import derive_seed
from negotiation_env.errors import UserError
from negotiation_env.files.durable import write_whole
from negotiation_env.specs import parse
from negotiation_env.specs.kinds import AGENTS, Kind, Kinds

__all__ = [
    "RATINGS",
    "Opponent",
    "Opponents",
    "Pool",
    "Ratings",
    "load_ratings",
    "parse_opponents",
    "save_ratings",
]

RATINGS: Final = "ratings.json"
"""Their file in a checkpoint, the last one that is written there."""
_NEVER: Final = 2**62
_COPIES: Final = (
    Kind("current", "the learner's own weights"),
    Kind("frozen[:K]", "a copy of them, refreshed every K steps"),
    Kind("base", "the model as it was before training"),
    Kind("pool:EVERY,SIZE[,rated]", "one of the last SIZE copies"),
)
_OPPONENTS: Final = Kinds("opponent", (*_COPIES, *AGENTS.built_in), AGENTS.group)


@dataclass(frozen=True, slots=True)
class Pool:
    """Copies of the learner that take turns: `size` of them, one taken every `every` steps, newest last."""

    every: int
    size: int
    rated: bool = False

    def versions(self, step: int) -> list[int]:
        """The copies that there are at a step, by the steps behind them."""
        newest = step // self.every
        return [number * self.every for number in range(max(0, newest - self.size + 1), newest + 1)]


@dataclass(frozen=True, slots=True)
class Opponent:
    """Whom a group plays against.

    Attributes:
        name: As in records: the spec's own text.
        version: A copy of the learner with so many steps behind it; None is the agent that `name` specifies.
    """

    name: str
    version: int | None = None


@dataclass(slots=True)
class Ratings:
    """How the learner fares with each copy: running means of the terminal reward, 0 to 5.

    A copy that has not played yet counts as the hardest.
    """

    means: dict[int, float]
    weight: float = 0.2
    """Of the newest group in the running mean."""

    def note(self, version: int, reward: float) -> None:
        """Take in the mean reward of one group's negotiations with a copy."""
        mean = self.means.get(version)
        self.means[version] = reward if mean is None else mean + self.weight * (reward - mean)

    def weights(self, versions: Iterable[int]) -> list[float]:
        """How often to draw each: exp(-mean reward), at least a twentieth of the most drawn one's."""
        drawn = [math.exp(-self.means.get(version, 0.0)) for version in versions]
        return [max(weight, max(drawn) / 20) for weight in drawn]


@dataclass(frozen=True, slots=True)
class Opponents:
    """A mixture of opponents.

    Attributes:
        shares: Weight of each: a `Pool` of copies, or an agent's spec.
    """

    shares: Mapping[str, tuple[Pool | None, float]]

    @property
    def agents(self) -> list[str]:
        """The specs that name agents which are no copies of the learner."""
        return [name for name, (pool, _) in self.shares.items() if pool is None]

    def wanted(self, step: int) -> set[int]:
        """The copies that a group of this step may meet, by the steps behind them; only `step` itself is new.

        A copy that is not wanted any more never is again.
        """
        return {version for pool, _ in self.shares.values() if pool for version in pool.versions(step)}

    def choose(self, seed: int, step: int, group: int, ratings: Ratings) -> Opponent:
        """The opponent of a group; the same arguments give the same one."""
        dice = Random(derive_seed(seed, "opponent", step, group))
        name = dice.choices(list(self.shares), [weight for _, weight in self.shares.values()])[0]
        pool = self.shares[name][0]
        if pool is None:
            return Opponent(name)
        versions = pool.versions(step)
        return Opponent(name, dice.choices(versions, ratings.weights(versions) if pool.rated else None)[0])


def parse_opponents(spec: str | Mapping[str, float]) -> Opponents:
    """Read the config's `opponent`; the order of a table does not matter.

    Raises:
        UserError: A spec or a weight is wrong. Whether an agent's spec is right shows when it is resolved.
    """
    table = {spec: 1.0} if isinstance(spec, str) else dict(spec)
    if not table or any(not 0 < weight < math.inf for weight in table.values()):
        raise UserError(f"opponent: expected specs with weights above 0, got {table!r}")
    return Opponents({name: (_pool(name), float(weight)) for name, weight in sorted(table.items())})


def _pool(spec: str) -> Pool | None:
    """Everything that is a copy of the learner is a pool: a frozen copy one of a single member."""
    found = parse(spec)
    kind = _OPPONENTS.find(found, without_secrets(spec))
    if kind not in _COPIES:
        return None
    if found.kind in ("current", "base"):
        return Pool(1 if found.kind == "current" else _NEVER, 1)
    try:
        every, size, *rated = [found.rest or "1", "1"] if found.kind == "frozen" else found.rest.split(",")
        if rated not in ([], ["rated"]):
            raise ValueError(f"{rated[0]!r} after the size")
        return _checked(Pool(int(every), int(size), bool(rated)))
    except ValueError as error:
        raise UserError(f"opponent {spec!r}: {error}; expected {kind.form}") from error


def _checked(pool: Pool) -> Pool:
    if pool.every < 1 or pool.size < 1:
        raise ValueError("the numbers must be at least 1")
    return pool


def save_ratings(ratings: Ratings, folder: Path) -> None:
    """Write the ratings into a checkpoint, as a whole or not at all."""
    text = json.dumps({str(version): mean for version, mean in ratings.means.items()})
    write_whole(folder / RATINGS, text)


def load_ratings(folder: Path) -> Ratings:
    """Read what `save_ratings` wrote.

    Raises:
        ValueError: The file holds something else.
    """
    from pydantic import TypeAdapter

    return Ratings(TypeAdapter(dict[int, float]).validate_json((folder / RATINGS).read_bytes()))
