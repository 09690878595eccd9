"""From an episode to a training row: ids, mask and log-probabilities of the learner's side.

The learner's tokens are those it sampled in its own dialogue turns. Everything else in the row is context: what the
opponent said, template tokens, end-of-turn tokens that had to be added. The completion comes after the last of them
and is left out: it would carry no gradient.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from negotiation_env.episode import Episode
from negotiation_env.events import Task

__all__ = ["Row", "learner_row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One negotiation as GRPO sees it.

    Attributes:
        prompt: Ids before the learner's first token.
        completion: Ids from there on, ending with the end-of-turn id; never empty.
        mask: One per completion id: 1 for a token that the learner sampled in the dialogue, else 0.
        logprobs: One per completion id: the sampled token's log-probability where the mask is 1, else 0.
    """

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    mask: tuple[int, ...]
    logprobs: tuple[float, ...]


def learner_row(episode: Episode, seat: int, end: int) -> Row:
    """Build the row of one seat.

    Args:
        episode: Its turns of this seat carry token traces.
        seat: The learner's seat.
        end: The end-of-turn id; closes a row that was cut off, uncounted, for TRL takes a row that ends otherwise as
            truncated.

    Returns:
        The row. A seat that never spoke gets one uncounted token.

    Raises:
        ValueError: A turn has no trace, or its context was rendered anew in mid-dialogue, so that the turns do not
            make one row.
    """
    turns = [said for said in episode.said if said.seat == seat and said.task is Task.UTTERANCE]
    prompt: Sequence[int] = (end,)
    ids: list[int] = []
    mask: list[int] = []
    logprobs: list[float] = []
    for number, said in enumerate(turns):
        trace = said.tokens
        if trace is None or trace.fresh != (number == 0):
            raise ValueError(f"episode {episode.id!r}: turn {number} of seat {seat} does not go on from the last one")
        if number == 0:
            prompt = trace.context
        else:
            _extend(ids, mask, logprobs, trace.context, 0, [0.0] * len(trace.context))
        _extend(ids, mask, logprobs, trace.sampled, 1, trace.logprobs)
    if not ids or ids[-1] != end:
        _extend(ids, mask, logprobs, (end,), 0, (0.0,))
    return Row(tuple(prompt), tuple(ids), tuple(mask), tuple(logprobs))


def _extend(
    ids: list[int],
    mask: list[int],
    logprobs: list[float],
    tokens: Sequence[int],
    counted: int,
    values: Sequence[float],
) -> None:
    ids += tokens
    mask += [counted] * len(tokens)
    logprobs += values
