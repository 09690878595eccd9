"""A judge whose figures follow from the words alone: any, but the same each time and in every process."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from negotiation_env import ScriptedJudge
from negotiation_env.game.events import Question, Verdict
from negotiation_env.judges.forms import Pair
from negotiation_env.judges.pairwise import Preference
from negotiation_env.judges.probes import Probe, ProbeKind
from tests.helpers.llm_replies import level_of


class ChecksumJudge(ScriptedJudge):
    """Agreement by the handshake, all else by checksums; of some pairs it prefers whichever answer comes first."""

    def __init__(self) -> None:
        super().__init__(score=lambda question: level_of(question.completion))
        self.name = "checksum judge (a fake)"

    def compare(self, pairs: Sequence[Pair]) -> list[Preference]:
        return [Preference(_preferred(pair.first, pair.second), self.name) for pair in pairs]

    def examine(self, probes: Sequence[Probe]) -> list[Verdict]:
        return [self._examined(probe) for probe in probes]

    def _examined(self, probe: Probe) -> Verdict:
        level = level_of(f"{probe.seat} {probe.completion}")
        if probe.kind is ProbeKind.ACCEPTANCE:
            return Verdict(float(level), self.name, details={"accepts": level > 2})
        return Verdict(level / 5, self.name)


def _preferred(first: str, second: str) -> float:
    levels = level_of(first), level_of(second)
    if level_of(first + second) == 0:
        return 1.0
    return 0.5 if levels[0] == levels[1] else float(levels[0] > levels[1])


class HangingJudge(ChecksumJudge):
    """Hangs as soon as the file `HANG_ON` has `HANG_AT` lines, so that a run cannot end before it is killed."""

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        _wait()
        return super().judge(questions)

    def compare(self, pairs: Sequence[Pair]) -> list[Preference]:
        _wait()
        return super().compare(pairs)

    def examine(self, probes: Sequence[Probe]) -> list[Verdict]:
        _wait()
        return super().examine(probes)


def _wait() -> None:
    if path := os.environ.get("HANG_ON"):
        while Path(path).is_file() and Path(path).read_bytes().count(b"\n") >= int(os.environ["HANG_AT"]):
            time.sleep(0.02)
