"""An estimate of the GPU memory that one training process takes: a formula, of which nothing was measured on a GPU."""

from dataclasses import dataclass
from typing import Final

from negotiation_env.training.architectures import Architecture, Parameters
from negotiation_env.training.config import TrainConfig

__all__ = ["Item", "Load", "Memory", "estimate_memory"]

_GIB: Final = 1024**3
_NF4: Final = (4 + 8 / 64 + 32 / (64 * 256)) / 8
"""Bytes a weight: 4 bits, 8 for the scale of each 64, 32 for the scale of each 256 scales (double quantisation)."""
_TILE: Final = (4096, 32768)
"""Tokens and vocabulary entries that TRL's output head takes at a time; the whole logits never exist."""
_OWN: Final = 1.0
"""GiB that CUDA and its libraries take, assumed."""


@dataclass(frozen=True, slots=True)
class Item:
    """One use of memory, in GiB."""

    name: str
    gib: float


@dataclass(frozen=True, slots=True)
class Memory:
    """GPU memory of one process.

    Attributes:
        standing: What is there all the time.
        update: What the forward and backward pass of one micro-batch add.
        sampling: What sampling adds; it does not fall together with the update.
    """

    standing: tuple[Item, ...]
    update: tuple[Item, ...]
    sampling: tuple[Item, ...]

    @property
    def peak(self) -> float:
        """What stands and the larger of the other two, in GiB."""
        added = max(sum(item.gib for item in items) for items in (self.update, self.sampling))
        return sum(item.gib for item in self.standing) + added


@dataclass(frozen=True, slots=True)
class Load:
    """What a process has to hold and to go through.

    Attributes:
        rows: Conversations that it samples for at once.
        fed: Most tokens that one of them is fed at once.
        kept: Tokens that there is room for in the caches, over all conversations.
        row: The longest training row, in tokens.
        copies: Past selves of the learner.
    """

    rows: int
    fed: int
    kept: int
    row: int
    copies: int


def estimate_memory(config: TrainConfig, shape: Architecture, parameters: Parameters, load: Load) -> Memory:
    """Add up what a GPU has to hold.

    With P parameters, of them Q in the linear layers, T trainable:

    - weights: LoRA 2 P (bfloat16); quantised 0.516 Q (NF4, double quantisation) + 4 (P - Q), as PEFT prepares them;
      full fine-tuning 4 P, and 2 Q for the bfloat16 copies of autocast;
    - adapter, gradients, each past self and the KL term's reference 4 T (float32), AdamW 8 T;
    - keys and values: 2 x (layers + 1) x key width x e x kept tokens, e = 4 bytes where quantised, else 2; only where
      this process samples. One layer is there twice while its room grows or the rows of games that are over go.

    With d the hidden width, q and k the widths of queries and keys, f that of the MLP, r the LoRA rank (0 if none),
    N = micro_batch x longest row, one layer keeps for its backward pass, a token,

        A = 8 d (norms, in float32; twice in full fine-tuning) + e (5 d + 5 q + 4 f + 7 r)
            + 4 (q + k) where heads are normalised, 6 (q + k) in full fine-tuning.

    - activations: N x layers x A, or with gradient checkpointing N x (layers x d x (2; 4 where quantised or full) + A);
    - gradients of the activations on their way: N x A;
    - output head: 32768 x (min(N, 4096) + d) x 2 for a tile, 4 N d for its gradient, and in full fine-tuning 4 bytes
      for each of its weights' gradients;
    - sampling: 28 bytes for each row and vocabulary entry, (8 d + 3 e f) for each token fed at once.

    Not in it: sharding by ZeRO or FSDP, which divides; fragmentation, which adds; a CPU, where all is float32.
    Attention is taken to keep no matrix of tokens x tokens. The activations' part is tested against what
    autograd keeps.
    """
    return Memory(
        standing=_some(*_weights(config, parameters, load), _cache(config, shape, load), Item("CUDA, assumed", _OWN)),
        update=_update(config, shape, load),
        sampling=_sampling(config, shape, load) if config.engine == "in-process" else (),
    )


def _item(name: str, size: float) -> Item:
    return Item(name, size / _GIB)


def _some(*items: Item) -> tuple[Item, ...]:
    return tuple(item for item in items if item.gib > 0)


def _weights(config: TrainConfig, parameters: Parameters, load: Load) -> tuple[Item, ...]:
    total, linear, trained = parameters.total, parameters.linear, 4 * parameters.trainable
    full, quantised = config.fine_tuning == "full", config.quantise == "4bit"
    held = 4 * total + 2 * linear if full else _NF4 * linear + 4 * (total - linear) if quantised else 2 * total
    return (
        _item("weights", held),
        _item("adapter", 0 if full else trained),
        _item("gradients", trained),
        _item("AdamW", 2 * trained),
        _item("reference of the KL term", trained if config.beta else 0),
        _item(f"past selves, {load.copies}", load.copies * trained),
    )


def _cache(config: TrainConfig, shape: Architecture, load: Load) -> Item:
    kept = load.kept if config.engine == "in-process" else 0
    return _item("keys and values", 2 * (shape.layers + 1) * shape.keys * _element(config) * kept)


def _element(config: TrainConfig) -> int:
    """Bytes of a number between the layers; PEFT makes it float32 where the weights are quantised."""
    return 4 if config.quantise == "4bit" else 2


def _layer(config: TrainConfig, shape: Architecture) -> int:
    """Bytes that one layer keeps of one token for its backward pass: A in the formula."""
    full = config.fine_tuning == "full"
    rank = 0 if full else config.lora_rank
    heads = (6 if full else 4) * (shape.queries + shape.keys) if shape.normalised_heads else 0
    between = 5 * shape.hidden + 5 * shape.queries + 4 * shape.intermediate + 7 * rank
    return (16 if full else 8) * shape.hidden + _element(config) * between + heads


def _update(config: TrainConfig, shape: Architecture, load: Load) -> tuple[Item, ...]:
    tokens, layer = config.micro_batch * load.row, _layer(config, shape)
    full = config.fine_tuning == "full"
    stream = 4 if full or config.quantise == "4bit" else 2
    kept = shape.layers * shape.hidden * stream + layer if config.gradient_checkpointing else shape.layers * layer
    rows, entries = _TILE
    head = entries * (min(tokens, rows) + shape.hidden) * 2 + 4 * tokens * shape.hidden
    head += 4 * shape.vocabulary * shape.hidden if full else 0
    return (
        _item("activations", tokens * kept),
        _item("their gradients", tokens * layer),
        _item("output head", head),
    )


def _sampling(config: TrainConfig, shape: Architecture, load: Load) -> tuple[Item, ...]:
    fed = load.fed * (8 * shape.hidden + 3 * _element(config) * shape.intermediate)
    return (_item("reading prompts", load.rows * fed), _item("drawing tokens", load.rows * 28 * shape.vocabulary))
