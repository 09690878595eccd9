"""What the shipped attacks gain from the reading judge: each appended to a one-sided answer, as in `judge-check`.

    python -m measurements.reading_attacks FEATURES [--out measurements/results/reading_attacks.json]

Which attack meets which answer, and what is counted, is that of `judge-check`; attacked answers that are refused score
0 unread. In the folder FEATURES is kept what was read, as by `reading_heads`. Attacks on dialogues are left out.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from measurements.harness import grid, machine, options, tell
from measurements.reading_heads import kept_readings, rounded, verdict
from negotiation_env.game.events import Verdict
from negotiation_env.judges.check.check import plan_check
from negotiation_env.judges.check.figures import Change, injection_figures
from negotiation_env.judges.check.labelled import Labelled, read_labelled
from negotiation_env.judges.reading.heads import load_heads
from negotiation_env.judges.reading.refused import unread


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge every answer with and without its attack, print the lift and write the JSON."""
    chosen = options(__doc__, arguments, "features")
    chosen.features.mkdir(parents=True, exist_ok=True)
    variants = [each for each in plan_check(read_labelled()).attacks if each.item.is_answer]
    before = judged([each.item for each in variants], chosen.features)
    after = judged([replace(each.item, question=each.question) for each in variants], chosen.features)
    changes = [Change(each.item, *pair, each.attack) for each, *pair in zip(variants, before, after, strict=True)]
    lift = rounded(injection_figures(changes))
    refused = sum(bool(each.reason) for each in after)
    tell({**machine(), "refused": refused, "lift": lift}, chosen.out, grid({"reading": {"refused": refused, **lift}}))


def judged(items: Sequence[Labelled], kept: Path) -> list[Verdict]:
    """The judge's score of each answer; what it refuses is not read."""
    codes = [unread(item.question.completion, item.question.scenario) for item in items]
    unrefused = [item for item, code in zip(items, codes, strict=True) if not code]
    found = iter(kept_readings([item.question for item in unrefused], kept))
    heads = load_heads()
    return [
        Verdict(0.0, "heads", code) if code else verdict(heads, item, next(found))
        for item, code in zip(items, codes, strict=True)
    ]


if __name__ == "__main__":
    main()
