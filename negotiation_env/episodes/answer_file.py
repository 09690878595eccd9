"""What judges said about a benchmark's games: append-only files of one answer a line, asked for where it is missing."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from negotiation_env.console.interrupts import interruptible, put_off
from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.files.durable import append_lines, read_lines

__all__ = ["AnswerFile", "AnswerLine", "digest"]


class AnswerLine(Protocol):
    """One line."""

    @property
    def id(self) -> str:
        """What it answers; of several lines with one id the last counts."""

    @property
    def subject_digest(self) -> str:
        """What it is about; an answer about other words is none."""

    @property
    def failure(self) -> str | None:
        """Why there is no answer; None where there is one."""


A = TypeVar("A", bound=AnswerLine)
Q = TypeVar("Q")


class AnswerFile(Generic[A]):
    """An append-only file of answers.

    Args:
        path: The file; need not exist.
        kind: The dataclass of a line.
    """

    def __init__(self, path: Path, kind: type[A]) -> None:
        self._path = path
        self._adapter: TypeAdapter[A] = TypeAdapter(kind)

    def complete(
        self,
        questions: Mapping[str, Q],
        subject: Callable[[Q], str],
        ask: Callable[[Sequence[Q]], Sequence[A]],
        *,
        batch: int,
        whole: bool,
        limit: UnscoredLimit,
        progress: Callable[[A], None],
    ) -> dict[str, A]:
        """Ask what has no answer on file.

        Args:
            questions: By id.
            subject: A digest of what a question is about now; an answer on file counts only if it is about the same.
            ask: Answers a batch of them.
            batch: How many at a time; what was asked is on file before the next batch is.
            whole: A batch that lacks an answer is asked whole, for in other company an in-process model can differ in
                the last bit; only what is missing is written.
            limit: Told of each answer, and that they are over.
            progress: Told of each answer, those on file first.

        Returns:
            Answers by id, in the order of the questions.

        Raises:
            UserError: The file is broken.
            JudgeError: Too many are without answer. What was asked is on file.
        """
        answers = {id: each for id, each in self.latest(questions, subject).items() if each.failure is None}
        for answer in answers.values():
            limit.count(None)
            progress(answer)
        with put_off():
            for chosen in _batches(list(questions), answers, batch, whole):
                with interruptible():
                    found = ask([questions[id] for id in chosen])
                fresh = [each for each in found if each.id not in answers]
                append_lines(self._path, self._adapter, fresh)
                for answer in fresh:
                    answers[answer.id] = answer
                    progress(answer)
                    limit.count(answer.failure)
        limit.finish()
        return {id: answers[id] for id in questions}

    def latest(self, questions: Mapping[str, Q], subject: Callable[[Q], str]) -> dict[str, A]:
        """The last answer to each question, as far as there is one about what it is about now, failed ones too.

        Args:
            questions: As for `complete`.
            subject: The same.

        Raises:
            UserError: The file is broken.
        """
        known = {each.id: each for each in self.answers()}
        return {
            id: known[id]
            for id, question in questions.items()
            if id in known and known[id].subject_digest == subject(question)
        }

    def answers(self) -> Iterator[A]:
        """All answers on file in order, also those that were asked for again later.

        Raises:
            UserError: A line is none; the message names it.
        """
        return read_lines(self._path, self._adapter, "is not what a benchmark wrote")


def digest(*parts: Any) -> str:
    """SHA-256 of anything JSON-ready."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _batches(ids: Sequence[str], done: Mapping[str, object], size: int, whole: bool) -> list[Sequence[str]]:
    """Slices of all ids in which one is not done, or of those that are not."""
    chosen = ids if whole else [id for id in ids if id not in done]
    slices = [chosen[start : start + size] for start in range(0, len(chosen), size)]
    return [each for each in slices if not set(each) <= done.keys()]
