"""From an episode to training rows: ids, mask and log-probabilities of the learner's side.

The learner's tokens are those it sampled in its own turns. Everything else in a row is context: what the opponent
said, template tokens, end-of-turn tokens that had to be added, the mark that closed a thought whose budget was spent.
As long as a conversation only grows, all its turns make one row. Where the prompt is rendered anew, by a history window
or because thoughts leave it once they are answered, a new row begins, so that every token is trained in the very
context that it was sampled in.

A thought is sampled like the words behind it: it is an action of the policy, and the gradient of the expected reward
has a term for each of its tokens. With all of them counted, a step follows that gradient. Where thoughts are not
counted, their terms are missing: a step then follows the gradient of a policy whose thoughts are a part of the world.
Words are trained given the thoughts before them; how to think is not, and a turn that is all thought teaches nothing.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from negotiation_env.environment.episode import Episode
from negotiation_env.environment.turns import Refused, Said
from negotiation_env.game.events import Task

__all__ = ["Row", "empty_row", "learner_rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """What GRPO sees of one prompt and all that the learner said after it.

    Attributes:
        prompt: Ids before the learner's first token.
        completion: Ids from there on, ending with the end-of-turn id; never empty.
        mask: One per completion id: 1 for a token that the learner sampled and that is trained, else 0.
        logprobs: One per completion id: the sampled token's log-probability where the mask is 1, else 0.
    """

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    mask: tuple[int, ...]
    logprobs: tuple[float, ...]


@dataclass(slots=True)
class _Draft:
    """A row in the making."""

    prompt: tuple[int, ...]
    ids: list[int] = field(default_factory=list)
    mask: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    def hear(self, tokens: Sequence[int]) -> None:
        self.say(tokens, [False] * len(tokens), [0.0] * len(tokens))

    def say(self, tokens: Sequence[int], counted: Sequence[bool], values: Sequence[float]) -> None:
        self.ids += tokens
        self.mask += map(int, counted)
        self.logprobs += [value if counts else 0.0 for value, counts in zip(values, counted, strict=True)]

    def finish(self, end: int) -> Row:
        """Up to the last counted token, closed: TRL takes a row that ends otherwise as truncated."""
        length = len(self.mask) - self.mask[::-1].index(1)
        closing = [] if self.ids[length - 1] == end else [end]
        ids, mask = self.ids[:length] + closing, self.mask[:length] + [0] * len(closing)
        return Row(self.prompt, tuple(ids), tuple(mask), (*self.logprobs[:length], *(0.0 for _ in closing)))


def learner_rows(
    episode: Episode,
    seat: int,
    end: int,
    trained: Collection[Task] = (Task.UTTERANCE,),
    left_out: Callable[[Sequence[int]], Sequence[bool]] | None = None,
) -> list[Row]:
    """Build the rows of one seat.

    Args:
        episode: Its turns of this seat carry token traces.
        seat: The learner's seat.
        end: The end-of-turn id; closes a row that was cut off, uncounted.
        trained: The tasks whose tokens count.
        left_out: Tells which ids of a reply do not count, such as `Marks.thoughts`; None: all count.

    Returns:
        A row for each prompt that was rendered anew and has counted tokens after it; none for a seat that never spoke.

    Raises:
        ValueError: A turn has no trace, or the first one goes on from a turn that is not there.
    """
    drafts: list[_Draft] = []
    for said, task in _sampled(episode, seat):
        trace = said.tokens
        if trace is None or not (trace.fresh or drafts):
            raise ValueError(f"episode {episode.id!r}: a turn of seat {seat} has no token trace to train on")
        if trace.fresh:
            drafts.append(_Draft(trace.context))
        else:
            drafts[-1].hear(trace.context)
        skipped = left_out(trace.sampled) if left_out else [False] * len(trace.sampled)
        counted = [task in trained and place not in trace.forced for place in range(len(trace.sampled))]
        counted = [counts and not skips for counts, skips in zip(counted, skipped, strict=True)]
        drafts[-1].say(trace.sampled, counted, trace.logprobs)
    return [draft.finish(end) for draft in drafts if any(draft.mask)]


def _sampled(episode: Episode, seat: int) -> Iterator[tuple[Said | Refused, Task | None]]:
    """All that a seat sampled, in order, and the task that it counts for.

    What guards refused counts for none: the game's reward says nothing of words that nobody heard. It stays in the row
    as context, since what was said next was sampled after it.
    """
    for said in (said for said in episode.turns if said.seat == seat):
        yield from ((refused, None) for refused in said.refused)
        if not said.replaced:
            yield said, said.task


def empty_row(end: int) -> Row:
    """A row without a counted token: TRL wants as many rows of every game."""
    return Row((end,), (end,), (0,), (0.0,))
