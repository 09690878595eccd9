"""Drawing tokens from logits, repeatably.

Each row draws by inverse CDF from uniform numbers of its own seed, so that what a game samples depends neither on the
other games of its batch nor on any global random state.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from negotiation_env.interfaces import Sampling

if TYPE_CHECKING:
    import torch

__all__ = ["draw", "log_distribution", "uniforms"]

_NUCLEUS = 512
"""Nuclei are nearly always smaller; only where one is not, the whole vocabulary is sorted."""


def uniforms(seeds: Sequence[int], count: int) -> "torch.Tensor":
    """Uniform numbers in [0, 1), shape [seeds, count], float64; a row depends on its own seed only."""
    import torch

    rows = [np.random.Generator(np.random.Philox(seed)).random(count) for seed in seeds]
    return torch.from_numpy(np.stack(rows))


def log_distribution(logits: "torch.Tensor", sampling: Sequence[Sampling]) -> "torch.Tensor":
    """Log-probabilities that tokens are drawn from.

    Args:
        logits: [rows, vocabulary], any float type.
        sampling: One per row. Temperature 0 puts all mass on the likeliest token.

    Returns:
        [rows, vocabulary], float32; each row sums to 1 after exp.
    """
    import torch

    greedy = torch.tensor([each.temperature == 0 for each in sampling], device=logits.device)
    temperature = torch.tensor([each.temperature or 1.0 for each in sampling], device=logits.device)
    logprobs = torch.log_softmax(logits.float() / temperature[:, None], dim=-1)
    if any(each.top_p < 1 for each in sampling):
        logprobs = _nucleus(logprobs, torch.tensor([each.top_p for each in sampling], device=logits.device))
    if greedy.any():
        certain = torch.full_like(logprobs, -torch.inf)
        certain.scatter_(1, logprobs.argmax(dim=-1, keepdim=True), 0.0)
        logprobs = torch.where(greedy[:, None], certain, logprobs)
    return logprobs


def draw(logprobs: "torch.Tensor", uniform: "torch.Tensor") -> tuple["torch.Tensor", "torch.Tensor"]:
    """Draw a token for each row.

    Args:
        logprobs: [rows, vocabulary], from `log_distribution`.
        uniform: [rows], in [0, 1).

    Returns:
        Token ids [rows] and their log-probabilities [rows].
    """
    import torch

    cumulative = logprobs.double().exp().cumsum(dim=-1)
    threshold = (uniform.to(cumulative) * cumulative[:, -1]).unsqueeze(-1)
    tokens = torch.searchsorted(cumulative, threshold, right=True).clamp_(max=logprobs.shape[-1] - 1)
    return tokens.squeeze(-1), logprobs.gather(-1, tokens).squeeze(-1)


def _nucleus(logprobs: "torch.Tensor", top_p: "torch.Tensor") -> "torch.Tensor":
    """Keep the smallest set of likeliest tokens whose mass reaches top-p, and renormalise."""
    import torch

    best = torch.topk(logprobs, min(_NUCLEUS, logprobs.shape[-1]), dim=-1)
    if bool((best.values.exp().sum(dim=-1) < top_p).any()):
        best = torch.topk(logprobs, logprobs.shape[-1], dim=-1)
    before = best.values.exp().cumsum(dim=-1) - best.values.exp()
    inside = best.values.masked_fill(before >= top_p[:, None], -torch.inf)
    kept = torch.full_like(logprobs, -torch.inf).scatter_(1, best.indices, inside)
    return torch.log_softmax(kept, dim=-1)
