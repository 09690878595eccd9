"""What another judge made of a run's negotiations, beside the one that they were played before."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from negotiation_env.endpoints.usage import Usage
from negotiation_env.files.durable import read_whole
from negotiation_env.statistics.intervals import BRACKETS, Estimate
from negotiation_env.statistics.table import Cell, Table

__all__ = ["ENDING", "FOLDER", "FirstAgreement", "RejudgeReport", "read_reports", "rejudge_table"]

FOLDER: Final = "rejudged"
"""Of a run's folder, what holds the verdicts of other judges."""
ENDING: Final = ".summary.json"
"""Of a report's name."""


@dataclass(frozen=True, slots=True)
class FirstAgreement:
    """When two judges first see agreement in one negotiation, as a number of utterances.

    Attributes:
        id: The episode's id.
        old: Where the old judge saw it; None is nowhere.
        new: The same for the new judge.
        turns: Where the dialogue ended.
    """

    id: str
    old: int | None
    new: int | None
    turns: int

    def __str__(self) -> str:
        old = f"no agreement in {self.turns} turns" if self.old is None else f"agreed at turn {self.old}"
        new = "not have agreed by its end" if self.new is None else f"have agreed at turn {self.new}"
        return f"{self.id}: {old}; the new judge would {new}"


@dataclass(frozen=True, slots=True)
class RejudgeReport:
    """Two judges on the same negotiations, with 95 % intervals that take these for independent.

    Attributes:
        episodes: How many negotiations.
        old_judge: Who decided and scored them when they were played.
        new_judge: Who was asked now.
        old_score: Mean Collective Agency of the completions that both scored, 0 to 5, by the old judge.
        new_score: The same by the new one.
        shift: Mean of new minus old over these pairs; `n` is how many.
        spearman: Rank correlation over the pairs, -1 to 1; None where a judge gave fewer than two different scores.
        flipped: Share of the negotiations with another first turn of agreement, over those that both decided.
        reversed: Share of them that only one of the two takes for agreed.
        flips: The flipped ones: when either judge agreed or would have agreed.
        unscored_before: Negotiations without a reward.
        unscored_after: Those in which the new judge failed to say something, or that came to no end as they were
            played, which no judge can mend.
        usage: What the new judge's model calls took.
    """

    episodes: int
    old_judge: str
    new_judge: str
    old_score: Estimate
    new_score: Estimate
    shift: Estimate
    spearman: float | None
    flipped: Estimate
    reversed: Estimate
    flips: tuple[FirstAgreement, ...]
    unscored_before: int
    unscored_after: int
    usage: Usage

    def to_json(self) -> str:
        """The report as indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def read_reports(run: Path) -> Iterator[tuple[Path, RejudgeReport]]:
    """The reports of all judges that were asked again about a run, each with its file.

    Raises:
        UserError: One cannot be read.
    """
    from pydantic import TypeAdapter

    for path in sorted((run / FOLDER).glob(f"*{ENDING}")):
        yield path, read_whole(path, TypeAdapter(RejudgeReport), "does not hold what a judge made of a run")


def rejudge_table(report: RejudgeReport, title: str) -> Table:
    """Both judges' figures side by side."""
    rows: list[tuple[Cell, ...]] = [
        (f"Collective Agency, 0–5, of the {report.shift.n} that both scored", report.old_score, report.new_score),
        ("new minus old", "", report.shift),
        ("rank correlation (Spearman)", "", report.spearman),
        ("first agreement at another turn", "", _count(report.flipped)),
        ("of them agreed for one judge only", "", _count(report.reversed)),
        ("unscored", report.unscored_before, report.unscored_after),
    ]
    if report.usage.tokens:
        rows.append(("judge tokens, in + out", "", str(report.usage)))
    return Table(title, ("", f"old: {report.old_judge}", f"new: {report.new_judge}"), tuple(rows), BRACKETS)


def _count(share: Estimate) -> str:
    return f"{round((share.value or 0.0) * share.n)} of {share.n}: {share}"
