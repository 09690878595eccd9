"""A run's negotiations before another judge, without playing them again.

The judge gets the questions that the first one got: whether the parties agree, at each turn where that was asked, and
how good the completion is. The dialogues stay as they are: a judge that would have ended one earlier is only noted as
seeing agreement at that turn, and what would have been said after the last turn nobody knows.

`RUN/rejudged/JUDGE.jsonl` is append-only, a line for each negotiation; `JUDGE.summary.json` beside it is the report,
`JUDGE.provenance.jsonl` what the judge's verdicts were made with.
The run's own files are only read.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from negotiation_env.console.interrupts import interruptible, put_off
from negotiation_env.endpoints.usage import rulings_usage
from negotiation_env.environment.episode import Episode, latest_episodes
from negotiation_env.environment.prompting import shipped_of, warn_of_mismatch
from negotiation_env.episodes.provenance import PROVENANCE, fetched, note_provenance
from negotiation_env.episodes.rejudge_report import ENDING, FOLDER, FirstAgreement, RejudgeReport
from negotiation_env.episodes.run_folder import EPISODES, claim
from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.errors import UserError
from negotiation_env.files.durable import append_lines, read_lines, write_whole, written
from negotiation_env.files.places import make_folder
from negotiation_env.game.events import Question, QuestionKind, Ruling
from negotiation_env.game.protocol import agreement_question, score_question
from negotiation_env.interfaces import Judge
from negotiation_env.judges.asking import judged
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.loading.fetch import sha256_of
from negotiation_env.statistics.intervals import mean_with_interval, share_with_interval
from negotiation_env.statistics.rater_agreement import spearman

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["Rejudged", "judge_file", "questions", "rejudge"]


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What another judge makes of one episode; one line of JSON.

    Attributes:
        id: The episode's id.
        subject_digest: SHA-256 of what was said in it and of the judge's contents; where either is another, it is
            judged again.
        judge: The judge's name.
        rulings: Its verdicts, one for each of the episode's `questions`.
    """

    __pydantic_config__ = written(subject_digest="said")

    id: str
    subject_digest: str
    judge: str
    rulings: tuple[Ruling, ...]

    @property
    def failure(self) -> str | None:
        """What the judge failed to say first; None where it said all."""
        failed = (each.verdict.reason for each in self.rulings if each.verdict.value is None)
        return next((reason or "the judge gave no value" for reason in failed), None)


def rejudge(
    run: str | Path,
    judge: str | Judge,
    *,
    batch: int = 8,
    contents: str = "",
    sha256: Mapping[str, str] | None = None,
    unscored_limit: float = 0.2,
    progress: Callable[[object], None] = lambda _: None,
) -> RejudgeReport:
    """Ask another judge about every episode of a run; those it has answered for already are not asked again.

    Args:
        run: The run's folder, with its episodes.jsonl.
        judge: The new judge; a judge, or the spec of one.
        batch: Episodes whose questions go to the judge in one call; at an interrupt what it had said of them is lost,
            but for what it keeps itself, as an LLM judge's cache does.
        contents: What the judge's name does not say of it, such as a digest of its code; what it said with others is
            asked again.
        sha256: Of the judge's files, by name, for its provenance beside that of the games; nothing is held to it.
        unscored_limit: The highest share of episodes with something left unsaid, 0 to 1; see `UnscoredLimit`.
        progress: Told of each episode, those answered before first.

    Raises:
        UserError: Another run has the folder; there are no episodes, or the judge's file there is broken or another
            judge's.
        JudgeError: The limit is exceeded. What it said before is kept.
    """
    judge = resolve_judge(judge)
    run, limit = Path(run), UnscoredLimit(unscored_limit, "mend that and run the same command again")
    path = judge_file(run, judge)
    with claim(run):
        asked = _asked(latest_episodes(run / EPISODES), contents)
        if not asked:
            raise UserError(f"{run / EPISODES} is empty; expected the negotiations of a run")
        talked = {each.episode.prompts for each in asked.values() if each.episode.dialogue}
        warn_of_mismatch([told for ids in sorted(talked) for told in shipped_of(ids)], judge)
        found = _kept(path, judge.name, asked)
        games = {EPISODES: sha256_of(run / EPISODES)}
        note_provenance(path.parent, games | fetched() | dict(sha256 or {}), f"{path.stem}.{PROVENANCE}")
        for kept in found.values():
            limit.count(None)
            progress(kept)
        with put_off():
            for fresh in _ask([each for id, each in asked.items() if id not in found], judge, batch, path):
                found[fresh.id] = fresh
                progress(fresh)
                limit.count(fresh.failure)
        limit.finish()
        report = _report([(each.episode, found[id]) for id, each in asked.items()], judge.name)
        write_whole(path.with_suffix(ENDING), report.to_json())
    return report


def judge_file(run: Path, judge: Judge) -> Path:
    """Where a judge's lines for a run are; the report has the same name with the ending .summary.json."""
    slug = re.sub(r"[^a-z0-9]+", "-", judge.name.lower())[-200:].strip("-")  # ids that end in a hash differ there
    return run / FOLDER / f"{slug or 'judge'}.jsonl"


def questions(episode: Episode) -> list[tuple[int, Question]]:
    """What the judge of an episode was asked, each with the number of utterances at that moment."""
    dialogue = episode.dialogue
    turns = [each.turn for each in episode.rulings if each.kind is QuestionKind.AGREEMENT]
    asked = [(turn, agreement_question(episode.scenario, dialogue[:turn])) for turn in turns]
    if completion := episode.outcome.completion:
        asked.append((len(dialogue), score_question(episode.scenario, episode.rules, dialogue, completion)))
    return asked


@dataclass(frozen=True, slots=True)
class _Asked:
    """An episode, and a digest of it as this judge sees it; see `Rejudged.subject_digest`."""

    episode: Episode
    subject_digest: str


def _asked(episodes: Mapping[str, Episode], contents: str) -> dict[str, _Asked]:
    return {id: _Asked(episode, _subject_digest(episode, contents)) for id, episode in episodes.items()}


def _kept(path: Path, judge: str, asked: Mapping[str, _Asked]) -> dict[str, Rejudged]:
    """What need not be asked again: answered in full, and about what the episodes say now."""
    make_folder(path.parent)
    known = {each.id: each for each in _read(path, judge)}
    return {
        id: each
        for id, each in known.items()
        if each.failure is None and id in asked and each.subject_digest == asked[id].subject_digest
    }


def _read(path: Path, judge: str) -> Iterator[Rejudged]:
    for found in read_lines(path, _adapter(), "holds no verdicts on an episode"):
        if found.judge != judge:
            raise UserError(f"{path} holds the verdicts of {found.judge!r}, not of {judge!r}; move that file away")
        yield found


@cache
def _adapter() -> "TypeAdapter[Rejudged]":
    from pydantic import TypeAdapter

    return TypeAdapter(Rejudged)


def _subject_digest(episode: Episode, contents: str) -> str:
    """A digest of all words, of the turns after which the judge was asked, and of what the judge is."""
    content: list[object] = [[each.text for each in episode.turns], [each.turn for each in episode.rulings]]
    content += [contents] if contents else []
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _ask(waiting: Sequence[_Asked], judge: Judge, batch: int, path: Path) -> Iterator[Rejudged]:
    """One call of the judge for each batch; its lines are on file before they are given out."""
    for start in range(0, len(waiting), batch):
        chosen = [(each, questions(each.episode)) for each in waiting[start : start + batch]]
        asked = [each for _, some in chosen for each in some]
        with interruptible():
            verdicts = judged(judge, [question for _, question in asked]) if asked else []
        rulings = iter([Ruling(ask.kind, turn, verdict) for (turn, ask), verdict in zip(asked, verdicts, strict=True)])
        found = [
            Rejudged(each.episode.id, each.subject_digest, judge.name, tuple(islice(rulings, len(some))))
            for each, some in chosen
        ]
        append_lines(path, _adapter(), found)
        yield from found


def _report(judged: Sequence[tuple[Episode, Rejudged]], judge: str) -> RejudgeReport:
    scores = [(_score(episode.rulings), _score(again.rulings)) for episode, again in judged]
    pairs = [(old, new) for old, new in scores if old is not None and new is not None]
    both = [agreement for episode, again in judged if (agreement := _first_agreement(episode, again))]
    flips = tuple(each for each in both if each.old != each.new)
    one_sided = sum((each.old is None) != (each.new is None) for each in both)
    old, new = [old for old, _ in pairs], [new for _, new in pairs]
    return RejudgeReport(
        episodes=len(judged),
        old_judge=", ".join(sorted({episode.judge for episode, _ in judged})),
        new_judge=judge,
        old_score=mean_with_interval(old),
        new_score=mean_with_interval(new),
        shift=mean_with_interval([after - before for before, after in pairs]),
        spearman=spearman(np.array(old), np.array(new)),
        flipped=share_with_interval(len(flips), len(both)),
        reversed=share_with_interval(one_sided, len(both)),
        flips=flips,
        unscored_before=sum(episode.failure is not None for episode, _ in judged),
        unscored_after=sum(_unscored(episode, again) for episode, again in judged),
        usage=rulings_usage(ruling for _, again in judged for ruling in again.rulings),
    )


def _unscored(episode: Episode, again: Rejudged) -> bool:
    broken_off = episode.failure is not None and episode.outcome.completion is None
    return broken_off or again.failure is not None


def _score(rulings: Sequence[Ruling]) -> float | None:
    return next((each.verdict.value for each in rulings if each.kind is QuestionKind.SCORE), None)


def _first_agreement(episode: Episode, again: Rejudged) -> FirstAgreement | None:
    """None where a judge was not asked, or failed to say before it saw agreement."""
    old, new = _deciding(episode.rulings), _deciding(again.rulings)
    if old is None or new is None or old.verdict.value is None or new.verdict.value is None:
        return None
    first, other = (each.turn if each.verdict.value else None for each in (old, new))
    return FirstAgreement(episode.id, first, other, episode.outcome.turns)


def _deciding(rulings: Sequence[Ruling]) -> Ruling | None:
    """The first agreement ruling that is no plain no, else the last one."""
    asked = [each for each in rulings if each.kind is QuestionKind.AGREEMENT]
    return next((each for each in asked if each.verdict.value != 0.0), asked[-1] if asked else None)
