"""How long a judge takes of a training step."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from negotiation_env.game.events import Question, Verdict
from negotiation_env.interfaces import Judge
from negotiation_env.judges.ranking import Ranker, Ranking, ranked

__all__ = ["TimedJudge"]


class TimedJudge:
    """Adds up the seconds that a judge takes."""

    def __init__(self, judge: Judge) -> None:
        self.name = judge.name
        self.prompts = getattr(judge, "prompts", "")
        self.seconds = 0.0
        self._judge = judge

    def judge(self, questions: Sequence[Question]) -> list[Verdict]:
        """Pass the questions on."""
        with self._timed():
            return self._judge.judge(questions)

    def rank(self, rankings: Sequence[Ranking]) -> list[Verdict]:
        """Pass the rankings on."""
        assert isinstance(self._judge, Ranker)  # `build_trainer` has seen to that
        with self._timed():
            return ranked(self._judge, rankings)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - start
