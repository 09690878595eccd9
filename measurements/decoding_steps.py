"""What one decoding step of the embedded model costs on a CPU: rows, adapters, weights, caches, threads, compilation.

    python -m measurements.decoding_steps [--steps 8] [--out measurements/results/decoding_steps.json]

One token for each row behind 100 others. The learner's adapter is folded into the weights and these are packed unless
said otherwise; "two adapters" is a batch of which one half speaks with the learner's and the other with a frozen copy's
(PEFT's mixed batches). Median milliseconds by the clock on the wall, for threads share the work.

What weights of fewer bits would change is told as the divergence from float32's next-token distribution, in nats a
token, over the demonstrations. "int8" takes weights by channel and activations as they come, with one scale for all
rows or one a row; "int8 weights" leaves the activations bfloat16.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from transformers import DynamicCache

from measurements.harness import grid, machine, options, tell
from negotiation_env.agents.models.embedded import embedded_adapter
from negotiation_env.agents.models.roomy_cache import roomy_cache
from negotiation_env.data import load_demos
from negotiation_env.loading.packed_weights import PackedWeights
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.engines.adapters import LEARNER, merged
from negotiation_env.training.learner import load_learner

LENGTH = 100
ROWS = (8, 16)
FROZEN = "frozen"
TEXTS = 8
Product = Callable[[torch.Tensor], torch.Tensor]


def in_bfloat16(layer: torch.nn.Linear) -> Product:
    """Both weights and activations."""
    weight = layer.weight.data.bfloat16()
    return lambda rows: torch.nn.functional.linear(rows.bfloat16(), weight).float()


def int8_weights(layer: torch.nn.Linear) -> Product:
    """Torch's product of bfloat16 activations and int8 weights."""
    whole, scale = eight_bits(layer.weight.data)
    return lambda rows: flat(rows, lambda each: torch._weight_int8pack_mm(each.bfloat16(), whole, scale.bfloat16()))


def int8(layer: torch.nn.Linear) -> Product:
    """Torch's dynamic quantisation, with one scale for all rows."""
    whole, scale = eight_bits(layer.weight.data)
    weight = torch._make_per_channel_quantized_tensor(whole, scale.double(), torch.zeros(len(scale)).long(), 0)
    packed = torch.ops.quantized.linear_prepack(weight, None)
    return lambda rows: torch.ops.quantized.linear_dynamic(rows, packed, False)


def int8_by_row(layer: torch.nn.Linear) -> Product:
    """The same with rows scaled beforehand, so that none changes another."""
    product = int8(layer)

    def scaled(rows: torch.Tensor) -> torch.Tensor:
        size = rows.abs().amax(dim=-1, keepdim=True).clamp_(min=1e-8)
        return product(rows / size) * size

    return scaled


def eight_bits(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A weight as whole numbers, and the scale of each channel."""
    scale = weight.abs().amax(dim=1).clamp(min=1e-8) / 127
    return (weight / scale[:, None]).round().to(torch.int8), scale


def flat(rows: torch.Tensor, product: Product) -> torch.Tensor:
    """A product that takes two dimensions only."""
    return product(rows.flatten(0, -2)).float().unflatten(0, rows.shape[:-1])


@dataclass(frozen=True, slots=True)
class Way:
    """A way to take a step.

    Attributes:
        folded: The adapter is folded into the weights.
        packed: The weights are laid out for few rows.
        product: Takes the place of every linear layer; None: nothing does.
        mixed: Half of the rows speak with another adapter.
        cache: Makes an empty cache.
        threads: torch's.
        compiled: The model is compiled.
    """

    folded: bool = True
    packed: bool = True
    product: Callable[[torch.nn.Linear], Product] | None = None
    mixed: bool = False
    cache: Callable[[], Any] = roomy_cache
    threads: int = 1
    compiled: bool = False


WAYS = {
    "ours": Way(),
    "weights not packed": Way(packed=False),
    "adapter not folded in": Way(folded=False),
    "two adapters": Way(folded=False, mixed=True),
    "transformers' cache": Way(cache=DynamicCache),
    "two threads": Way(threads=2),
    "torch.compile": Way(packed=False, compiled=True),
    "bfloat16": Way(packed=False, product=in_bfloat16),
    "int8 weights": Way(packed=False, product=int8_weights),
    "int8": Way(packed=False, product=int8),
    "int8, a scale a row": Way(packed=False, product=int8_by_row),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, steps=8)
    model, tokenizer = load_learner(TrainConfig(model="embedded"))
    model.load_adapter(str(embedded_adapter()), FROZEN)
    model.eval()
    found = {
        f"{rows} rows": {name: step(model, way, rows, chosen.steps) for name, way in WAYS.items()} for rows in ROWS
    }
    ids = demonstrations(tokenizer)
    expected = distribution(model, Way(packed=False), ids)
    changed = {name: divergence(expected, distribution(model, way, ids)) for name, way in WAYS.items() if not way.mixed}
    told = machine() | {"length": LENGTH, "milliseconds": found, "divergence": changed}
    tell(told, chosen.out, grid(found | {"divergence, nats": changed}))


@contextmanager
def spoken(model: Any, way: Way) -> Iterator[None]:
    """The model as a way has it."""
    torch.set_num_threads(way.threads)
    with torch.no_grad(), ExitStack() as stack:
        if way.folded:
            stack.enter_context(merged(model))
        if way.packed:
            stack.enter_context(PackedWeights(model).multiplying())
        layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)] if way.product else []
        for layer in layers:
            vars(layer)["forward"] = way.product(layer)
            stack.callback(vars(layer).pop, "forward")
        yield


def step(model: Any, way: Way, rows: int, steps: int) -> float:
    """Milliseconds, in the median."""
    with spoken(model, way):
        laps = list(laps_of(model, way, rows, steps + 2))[2:]
    return round(median(laps) * 1000, 1)


def demonstrations(tokenizer: Any) -> torch.Tensor:
    """Ids of some of the shipped joint answers, cut to one length: shape [texts, tokens]."""
    texts = [demo["completion"] for demo in load_demos()[:TEXTS]]
    return tokenizer(texts, truncation=True, max_length=48, return_tensors="pt", padding=True).input_ids


def distribution(model: Any, way: Way, ids: torch.Tensor) -> torch.Tensor:
    """Log-probabilities of the next token behind each: shape [texts, tokens, vocabulary]."""
    with spoken(model, way):
        return torch.log_softmax(model(input_ids=ids).logits, dim=-1)


def divergence(expected: torch.Tensor, found: torch.Tensor) -> float:
    """Kullback–Leibler, in nats a token."""
    return round(float((expected.exp() * (expected - found)).sum(dim=-1).mean()), 5)


def laps_of(model: Any, way: Way, rows: int, steps: int) -> Iterator[float]:
    """Seconds of each step; the first ones compile and warm up."""
    cache, speaks = way.cache(), torch.compile(model, dynamic=True) if way.compiled else model
    mixed = {"adapter_names": [LEARNER if row % 2 else FROZEN for row in range(rows)]} if way.mixed else {}
    model(input_ids=drawn(rows, LENGTH), past_key_values=cache, use_cache=True, logits_to_keep=1, **mixed)
    for number in range(steps):
        start = time.perf_counter()
        speaks(
            input_ids=drawn(rows, 1),
            attention_mask=torch.ones(rows, LENGTH + number + 1, dtype=torch.long),
            position_ids=torch.full((rows, 1), LENGTH + number),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **mixed,
        )
        yield time.perf_counter() - start


def drawn(rows: int, width: int) -> torch.Tensor:
    """Any ids."""
    return torch.randint(1000, 2000, (rows, width))


if __name__ == "__main__":
    main()
