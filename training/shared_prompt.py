"""The rows of a group begin alike: what they share is run once through the model, and its gradient with it.

Each game of a group has the same scenario and seat, so that most of a row is the same prompt. A micro-batch of whole
rows would run it once for each; here its keys and values, with their graph, are what all rows go on from. The
log-probabilities and gradients are the same up to rounding; `measurements/shared_prompt.py` says what it saves.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import pad

from negotiation_env.agents.models.attention import layer_window
from negotiation_env.agents.models.shared_prefixes import LEAST, common

__all__ = ["can_share", "log_probabilities"]


def can_share(model: Any) -> bool:
    """Whether a model's keys and values hold all that was read: not where layers see a window alone."""
    return layer_window(model.config.get_text_config(decoder=True))[0] is None


def log_probabilities(
    model: Any, ids: torch.Tensor, mask: torch.Tensor, width: int, counted: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Of the completions' tokens, as TRL's fused head gives them.

    Args:
        model: That trains, as TRL has patched it.
        ids: Prompts, padded on the left, and completions, padded on the right: shape [rows, tokens].
        mask: 1 for a token, 0 for padding: shape [rows, tokens].
        width: Of the completions.
        counted: 1 for a token of the completions that is asked for, shape [rows, width]; without it all are. What the
            others said is most of a dialogue, and the head over all words much of what a small model computes.

    Returns:
        Log-probabilities and entropies, shape [rows, width], 0 where padding is and for what is not asked for; None
        where the rows share too little.
    """
    rows = [row[kept.bool()] for row, kept in zip(ids, mask, strict=True)]
    spoken = [int(kept.sum()) for kept in mask[:, -width:]]
    prompts = [len(row) - said for row, said in zip(rows, spoken, strict=True)]
    first, *others = (row.tolist() for row in rows)
    shared = min([prompt - 1 for prompt in prompts] + [common(first, other) for other in others])
    if not others or shared < LEAST:
        return None
    rests, starts = [row[shared:] for row in rows], [prompt - shared for prompt in prompts]
    longest = max(map(len, rests))
    asked = pad(mask[:, -width:] if counted is None else counted, (ids.shape[1] - width, 0)).bool()
    labels = [
        pad(row[kept.bool()][shared:], (0, longest - len(rest)), value=-100)
        for row, kept, rest in zip(ids.where(asked, -100), mask, rests, strict=True)
    ]
    told = model(
        input_ids=torch.stack([pad(rest, (0, longest - len(rest))) for rest in rests]),
        attention_mask=torch.stack([_present(shared + len(rest), shared + longest, ids) for rest in rests]),
        past_key_values=_read(model, rows[0][:shared], len(rows)),
        labels=torch.stack(labels),
        fused_lm_head=True,
    )
    return _cut(told.log_probs, starts, spoken, width), _cut(told.entropy, starts, spoken, width)


def _read(model: Any, beginning: torch.Tensor, rows: int) -> Any:
    """Keys and values of what is shared, for so many rows."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    cache = inner.base_model(input_ids=beginning[None], use_cache=True).past_key_values
    cache.batch_repeat_interleave(rows)
    return cache


def _present(length: int, longest: int, like: torch.Tensor) -> torch.Tensor:
    return pad(like.new_ones(length), (0, longest - length))


def _cut(values: torch.Tensor, starts: Sequence[int], spoken: Sequence[int], width: int) -> torch.Tensor:
    """Of each row what was spoken, padded on the right; a token's value stands where the one before it was read."""
    cut = [row[start - 1 : start - 1 + said] for row, start, said in zip(values, starts, spoken, strict=True)]
    return torch.stack([pad(each, (0, width - len(each))) for each in cut])
