"""A run's negotiations under guards, re-read without playing them again.

Each turn is looked at as it was delivered: what a guard would have kept from being said, and what would have come of
that, nobody knows.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from negotiation_env.environment.episode import Episode, stream_latest
from negotiation_env.episodes.guard_pairs import PAIRED, PAIRED_NOTE, Paired, paired_rows, paired_runs
from negotiation_env.episodes.run_folder import EPISODES
from negotiation_env.errors import UserError
from negotiation_env.guards.files import Guards
from negotiation_env.guards.watch import Watch
from negotiation_env.statistics.intervals import Estimate, share_with_interval
from negotiation_env.statistics.table import Cell, Table

__all__ = ["Breach", "GuardReport", "breaches", "guard_run"]


@dataclass(frozen=True, slots=True)
class Breach:
    """A constraint that was broken.

    Attributes:
        episode: The negotiation's id.
        turn: The turn's number, from 1.
        seat: Who spoke.
        constraint: The constraint's name.
    """

    episode: str
    turn: int
    seat: int
    constraint: str


@dataclass(frozen=True, slots=True)
class GuardReport:
    """What guards find in a run.

    Attributes:
        guards: Their name.
        constraints: The names of all constraints.
        negotiations: How many were looked at.
        turns: How many turns they have.
        breaches: Every breach, in the order of the file.
        instant: Agreements at the first turn at which there could be one.
        instant_caught: Those whose last turn, the one that made the agreement, breaks a constraint.
        paired: How the negotiations ended beside the same ones without guards, where there is a run of them.
    """

    guards: str
    constraints: tuple[str, ...]
    negotiations: int
    turns: int
    breaches: tuple[Breach, ...]
    instant: int
    instant_caught: int
    paired: tuple[Paired, ...] = ()

    @property
    def caught(self) -> Estimate:
        """The share of instant agreements that is caught, with its 95 % interval."""
        return share_with_interval(self.instant_caught, self.instant)

    def to_json(self) -> str:
        """The report as indented JSON, with every breach."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    def tables(self) -> tuple[Table, ...]:
        """Breaches by constraint and seat, and by constraint and turn; how it ended with guards and without."""
        seats, turns = ({getattr(each, name) for each in self.breaches} for name in ("seat", "turn"))
        told = f"{self.negotiations:,} negotiations, {self.turns:,} turns under the guards {self.guards}"
        note = "negotiations: the share with a breach, in brackets its 95 % interval (Wilson)"
        by = {name: [each for each in self.breaches if each.constraint == name] for name in self.constraints}
        by_seat = [(name, len(own), self._share(own), *_counts(own, "seat", seats)) for name, own in by.items()]
        by_turn = [(name, *_counts(own, "turn", turns)) for name, own in by.items()]
        heads = ("constraint", "breaches", "negotiations", *(f"seat {each}" for each in sorted(seats)))
        return (
            Table(told, heads, tuple(by_seat), note),
            Table("breaches by turn", ("constraint", *(f"turn {each}" for each in sorted(turns))), tuple(by_turn)),
            *([self._with_and_without()] if self.paired else []),
        )

    def _with_and_without(self) -> Table:
        title = "the same negotiations with guards and without"
        return Table(title, PAIRED, tuple(paired_rows(self.paired)), PAIRED_NOTE)

    def _share(self, found: Sequence[Breach]) -> Estimate:
        return share_with_interval(len({each.episode for each in found}), self.negotiations)


def _counts(found: Sequence[Breach], name: str, values: set[int]) -> list[Cell]:
    counted = Counter(getattr(each, name) for each in found)
    return [counted[value] for value in sorted(values)]


def breaches(guards: Guards, episode: Episode) -> list[Breach]:
    """What the turns of a negotiation break, as they were delivered; silence that guards delivered is nobody's."""
    watch, dialogue, found = Watch(guards, episode.scenario), episode.dialogue, []
    for place, (utterance, said) in enumerate(zip(dialogue, episode.turns, strict=False)):
        finding = watch.look(utterance, dialogue[:place])
        watch.deliver(finding)
        broken = () if said.replaced else finding.violations
        found += [Breach(episode.id, place + 1, utterance.seat, each.constraint) for each in broken]
    return found


def guard_run(run: Path, guards: Guards, free: Path | None = None) -> GuardReport:
    """Look at all negotiations of a run's folder.

    Args:
        run: The folder.
        guards: What is looked for.
        free: The folder of the same run without guards, to compare with.

    Raises:
        UserError: There is no episode file, or a line is no episode; or the runs cannot be compared, or the guards ask
            a judge.
    """
    if guards.asked:
        asked = ", ".join(guards.asked)
        raise UserError(f"guards {guards.name} ask a judge ({asked}); a run is re-read without one: leave these out")
    negotiations = turns = instant = caught = 0
    found: list[Breach] = []
    for episode in stream_latest(run / EPISODES):
        own = breaches(guards, episode)
        found += own
        negotiations, turns = negotiations + 1, turns + episode.outcome.turns
        if episode.outcome.agreed and episode.outcome.turns == episode.scenario.seats:
            instant += 1
            caught += any(each.turn == episode.outcome.turns for each in own)
    names = tuple(each.name for each in guards.constraints)
    paired = paired_runs(run, free) if free else ()
    return GuardReport(guards.name, names, negotiations, turns, tuple(found), instant, caught, paired)
