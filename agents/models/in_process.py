"""A transformers model in this process as a `ChatModel`: batched, with the key-value cache kept across turns.

Each call feeds the ids of a conversation that the cache does not hold yet (the last sampled token and what the others
said since) and samples on. Rows of a batch may have holes: padding inside a row is masked out and takes no position.
Threads take turns: a batch uses all cores already.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from negotiation_env.agents.models.attention import attention_of
from negotiation_env.agents.models.chat_tokens import ChatTokens
from negotiation_env.agents.models.conversations import Conversation, Conversations, Draft
from negotiation_env.agents.models.pretrained import end_ids, half_precision, load_network, load_tokenizer, loading, nf4
from negotiation_env.agents.models.sampling import draw, log_distribution, uniforms
from negotiation_env.agents.models.shared_prefixes import alike
from negotiation_env.agents.models.training_card import read_card
from negotiation_env.interfaces import ChatRequest, Reply

if TYPE_CHECKING:
    import torch

__all__ = ["CACHED_BATCHES", "CACHE_ROOM", "MAX_BATCH", "InProcessModel", "load_model"]

CACHED_BATCHES: Final = 4
"""Batches whose keys and values are kept."""
CACHE_ROOM: Final = 128
"""Places for new tokens, each time that a cache makes room."""
MAX_BATCH: Final = 64
"""Most rows of a forward pass, unless a model is told otherwise."""
_HALF: Final = "\ufffd"
"""What a character is decoded to whose other bytes are still to be drawn."""
_SAMPLING: Final = threading.RLock()
"""Held by the thread that samples: models may share a network, and switch its adapters."""


@dataclass(slots=True)
class _Batch:
    """The key-value cache of some conversations; `fed` counts the ids of each that it holds."""

    conversations: list[Conversation]
    cache: Any
    mask: "torch.Tensor"
    fed: list[int]


class InProcessModel:
    """A causal language model in this process.

    Args:
        model: A transformers (or PEFT) model.
        tokenizer: Its tokenizer, with a chat template.
        name: The name in records.
        adapter: Entered around each call, to switch a PEFT adapter on; by default the model stays as it is.
        max_batch: Most rows of a forward pass.
        max_thought_tokens: Most ids of the thought before the words, marks included, on top of the words'; from 2 on,
            or 0: thinking is switched off.

    Raises:
        ModelError: The tokenizer's chat template cannot be used, or it has no marks for thoughts that are asked for.
        UserError: The model keeps more than keys and values, which padding inside of rows would spoil.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        name: str,
        adapter: Callable[[], AbstractContextManager[Any]] = nullcontext,
        max_batch: int = MAX_BATCH,
        max_thought_tokens: int = 0,
    ) -> None:
        self.model = model
        self.tokens = ChatTokens(tokenizer, thinking=max_thought_tokens > 0, ends=end_ids(model))
        self.name = name
        self.max_batch = max_batch
        self.max_thought_tokens = max_thought_tokens
        self._attention = attention_of(model)
        self._adapter = adapter
        self._conversations = Conversations(self.tokens, max_thought_tokens)
        self._batches: list[_Batch] = []

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Sample a reply to each chat."""
        return self._chat(requests)

    def stream(self, request: ChatRequest, hear: Callable[[str], None]) -> Reply:
        """Sample a reply, and tell `hear` what is written of it after each token; see `StreamingModel`."""
        (reply,) = self._chat([request], lambda row: hear(self.tokens.text(row.sampled).rstrip(_HALF)))
        return reply

    def _chat(self, requests: Sequence[ChatRequest], hear: Callable[[Draft], None] | None = None) -> list[Reply]:
        """As `chat`; each reply that goes on is told to `hear` after each of its tokens."""
        import torch

        with _SAMPLING, torch.no_grad(), self._adapter():
            rows = [self._conversations.draft(request) for request in requests]
            for start in range(0, len(rows), self.max_batch):
                self._sample(rows[start : start + self.max_batch], hear)
            return [self._conversations.reply(row) for row in rows]

    def forget(self) -> None:
        """Drop all conversations and their cache, as after a change of the weights."""
        with _SAMPLING:
            self._conversations.forget()
            self._batches.clear()

    def _sample(self, rows: list[Draft], hear: Callable[[Draft], None] | None) -> None:
        """Feed what is new, then draw token after token until every row has ended."""
        batch = self._batch([row.conversation for row in rows])
        if not any(batch.fed):
            self._feed_shared_prefixes(batch)
        limit = max(row.request.sampling.max_tokens for row in rows) + self.max_thought_tokens
        noise = uniforms([row.request.seed for row in rows], limit)
        sampling = [row.request.sampling for row in rows]
        logits = self._feed(batch, [row.conversation.ids[fed:] for row, fed in zip(rows, batch.fed, strict=True)])
        for step in range(limit):
            ids, logprobs = draw(log_distribution(logits, sampling), noise[:, step])
            going = [self._take(row, *drawn) for row, *drawn in zip(rows, ids.tolist(), logprobs.tolist(), strict=True)]
            if hear:
                for row in rows:
                    hear(row)
            if not any(going):
                return
            fed = zip(rows, going, batch.fed, strict=True)
            logits = self._feed(batch, [row.conversation.ids[before:] if on else [] for row, on, before in fed])

    def _take(self, row: Draft, token: int, logprob: float) -> bool:
        """Append a drawn token unless the row has ended; say whether it goes on."""
        if row.open:
            row.take([token], [logprob])
        return row.open

    def _feed(self, batch: _Batch, chunks: list[list[int]]) -> "torch.Tensor":
        """Run ids through the model, left-padded to one width; returns the last logits, [rows, vocabulary]."""
        import torch

        width = max(map(len, chunks))
        device = batch.mask.device
        padded = [[self.tokens.pad] * (width - len(chunk)) + chunk for chunk in chunks]
        present = [[0] * (width - len(chunk)) + [1] * len(chunk) for chunk in chunks]
        batch.mask = torch.cat([batch.mask, torch.tensor(present, device=device)], dim=1)
        batch.fed = [fed + len(chunk) for fed, chunk in zip(batch.fed, chunks, strict=True)]
        positions = (batch.mask.cumsum(dim=1) - 1).clamp_(min=0)
        output = self.model(
            input_ids=torch.tensor(padded, device=device),
            attention_mask=self._attention.mask(batch.mask, positions, width, self.model.dtype),
            position_ids=positions[:, -width:],
            past_key_values=batch.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = output.logits[:, -1]
        return logits

    def _feed_shared_prefixes(self, batch: _Batch) -> None:
        """Run what chats have in common through the model once, and give each a copy of the keys and values."""
        chats = [conversation.ids for conversation in batch.conversations]
        groups = alike(chats)
        if len(groups) == len(chats):
            return
        few = _empty_batch([batch.conversations[members[0]] for _, members in groups], batch.mask.device)
        self._feed(few, [chats[members[0]][:length] for length, members in groups])
        places = {row: place for place, (_, members) in enumerate(groups) for row in members}
        _keep_rows(few, [places[row] for row in range(len(chats))])
        batch.cache, batch.mask, batch.fed = few.cache, few.mask, few.fed

    def _batch(self, conversations: list[Conversation]) -> _Batch:
        """The cached rows of these conversations, or an empty cache to be filled from their first id on."""
        for index, batch in enumerate(self._batches):
            places = {id(conversation): row for row, conversation in enumerate(batch.conversations)}
            if all(id(conversation) in places for conversation in conversations):
                self._batches.append(self._batches.pop(index))
                _keep_rows(batch, [places[id(conversation)] for conversation in conversations])
                return batch
        return self._new_batch(conversations)

    def _new_batch(self, conversations: list[Conversation]) -> _Batch:
        """An empty one; of the others only those are kept that can go on, and not too many."""
        going_on = [batch for batch in self._batches if any(map(self._conversations.knows, batch.conversations))]
        batch = _empty_batch(conversations, self.model.device)
        self._batches = [*going_on[1 - CACHED_BATCHES :], batch]
        return batch


def _empty_batch(conversations: list[Conversation], device: Any) -> _Batch:
    import torch

    from negotiation_env.agents.models.roomy_cache import roomy_cache

    rows = len(conversations)
    return _Batch(conversations, roomy_cache(), torch.zeros(rows, 0, dtype=torch.long, device=device), [0] * rows)


def _keep_rows(batch: _Batch, rows: list[int]) -> None:
    """Drop the rows of games that have ended, and put the others in the order asked for."""
    if rows == list(range(len(batch.fed))):
        return
    import torch

    index = torch.tensor(rows, device=batch.mask.device)
    batch.cache.batch_select_indices(index)
    batch.mask = batch.mask[index]
    batch.conversations = [batch.conversations[row] for row in rows]
    batch.fed = [batch.fed[row] for row in rows]


def load_model(
    source: str | Path,
    adapter: str | Path | None = None,
    name: str = "",
    max_thought_tokens: int = 0,
    quantise: str = "none",
) -> InProcessModel:
    """Load a model for play: on the GPU where there is one, in bfloat16 if it has that; else in float32.

    Args:
        source: A transformers folder or hub id.
        adapter: A LoRA adapter's folder; in float32 it is merged into the weights, which makes each step cheaper. In
            bfloat16 that would round some of what was learnt away. One that was trained on weights in 4 bit, as its
            card says, is played on such.
        name: The name in records.
        max_thought_tokens: As for `InProcessModel`.
        quantise: "4bit" holds the weights in NF4, whatever the card says.

    Raises:
        ModelError: As for `InProcessModel`.
        UserError: There is no such model or adapter, or it brings code that is not trusted.
        MissingExtra: torch or transformers is not installed.
    """
    what = str(source) + (f"+{adapter}" if adapter else "")
    with loading(f"the model {what}", "an in-process model"):
        import torch

        from negotiation_env.loading.packed_weights import keep_packed

        half = half_precision()
        tokenizer = load_tokenizer(source)
        card = read_card(adapter)
        quantised = "4bit" in (quantise, card and card.quantise)
        settings = {"quantization_config": nf4()} if quantised else {}
        model = load_network(source, dtype=torch.bfloat16 if half else torch.float32, **settings)
        if adapter is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(adapter))
            model = model if half or quantised else model.merge_and_unload()
        model = model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        if type(model).__module__.startswith("transformers."):  # a model's own code may look at the weights itself
            keep_packed(model)
    return InProcessModel(model, tokenizer, name or str(source), max_thought_tokens=max_thought_tokens)
