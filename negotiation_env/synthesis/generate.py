"""A run: texts are asked for, read, compared, graded and recorded; one that was killed goes on where it was.

The folder holds `run.json` (settings), `candidates.jsonl` (append-only, every candidate) and, written whole out of it,
the dataset and its card. The size of a batch decides nothing: texts asked for at a time do not see one another, and
whether one is a near-duplicate is decided in the order of the slots, before the judge is asked.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from negotiation_env.console.interrupts import put_off
from negotiation_env.endpoints.cost_limit import Spending, calls_prices, need_prices, usage_price
from negotiation_env.episodes.provenance import fetched, note_provenance
from negotiation_env.episodes.run_folder import claim, open_run
from negotiation_env.episodes.runner import derive_seed
from negotiation_env.errors import ModelError
from negotiation_env.interfaces import ChatModel, ChatRequest, PromptModel, Reply, Sampling, arriving
from negotiation_env.judges.forms import Unreadable, as_read, parse, schema_of
from negotiation_env.judges.material import clean
from negotiation_env.synthesis.candidates import (
    CANDIDATES,
    REJECTED,
    Candidate,
    Fate,
    append_candidates,
    call_of,
    read_candidates,
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
_OUT_OF_TURN = "it came before those that decide what it repeats, and Ctrl-C before these"


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
    sha256: Mapping[str, str] | None = None,
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
        sha256: Of the files of author and judge, by name, for the folder's provenance; nothing is held to it.
        cost_limit: Dollars, over all of the run, above which nothing more is asked. It is passed by what one text asks
            of the author, or of the judge, at most, as long as none costs more than twice what one cost before
            (`negotiation_env.endpoints.cost_limit`).
        progress: Told of each slot that is done with.

    Raises:
        UserError: Another run has the folder; it holds candidates already; to resume, it holds no run or one with other
            settings; or a cost limit is given and an endpoint's price is unknown.
        ModelError: Many calls in a row failed. What came before is kept.
    """
    names = {
        "author": author.name,
        "judge": judge.name if judge else "none",
        "encoder": "all-MiniLM-L6-v2" if encode else "none",
    }
    if cost_limit is not None:
        need_prices([author, judge])
    spending = Spending(cost_limit)
    with claim(out):
        told = {"contents": dict(contents or {})}
        open_run(out, asdict(settings) | names | fingerprint(sources) | told, resume=resume)
        note_provenance(out, {**fetched(), **(sha256 or {})})
        run = _Run(settings, author, judge, sources, encode, out / CANDIDATES, spending)
        with put_off():
            complete = run.go_on(progress)
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
        spending: Spending,
    ) -> None:
        self.settings = settings
        self.kind = kind_of(settings.kind, sources.pairs)
        self.slots = plan_of(settings, sources)
        self.found = read_candidates(path)
        self._author = author
        self._judge = judge
        self._writing, self._grading = spending.account(author), spending.account(judge)
        spending.add(calls_prices(call for each in self.found.values() for call in (*each.asked, *each.graded)))
        self._failed: Counter[str] = Counter()
        self._known = sources.known
        self._path = path
        self._neighbours = Neighbours(encode)
        for each in (*self._known, *map(self._as_known, self.found.values())):
            if each:
                self._neighbours.add(each.id, each.text)

    def go_on(self, progress: Callable[[object], None]) -> bool:
        """Do what is left to do; False where the cost limit ended it."""
        for attempt, batch, known in self._batches():
            if not (self._ask(batch, attempt, known) and self._grade(batch, attempt)):
                return False
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

    def _ask(self, batch: Sequence[Slot], attempt: int, known: Sequence[Known]) -> bool:
        """Ask for what is missing of a batch; False where the money did not last for all."""
        slots = [slot for slot in batch if self._fate(slot, attempt) in (None, "no reply")]
        write = partial(self._write, attempt=attempt, known=known)
        replies = self._writing.ask(slots, write, lambda reply: usage_price(reply.usage))
        self._stop_if_dead(self._author, [reply.error for reply in replies])
        return len(replies) == len(slots)

    def _write(self, slots: Sequence[Slot], attempt: int, known: Sequence[Known]) -> list[Reply]:
        """The author's replies, each put on file when it has come and those before it have.

        Where all come at once, all are: a killed run has the whole of an in-process model's batch or nothing. What came
        out of turn before Ctrl-C is on file as paid for, and asked for again: those before it decide what it repeats.
        """
        one_by_one = isinstance(self._author, PromptModel)
        replies: list[Reply] = []
        early: dict[int, Reply] = {}
        try:
            for place, reply in arriving(self._author, [self._request(slot, attempt, known) for slot in slots]):
                early[place] = reply
                if one_by_one or len(early) == len(slots):
                    replies += self._keep(slots, attempt, early, len(replies))
        finally:
            lost = {place: replace(reply, error=_OUT_OF_TURN) for place, reply in early.items()}
            self._record([self._candidate(slots[place], attempt, reply) for place, reply in lost.items()])
        return replies

    def _keep(self, slots: Sequence[Slot], attempt: int, early: dict[int, Reply], due: int) -> list[Reply]:
        """Put on file those replies whose turn it is, from the slot that is due on; they are taken out of `early`."""
        ready = list(takewhile(early.__contains__, range(due, len(slots))))
        replies = [early.pop(place) for place in ready]
        asked = [slots[place] for place in ready]
        self._record([self._candidate(slot, attempt, reply) for slot, reply in zip(asked, replies, strict=True)])
        return replies

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
            row = self.kind.row(parse(as_read(reply), self.kind.reply), slot, self.settings.prefix)
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

    def _grade(self, batch: Sequence[Slot], attempt: int) -> bool:
        """Let the judge grade a batch; False where the money did not last for all."""
        waiting = [each for slot in batch if (each := self.found[slot.number, attempt]).fate == "unjudged"]
        if not self._judge or not waiting:
            return True
        ask = partial(self._put_before, self._judge)
        gradings = self._grading.ask(waiting, ask, lambda grading: calls_prices(grading.calls))
        self._stop_if_dead(self._judge, [each.calls[-1].error if each.given_up else None for each in gradings])
        return len(gradings) == len(waiting)

    def _put_before(self, judge: ChatModel, waiting: Sequence[Candidate]) -> list[Grading]:
        """What the judge says of each; put on file also where Ctrl-C came before the last."""
        gradings = [Grading(self.settings.kind, self.kind.judged(each.row or {})) for each in waiting]
        try:
            grade(judge, gradings, self.settings.attempts)
        finally:
            said = [each for each in zip(waiting, gradings, strict=True) if each[1].calls]
            self._record([self._graded(*each) for each in said])
        return gradings

    def _graded(self, candidate: Candidate, grading: Grading) -> Candidate:
        candidate = replace(candidate, graded=(*candidate.graded, *grading.calls), levels=grading.levels)
        if grading.levels is None:
            return replace(candidate, why=grading.calls[-1].error or "")
        poor = [f"{aspect} {level}" for aspect, level in grading.levels.items() if level < self.settings.min_level]
        fate: Fate = "poor" if poor else "accepted"
        return replace(candidate, fate=fate, why=", ".join(poor))

    def _record(self, candidates: Sequence[Candidate]) -> None:
        if candidates:
            append_candidates(self._path, candidates)
        self.found.update({(each.slot, each.attempt): each for each in candidates})

    def _stop_if_dead(self, model: ChatModel, errors: Sequence[str | None]) -> None:
        """Stop where many calls in a row failed, for endpoints have their own tries; None stands for a reply."""
        self._failed[model.name] = 0 if None in errors else self._failed[model.name] + len(errors)
        if self._failed[model.name] >= _ENOUGH:
            told = f"the last {self._failed[model.name]} calls failed: {' '.join(clean(str(errors[-1])).split())}"
            raise ModelError(f"{model.name}: {told}; mend that and go on with --resume")
