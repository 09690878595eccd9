"""What judges said about a benchmark's games: append-only files of one answer a line, asked for where it is missing."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from negotiation_env.episode import cut_half_line
from negotiation_env.errors import UserError
from negotiation_env.unscored import UnscoredLimit

__all__ = ["Answer", "AnswerFile"]


class Answer(Protocol):
    """One line."""

    @property
    def id(self) -> str:
        """What it answers; of several lines with one id the last counts."""

    @property
    def failure(self) -> str | None:
        """Why there is no answer; None where there is one."""


A = TypeVar("A", bound=Answer)
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
        ask: Callable[[Sequence[Q]], Sequence[A]],
        *,
        batch: int,
        limit: UnscoredLimit,
        progress: Callable[[A], None],
    ) -> dict[str, A]:
        """Ask what has no answer on file.

        Args:
            questions: By id.
            ask: Answers a batch of them.
            batch: How many at a time; what was asked is on file before the next batch is.
            limit: Told of each answer, and that they are over.
            progress: Told of each answer, those on file first.

        Returns:
            Answers by id, in the order of the questions.

        Raises:
            UserError: The file is broken.
            JudgeError: Too many are without answer. What was asked is on file.
        """
        kept = {id: each for id, each in self.read().items() if id in questions and each.failure is None}
        for answer in kept.values():
            limit.count(None)
            progress(answer)
        missing = [question for id, question in questions.items() if id not in kept]
        for start in range(0, len(missing), batch):
            fresh = ask(missing[start : start + batch])
            self._append(fresh)
            for answer in fresh:
                kept[answer.id] = answer
                progress(answer)
                limit.count(answer.failure)
        limit.finish()
        return {id: kept[id] for id in questions}

    def read(self) -> dict[str, A]:
        """The answers on file by id.

        Raises:
            UserError: A line is none; the message names it.
        """
        cut_half_line(self._path)
        lines = self._path.read_bytes().splitlines() if self._path.is_file() else []
        found: dict[str, A] = {}
        for number, line in enumerate(lines, start=1):
            try:
                answer = self._adapter.validate_json(line)
            except ValueError as error:
                raise UserError(f"{self._path}, line {number} is not what a benchmark wrote: {error}") from error
            found[answer.id] = answer
        return found

    def _append(self, answers: Sequence[A]) -> None:
        with self._path.open("ab") as file:
            file.writelines(self._adapter.dump_json(answer) + b"\n" for answer in answers)
