"""vLLM's engine in this process as a `ChatModel`, for play and evaluation on a GPU of one's own.

An engine takes what is free of the GPU's memory, so that a second one of the same base would find none: all models with
one base share an engine, each with its adapter.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from negotiation_env.agents.models.chat_tokens import ChatTokens
from negotiation_env.agents.models.conversations import Conversations, Draft
from negotiation_env.agents.models.pretrained import listed_ids, trusts_remote_code, why
from negotiation_env.agents.models.vllm_tokens import CALLS, sampling_fields
from negotiation_env.errors import UserError
from negotiation_env.interfaces import ChatRequest, Reply
from negotiation_env.loading.heavy import importing
from negotiation_env.loading.hub import ask_hub

__all__ = ["VllmEngine"]

_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
"""The adapter ranks that vLLM makes room for."""
_USUAL: Final = 64
"""An engine with adapters has room for this rank at least, so that the next one fits too."""
_AT_HAND: Final = 8
"""Adapters that wait in the CPU's memory, so that none is read from disk at each turn."""


@dataclass(slots=True)
class _Engine:
    """An engine, and what the models that share it take turns with.

    Attributes:
        llm: vLLM's.
        room: The highest rank of an adapter that it takes; 0 is none.
        lock: Held while it samples: of two threads one would get what the other asked for.
        numbers: By its folder, the number that an adapter has here; from 1.
    """

    llm: Any
    room: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: dict[str, int] = field(default_factory=dict)


_LOADING: Final = threading.Lock()
_ENGINES: Final[dict[str, _Engine]] = {}
"""By the base's folder or hub id."""


class VllmEngine:
    """A model in vLLM, in bfloat16 on a GPU, else on the CPU in float32; it keeps what is free of the GPU's memory.

    Args:
        source: A transformers folder or hub id.
        adapter: A LoRA adapter's folder.
        name: The name in records.
        max_thought_tokens: As for `InProcessModel`.

    Raises:
        ModelError: As for `InProcessModel`.
        UserError: There is no such model or adapter, or it brings code that is not trusted.
        MissingExtra: vLLM is not installed.
    """

    def __init__(
        self, source: str | Path, adapter: str | Path | None = None, name: str = "", max_thought_tokens: int = 0
    ) -> None:
        self.name = name or str(source)
        try:
            self._engine = _engine(str(source), _rank(Path(adapter)) if adapter else 0)
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(f"vLLM cannot load the model {self.name}: {why(error)}") from error
        self._llm = self._engine.llm
        self._adapter = _lora_request(self._engine, str(adapter)) if adapter else None
        self.tokens = ChatTokens(self._llm.get_tokenizer(), thinking=max_thought_tokens > 0, ends=self._ends())
        self._conversations = Conversations(self.tokens, max_thought_tokens)

    def _ends(self) -> frozenset[int]:
        return listed_ids(self._llm.model_config.try_get_generation_config().get("eos_token_id"))

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Sample a reply to each chat; one that has outgrown the model's context gets a reply with its error."""
        with self._engine.lock:
            drafts = [self._conversations.draft(request) for request in requests]
            self._sample([draft for draft in drafts if self._fits(draft)])
            for _ in range(CALLS - 1):
                self._sample([draft for draft in drafts if draft.another_call and self._fits(draft)])
            return [self._reply(draft) for draft in drafts]

    def _sample(self, drafts: Sequence[Draft]) -> None:
        from vllm import SamplingParams, TokensPrompt

        if not drafts:
            return
        outputs = self._llm.generate(
            [TokensPrompt(prompt_token_ids=draft.conversation.ids) for draft in drafts],
            [SamplingParams(**sampling_fields(draft)) for draft in drafts],
            lora_request=self._adapter,
            use_tqdm=False,
        )
        for draft, output in zip(drafts, outputs, strict=True):
            [sampled] = output.outputs
            told = [step[token].logprob for token, step in zip(sampled.token_ids, sampled.logprobs, strict=True)]
            draft.take(sampled.token_ids, told)

    def _fits(self, draft: Draft) -> bool:
        return len(draft.conversation.ids) < int(self._llm.model_config.max_model_len)

    def _reply(self, draft: Draft) -> Reply:
        if draft.sampled:
            return self._conversations.reply(draft)
        self._conversations.drop(draft)
        return Reply("", error=f"{self.name}: a chat of {len(draft.conversation.ids)} tokens outgrows the context")


def _engine(source: str, rank: int) -> _Engine:
    """The engine of a base; one that has no room for an adapter of this rank is left to the models that it has."""
    with _LOADING:
        found = _ENGINES.get(source)
        if found is None or found.room < rank:
            room = next((room for room in _RANKS if room >= max(rank, _USUAL)), rank) if rank else 0
            found = _ENGINES[source] = _Engine(_load(source, room), room)
        return found


def _load(source: str, room: int) -> Any:
    with importing("a model in vLLM", "vllm"):
        from vllm import LLM
        from vllm.platforms import current_platform
    ask_hub(source)
    on_cpu = current_platform.is_cpu()
    return LLM(
        source,
        dtype="float32" if on_cpu else "bfloat16",
        trust_remote_code=trusts_remote_code(),
        logprobs_mode="processed_logprobs",
        enable_lora=room > 0,
        max_lora_rank=room or _RANKS[0],
        max_cpu_loras=_AT_HAND if room else None,
        enforce_eager=on_cpu,
        # On CPU a seeded request in a chunked prefill ends the engine: "CPU Generator does not use offset".
        enable_chunked_prefill=not on_cpu,
    )


def _rank(adapter: Path) -> int:
    return int(json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["r"])


def _lora_request(engine: _Engine, adapter: str) -> Any:
    from vllm.lora.request import LoRARequest

    number = engine.numbers.setdefault(adapter, len(engine.numbers) + 1)
    return LoRARequest(f"adapter {number}", number, adapter)
