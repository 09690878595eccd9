"""A key-value cache that grows in place."""

from typing import TYPE_CHECKING, Any

from transformers import Cache
from transformers.cache_utils import DynamicLayer

from negotiation_env.agents.models.in_process import CACHE_ROOM

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["roomy_cache"]


def roomy_cache() -> Cache:
    """An empty cache; as `DynamicCache`, which copies all that it holds at each step."""
    return Cache(layer_class_to_replicate=_RoomyLayer)


class _RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of a layer, each the beginning of a larger tensor: what is new is written behind it."""

    keys: "Tensor"
    values: "Tensor"

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._key_room: Tensor | None = None
        self._value_room: Tensor | None = None

    def update(self, key_states: "Tensor", value_states: "Tensor", *_: Any, **__: Any) -> "tuple[Tensor, Tensor]":
        """Append; returns all keys and values, each [rows, heads, tokens, width]."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self._key_room, self.keys = _appended(self._key_room, self.keys, key_states)
        self._value_room, self.values = _appended(self._value_room, self.values, value_states)
        return self.keys, self.values

    def batch_select_indices(self, indices: "Tensor") -> None:
        """Keep these rows alone, in their order, and the room behind them: all others are gone at once."""
        if self._key_room is not None and self._value_room is not None:
            length = self.get_seq_length()
            self._key_room, self._value_room = self._key_room[indices], self._value_room[indices]
            self.keys, self.values = self._key_room[..., :length, :], self._value_room[..., :length, :]


def _appended(room: "Tensor | None", held: "Tensor", new: "Tensor") -> "tuple[Tensor, Tensor]":
    """The room, and its beginning: what was held, then what is new. Rows that came otherwise need a new room."""
    length = held.shape[-2] if held.numel() else 0
    total = length + new.shape[-2]
    if room is None or room.data_ptr() != held.data_ptr() or room.shape[-2] < total:
        room = new.new_empty(*new.shape[:-2], total + CACHE_ROOM, new.shape[-1])
        if length:
            room[..., :length, :] = held
    room[..., length:total, :] = new
    return room, room[..., :total, :]
