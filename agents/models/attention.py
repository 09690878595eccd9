"""What the layers of a decoder see of a row that has holes.

transformers measures a sliding window in places of the cache, and padding between a row's tokens would use it up. So
where a window is shorter than what the cache holds, the masks are made here, of the tokens' own positions. Layers that
keep a state instead of keys and values (convolutions, linear attention) would let padding into it: they are refused.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from negotiation_env.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Attention", "attention_of", "layer_window"]

_FULL: Final = "full_attention"
_SLIDING: Final = "sliding_attention"
_MASKED: Final = ("sdpa", "eager")
"""transformers' implementations of attention that take a mask of ours."""


@dataclass(frozen=True, slots=True)
class Attention:
    """How a decoder's layers attend.

    Attributes:
        window: Tokens that a layer with a sliding window sees, the newest included; None where every layer sees all.
        mixed: Some layers have the window, others see all.
        additive: Masks are added to the scores (transformers' `eager`), not boolean.
    """

    window: int | None = None
    mixed: bool = False
    additive: bool = False

    def mask(self, present: "Tensor", positions: "Tensor", fed: int, dtype: Any) -> Any:
        """What the newest places of the cache see.

        Args:
            present: [rows, places], 1 for a token, 0 for padding.
            positions: [rows, places], the number of tokens before each in its row.
            fed: How many places are new.
            dtype: The model's.

        Returns:
            The `attention_mask` for transformers: `present` itself, or masks of shape [rows, 1, fed, places].
        """
        if self.window is None or present.shape[1] <= self.window:
            return present
        now, then = positions[:, -fed:, None], positions[:, None, :]
        seen = (present[:, None, :] > 0) & (then <= now)
        near = self._form(seen & (then > now - self.window), dtype)
        return {_FULL: self._form(seen, dtype), _SLIDING: near} if self.mixed else near

    def _form(self, seen: "Tensor", dtype: Any) -> "Tensor":
        import torch

        if not self.additive:
            return seen[:, None]
        return torch.zeros_like(seen[:, None], dtype=dtype).masked_fill_(~seen[:, None], torch.finfo(dtype).min)


def layer_window(settings: Any) -> tuple[int | None, bool]:
    """How far back the layers of a transformers config see, as the first two fields of `Attention`.

    Raises:
        UserError: A row with holes cannot be sampled with such a model.
    """
    from transformers.cache_utils import get_layer_types_and_kwargs

    kinds, details = get_layer_types_and_kwargs(settings)
    windows = {each["sliding_window"] for kind, each in zip(kinds, details, strict=True) if kind == _SLIDING}
    if other := set(kinds) - {_FULL, _SLIDING}:
        raise _refusal(settings, f"layers of the kind {', '.join(sorted(other))}")
    if len(windows) > 1:
        raise _refusal(settings, f"windows of {' and '.join(map(str, sorted(windows)))} tokens")
    return next(iter(windows), None), bool(windows) and _FULL in kinds


def attention_of(model: Any) -> Attention:
    """How the layers of a transformers (or PEFT) model attend.

    Raises:
        UserError: A row with holes cannot be sampled with it.
    """
    settings = model.config.get_text_config(decoder=True)
    if getattr(model, "_is_stateful", False):
        raise _refusal(settings, "layers that keep a state")
    window, mixed = layer_window(settings)
    way = settings._attn_implementation
    if window is not None and way not in _MASKED:
        raise UserError(f"a sliding window needs attn_implementation {' or '.join(_MASKED)} here; it is {way}")
    return Attention(window, mixed, additive=way == "eager")


def _refusal(settings: Any, found: str) -> UserError:
    return UserError(
        f"{settings.model_type} cannot be sampled in this process: it has {found}; expected keys and values of every "
        "token in every layer, or of one sliding window (as in Llama, Qwen 2 and 3, Gemma 1 to 3, Mistral, Phi, OLMo); "
        "serve it elsewhere and name the endpoint"
    )
