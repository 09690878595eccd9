"""What the shipped attacks gain from the reading judge: each appended to a one-sided answer, as in `judge-check`.

    python -m measurements.reading_attacks [--out measurements/results/reading_attacks.json]

Which attack meets which answer, and what is counted, is that of `judge-check`; attacked answers that are refused score
0 unread. Attacks on dialogues are left out.
"""

from collections.abc import Sequence

from measurements.harness import grid, machine, options, tell
from measurements.reading_check import rounded, verdicts
from negotiation_env.judges.check.check import plan_check
from negotiation_env.judges.check.figures import Change, injection_figures
from negotiation_env.judges.check.labelled import read_labelled
from negotiation_env.judges.reading.judge import ReadingJudge


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge every answer with and without its attack, print the lift and write the JSON."""
    chosen = options(__doc__, arguments)
    variants = [each for each in plan_check(read_labelled()).attacks if each.item.is_answer]
    questions = [each.item.question for each in variants] + [each.question for each in variants]
    found = verdicts(ReadingJudge(), questions, "answers")
    before, after = found[: len(variants)], found[len(variants) :]
    changes = [Change(each.item, *pair, each.attack) for each, *pair in zip(variants, before, after, strict=True)]
    lift = rounded(injection_figures(changes))
    refused = sum("refused" in each.details for each in after)
    tell({**machine(), "refused": refused, "lift": lift}, chosen.out, grid({"reading": {"refused": refused, **lift}}))


if __name__ == "__main__":
    main()
