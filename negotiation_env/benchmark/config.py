"""What a benchmark compares: negotiators, opponents, judges and scenarios, out of a TOML file.

[negotiators]                        # name = spec; the first one is the reference unless `reference` names another
base = "hf:embedded"
trained = "hf:embedded+runs/train/adapter"
[panel]                              # the fixed opponents
pushy = "scripted:pushy"
[comparisons]                        # objective = who compares two answers by it
"Collective Agency" = "judge.toml"
[comparisons."conflict resolution"]  # or with the settings in which it means something
judge = "resolution.toml"
settings = ["eval_conflict", "eval_multi"]
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from negotiation_env.data import load_scenarios
from negotiation_env.episodes.evaluate import pick_of
from negotiation_env.errors import UserError
from negotiation_env.files.settings_file import Several, check_settings, read_toml
from negotiation_env.game.scenario import Scenario
from negotiation_env.specs import parse
from negotiation_env.specs.kinds import MODELS
from negotiation_env.text.nearest import did_you_mean
from negotiation_env.text.secrets import without_secrets

__all__ = ["AGAINST_ALONE", "ALONE", "ITSELF", "BenchmarkConfig", "Comparison", "Decoding", "Setting", "read_benchmark"]

ITSELF = "itself"
"""The opponent's name in self-play."""
ALONE = "alone"
"""Stands in a game's id where there is no opponent."""
AGAINST_ALONE = "itself against alone"
"""Where an answer that was negotiated with itself is compared with one that was given alone."""

_RESERVED = (ITSELF, ALONE, AGAINST_ALONE)
_LEAST = (
    dict.fromkeys(("conflict", "multi", "open", "cost_limit"), 0)
    | {"max_turns": 2}
    | dict.fromkeys(("repetitions", "history_turns", "max_turn_tokens", "max_completion_tokens", "batch", "workers"), 1)
)


class Setting(StrEnum):
    """What is played; the values name the held-out splits."""

    CONFLICT = "eval_conflict"
    MULTI = "eval_multi"
    OPEN = "eval_open"


class Decoding(StrEnum):
    """How a negotiator's tokens are drawn."""

    SAMPLED = "sampled"
    GREEDY = "greedy"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Who compares answers by an objective.

    Attributes:
        judge: Its spec.
        settings: Where the objective means something.
    """

    judge: str
    settings: Several[Setting] = tuple(Setting)

    def __post_init__(self) -> None:
        if not self.settings:
            raise ValueError(f"settings: expected one or more of {', '.join(Setting)}; got none")


def _panel() -> dict[str, str]:
    return {name: f"scripted:{name}" for name in ("compromising", "stubborn", "pushy", "liar", "injecting")}


@dataclass(frozen=True, slots=True)
class BenchmarkConfig:
    """A benchmark's settings; the keys of its TOML file.

    Attributes:
        negotiators: Agent specs by name, two or more.
        panel: The fixed opponents' specs by name.
        reference: The negotiator that the others are compared with; "" is the first one.
        judge: Decides agreement and scores.
        comparisons: For each objective the spec of the judge that compares two answers by it, or a `Comparison`.
        conflict: How many scenarios of `conflict_split`, drawn with the seed.
        conflict_split: "eval_conflict", or a JSONL file of scenarios such as `negotiate generate` writes.
        multi: How many of `eval_multi`.
        open: How many questions of `eval_open`, which a negotiator answers alone.
        alone: Let each negotiator also answer the conflicts alone, as the single-agent baseline does, and compare its
            answers with those that were negotiated.
        decoding: How the negotiators draw tokens. Scripts, people, functions and Python agents have no such choice and
            play once, as they are; so does the panel.
        repetitions: Evaluation runs, each with other seeds; a game in which nobody draws at random is played once.
        seed: Seeds scenarios and replies; what differs between negotiators is never part of a seed.
        max_turns: Most utterances of a negotiation; 2 or more.
        history_turns: How many of the last utterances a speaker sees; None is all.
        prompts: What the parties are told: the name of a prompt set, or the path of one; None follows the judge, as for
            `NegotiationEnv`.
        guards: What has to hold in all negotiations: a name, a path or several (`negotiation_env.guards.files`). An
            estimate of cost has each party asked again as often as the ladders allow.
        guards_paired: Play each negotiation without the guards, too, and tell what they change, pair by pair.
        max_turn_tokens: Longest turn of a negotiator.
        max_completion_tokens: Longest joint answer or answer.
        probes: Ask about acceptance, faithfulness and durability too.
        batch: Games in lockstep at a time.
        workers: More than 1 plays as many games at a time, each for itself, for remote models.
        cost_limit: Dollars above which no game begins and no question about finished games is asked; None is no limit.
            Games under way are played to their end for at most a tenth of it more, and are cut off then. It is passed
            by one turn or question at most, however many games are under way, as long as none costs more than twice
            what one cost before (`negotiation_env.endpoints.cost_limit`). Every endpoint needs prices then.
        unscored_limit: The highest share of unscored games, 0 to 1; see `UnscoredLimit`.
    """

    negotiators: Mapping[str, str]
    panel: Mapping[str, str] = field(default_factory=_panel)
    reference: str = ""
    judge: str = "embedded"
    comparisons: Mapping[str, str | Comparison] = field(default_factory=lambda: {"Collective Agency": "embedded"})
    conflict: int = 100
    conflict_split: str = "eval_conflict"
    multi: int = 20
    open: int = 100
    alone: bool = False
    decoding: Several[Decoding] = (Decoding.GREEDY, Decoding.SAMPLED)
    repetitions: int = 1
    seed: int = 0
    max_turns: int = 7
    history_turns: int | None = None
    prompts: str | None = None
    guards: Several[str] = ()
    guards_paired: bool = False
    max_turn_tokens: int = 96
    max_completion_tokens: int = 160
    probes: bool = True
    batch: int = 32
    workers: int = 1
    cost_limit: float | None = None
    unscored_limit: float = 0.2

    def __post_init__(self) -> None:
        self._check_names()
        self._check_numbers()

    def _check_names(self) -> None:
        if len(self.negotiators) < 2:
            raise ValueError(f"expected two or more negotiators, got {list(self.negotiators)}; add another to compare")
        if self.reference and self.reference not in self.negotiators:
            near = did_you_mean(self.reference, list(self.negotiators))
            raise ValueError(f"reference: expected one of {list(self.negotiators)}, got {self.reference!r}{near}")
        names = Counter(("", *_RESERVED, *self.negotiators, *self.panel))
        if taken := [name for name, times in names.items() if times > 1]:
            others = ", ".join(map(repr, _RESERVED))
            raise ValueError(f"negotiators and panel need names of their own, other than {others}; got {taken} twice")
        if not self.decoding or len(set(self.decoding)) < len(self.decoding):
            raise ValueError(f"decoding: expected {' or '.join(Decoding)}, or both; got {[*map(str, self.decoding)]}")

        if self.guards_paired and not self.guards:
            raise ValueError('guards_paired: expected guards to compare with, such as guards = "careful"')

    def _check_numbers(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:
                raise ValueError(f"{name}: expected {least} or more, got {value}")
        if self.conflict + self.multi + self.open == 0:
            raise ValueError("conflict, multi and open are all 0; give at least one of them a count of scenarios")
        if not 0 <= self.unscored_limit <= 1:
            raise ValueError(f"unscored_limit: expected a share from 0 to 1, got {self.unscored_limit}")

    @property
    def baseline(self) -> str:
        """The name of the negotiator that the others are compared with."""
        return self.reference or next(iter(self.negotiators))

    @property
    def objectives(self) -> dict[str, Comparison]:
        """The comparisons, each in its long form."""
        return {name: Comparison(each) if isinstance(each, str) else each for name, each in self.comparisons.items()}

    def decodings(self, negotiator: str) -> tuple[Decoding | None, ...]:
        """How a negotiator draws tokens; None alone for one that plays as it is."""
        return self.decoding if parse(self.negotiators[negotiator]).kind in MODELS else (None,)

    def rules(self, scenarios: Iterable[Scenario], *, alone: bool) -> dict[str, Any]:
        """The fields of `Rules` for scenarios of one setting: every party gets to speak, or one answers alone."""
        turns = 0 if alone else max(self.max_turns, *(scenario.seats for scenario in scenarios))
        return {"max_turns": turns, "history_turns": self.history_turns, "complete_without_agreement": True}

    def scenarios(self, setting: Setting) -> list[Scenario]:
        """The scenarios of a setting.

        Raises:
            UserError: There is no such file, or it holds what cannot be negotiated; the message says what.
        """
        count = {Setting.CONFLICT: self.conflict, Setting.MULTI: self.multi, Setting.OPEN: self.open}[setting]
        split = self.conflict_split if setting is Setting.CONFLICT else setting
        if not count:
            return []
        held = _checked(load_scenarios(split), setting, split)
        return pick_of(split, held, count, self.seed, f"{setting.name.lower()} =")


def _checked(scenarios: list[Scenario], setting: Setting, split: str) -> list[Scenario]:
    bare = [each.id for each in scenarios if setting is not Setting.OPEN and not each.personas]
    if bare:
        raise UserError(f"{split}: expected scenarios with personas, got {bare[0]!r:.80} without any; mend the file")
    return scenarios


def read_benchmark(path: Path | None, negotiators: list[str], changes: Mapping[str, Any]) -> BenchmarkConfig:
    """The settings of a file, of the command line, or of both.

    Args:
        path: A TOML file; None takes the default of every key.
        negotiators: Agent specs that take the place of the file's; each is its own name.
        changes: Keys that take the place of the file's.

    Raises:
        UserError: There are no negotiators, or a key or value is wrong.
    """
    if path is None and not negotiators:
        raise UserError("name what is to be compared: a config file, or --negotiators A B ...")
    found = read_toml(path, "benchmark file") if path else {}
    if negotiators:
        found["negotiators"] = {without_secrets(spec): spec for spec in negotiators}
        found.pop("reference", None)
    return check_settings(BenchmarkConfig, {**found, **changes}, path or Path("--negotiators"))
