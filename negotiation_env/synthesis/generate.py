"""A run: texts are asked for, read, compared, graded and recorded; one that was killed goes on where it was.

The folder holds `run.json` (settings), `candidates.jsonl` (append-only, every candidate) and, written whole out of it,
the dataset and its card. The size of a batch decides nothing: texts asked for at a time do not see one another, and
whether one is a near-duplicate is decided in the order of the slots, before the judge is asked.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from negotiation_env.console.interrupts import interruptible, put_off
from negotiation_env.episodes.run_folder import claim, open_run
from negotiation_env.episodes.runner import derive_seed
from negotiation_env.errors import ModelError, UserError
from negotiation_env.interfaces import ChatModel, ChatRequest, Reply, Sampling
from negotiation_env.judges.forms import Unreadable, parse, schema_of
from negotiation_env.judges.material import clean
from negotiation_env.synthesis.candidates import (
    CANDIDATES,
    REJECTED,
    Candidate,
    Fate,
    append_candidates,
    call_of,
    read_candidates,
    usages_of,
)
from negotiation_env.synthesis.card import Dataset
from negotiation_env.synthesis.dataset import write_dataset
from negotiation_env.synthesis.forms import OutOfLimits, kind_of
from negotiation_env.synthesis.neighbours import Encode, Neighbours
from negotiation_env.synthesis.plan import Slot
from negotiation_env.synthesis.quality import Grading, grade
from negotiation_env.synthesis.settings import Settings, fingerprint, plan_of
from negotiation_env.synthesis.sources import Known, Sources
from negotiation_env.synthesis.split import split_accepted

__all__ = ["generate"]

_ENOUGH = 8
"""Calls that fail in a row until a run is stopped."""


def generate(
    settings: Settings,
    author: ChatModel,
    judge: ChatModel | None,
    out: Path,
    sources: Sources,
    *,
    encode: Encode | None = None,
    resume: bool = False,
    contents: Mapping[str, str] | None = None,
    cost_limit: float | None = None,
    progress: Callable[[object], None] = lambda _: None,
) -> Dataset:
    """Write a dataset.

    Args:
        settings: What is written, and what is taken.
        author: Writes.
        judge: Grades; None takes every text that passes the other gates.
        out: The folder to write to; must hold no candidates yet, unless the run is resumed.
        sources: Domains, persona pairs and texts to keep away from.
        encode: Gives vectors to compare meanings by; None compares words alone.
        resume: Go on with the folder's run; what failed or is unjudged is asked for again.
        contents: By spec what the names of author and judge do not say, as for `evaluate`.
        cost_limit: Dollars, over all of the run, from which on nothing more is asked; what one batch of texts asks of
            the author, or of the judge, is the most that is paid beyond.
        progress: Told of each slot that is done with.

    Raises:
        UserError: Another run has the folder; it holds candidates already; to resume, it holds no run or one with other
            settings; or a cost limit is given and a model's prices are unknown.
        ModelError: Many calls in a row failed. What came before is kept.
    """
    names = {
        "author": author.name,
        "judge": judge.name if judge else "none",
        "encoder": "all-MiniLM-L6-v2" if encode else "none",
    }
    with claim(out):
        told = {"contents": dict(contents or {})}
        open_run(out, asdict(settings) | names | fingerprint(sources) | told, resume=resume)
        run = _Run(settings, author, judge, sources, encode, out / CANDIDATES)
        with put_off():
            complete = run.go_on(cost_limit, progress)
        found = tuple(run.found.values())
        split = split_accepted(found, run.slots, settings, run.kind, sources.known, encode)
        dataset = Dataset(settings, **names, slots=tuple(run.slots), candidates=found, split=split, complete=complete)
        write_dataset(dataset, out, run.kind, sources.pairs)
    return dataset


class _Run:
    """The candidates so far, and how more are made."""

    def __init__(
        self,
        settings: Settings,
        author: ChatModel,
        judge: ChatModel | None,
        sources: Sources,
        encode: Encode | None,
        path: Path,
    ) -> None:
        self.settings = settings
        self.kind = kind_of(settings.kind, sources.pairs)
        self.slots = plan_of(settings, sources)
        self.found = read_candidates(path)
        self._author = author
        self._judge = judge
        self._failed: Counter[str] = Counter()
        self._known = sources.known
        self._path = path
        self._neighbours = Neighbours(encode)
        for each in (*self._known, *map(self._as_known, self.found.values())):
            if each:
                self._neighbours.add(each.id, each.text)

    def go_on(self, cost_limit: float | None, progress: Callable[[object], None]) -> bool:
        """Do what is left to do; False where the cost limit ended it."""
        for attempt, batch, known in self._batches():
            if {self._fate(slot, attempt) for slot in batch} & {None, "no reply", "unjudged"}:
                for step in (partial(self._ask, batch, attempt, known), partial(self._grade, batch, attempt)):
                    if cost_limit is not None and self._spent() >= cost_limit:
                        return False
                    step()
            for slot in batch:
                if attempt + 1 == self.settings.attempts or self._fate(slot, attempt) not in REJECTED:
                    progress(slot)
        return True

    def _batches(self) -> Iterator[tuple[int, Sequence[Slot], Sequence[Known]]]:
        """Attempt, slots, and what their prompts may show; a resumed run has the batches of an unbroken one."""
        size = self.settings.batch
        for number in sorted({slot.round for slot in self.slots}):
            for attempt in range(self.settings.attempts):
                slots = [slot for slot in self.slots if slot.round == number and self._is_due(slot, attempt)]
                known = [*self._known, *self._written_before(number, attempt)]
                for start in range(0, len(slots), size):
                    yield attempt, slots[start : start + size], known

    def _is_due(self, slot: Slot, attempt: int) -> bool:
        return attempt == 0 or self._fate(slot, attempt - 1) in REJECTED

    def _fate(self, slot: Slot, attempt: int) -> str | None:
        found = self.found.get((slot.number, attempt))
        return found.fate if found else None

    def _written_before(self, number: int, attempt: int) -> list[Known]:
        """What was kept of earlier rounds, and of earlier attempts of this one."""
        earlier = (
            each for each in self.found.values() if (self.slots[each.slot].round, each.attempt) < (number, attempt)
        )
        return [known for each in earlier if (known := self._as_known(each))]

    def _as_known(self, candidate: Candidate) -> Known | None:
        """A candidate as later ones see it, whatever the judge says; None where it was rejected before."""
        if candidate.row is None or candidate.fate == "near duplicate":
            return None
        own = str(candidate.row["id"]).removeprefix(f"{self.settings.prefix}-")
        return Known(own, self.kind.text(candidate.row), self.slots[candidate.slot].domain)

    def _spent(self) -> float:
        usages = usages_of(self.found.values()).values()
        if any(usage.tokens and usage.cost is None for usage in usages):
            raise UserError(
                "a cost limit needs prices; put prompt_price and completion_price into the endpoint's TOML file"
            )
        return sum(usage.cost or 0.0 for usage in usages)

    def _ask(self, batch: Sequence[Slot], attempt: int, known: Sequence[Known]) -> None:
        """Ask for what is missing of a batch; a killed run has all of a batch or nothing."""
        slots = [slot for slot in batch if self._fate(slot, attempt) in (None, "no reply")]
        if not slots:
            return
        requests = [self._request(slot, attempt, known) for slot in slots]
        with interruptible():
            replies = self._author.chat(requests)
        self._record([self._candidate(slot, attempt, reply) for slot, reply in zip(slots, replies, strict=True)])
        self._stop_if_dead(self._author, [reply.error for reply in replies])

    def _request(self, slot: Slot, attempt: int, known: Sequence[Known]) -> ChatRequest:
        sampling = Sampling(self.settings.temperature, 1.0, self.settings.max_tokens)
        seed = derive_seed(self.settings.seed, slot.number, attempt)
        return ChatRequest(self.kind.messages(slot, known), sampling, seed, schema=schema_of(self.kind.reply))

    def _candidate(self, slot: Slot, attempt: int, reply: Reply) -> Candidate:
        """A reply behind the gates that need no judge."""
        earlier = self.found.get((slot.number, attempt))
        fate, why, row = self._read(reply, slot)
        asked = (*(earlier.asked if earlier else ()), call_of(reply, why or None))
        return self._compared(Candidate(slot.number, attempt, fate, asked, why=asked[-1].error or "", row=row))

    def _read(self, reply: Reply, slot: Slot) -> tuple[Fate, str, dict[str, Any] | None]:
        if reply.error is not None:
            return "no reply", reply.error, None
        try:
            row = self.kind.row(parse(reply, self.kind.reply), slot, self.settings.prefix)
        except Unreadable as error:
            return "unreadable", str(error), None
        except OutOfLimits as error:
            return "out of limits", str(error), None
        return "unjudged" if self._judge else "accepted", "", row

    def _compared(self, candidate: Candidate) -> Candidate:
        if not (known := self._as_known(candidate)):
            return candidate
        nearest = self._neighbours.nearest(known.text)
        near = self.settings.near.exceeded(nearest)
        if self.settings.kind == "personas" and known.id in self._neighbours:
            near = (*near, "tension")
        if near:
            return replace(candidate, fate="near duplicate", why=", ".join(near), nearest=nearest)
        self._neighbours.add(known.id, known.text)
        return replace(candidate, nearest=nearest)

    def _grade(self, batch: Sequence[Slot], attempt: int) -> None:
        waiting = [each for slot in batch if (each := self.found[slot.number, attempt]).fate == "unjudged"]
        if not self._judge or not waiting:
            return
        gradings = [Grading(self.settings.kind, self.kind.judged(each.row or {})) for each in waiting]
        with interruptible():
            grade(self._judge, gradings, self.settings.attempts)
        self._record([self._graded(*pair) for pair in zip(waiting, gradings, strict=True)])
        self._stop_if_dead(self._judge, [each.calls[-1].error if each.given_up else None for each in gradings])

    def _graded(self, candidate: Candidate, grading: Grading) -> Candidate:
        candidate = replace(candidate, graded=(*candidate.graded, *grading.calls), levels=grading.levels)
        if grading.levels is None:
            return replace(candidate, why=grading.calls[-1].error or "")
        poor = [f"{aspect} {level}" for aspect, level in grading.levels.items() if level < self.settings.min_level]
        fate: Fate = "poor" if poor else "accepted"
        return replace(candidate, fate=fate, why=", ".join(poor))

    def _record(self, candidates: Sequence[Candidate]) -> None:
        append_candidates(self._path, candidates)
        self.found.update({(each.slot, each.attempt): each for each in candidates})

    def _stop_if_dead(self, model: ChatModel, errors: Sequence[str | None]) -> None:
        """Stop where many calls in a row failed, for endpoints have their own tries; None stands for a reply."""
        self._failed[model.name] = 0 if None in errors else self._failed[model.name] + len(errors)
        if self._failed[model.name] >= _ENOUGH:
            told = f"the last {self._failed[model.name]} calls failed: {' '.join(clean(str(errors[-1])).split())}"
            raise ModelError(f"{model.name}: {told}; mend that and go on with --resume")
