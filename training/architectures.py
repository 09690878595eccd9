"""The shape of a model, and its parameters, known without its weights."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from negotiation_env.agents.models.pretrained import needs_trust, trusts_remote_code, why
from negotiation_env.errors import UserError
from negotiation_env.loading.heavy import importing
from negotiation_env.training.config import TrainConfig

__all__ = ["Architecture", "Parameters", "count_parameters", "find_architecture"]

_TABLE: Final = "architectures.toml"
_EMBEDDED: Final = "HuggingFaceTB/SmolLM2-135M-Instruct"


@dataclass(frozen=True, slots=True)
class Architecture:
    """The sizes of a dense decoder of Llama's shape.

    Attributes:
        settings: The transformers config that the model is built from.
        source: Where it was read.
        hidden: Width of the residual stream.
        intermediate: Width of the gated MLP.
        layers: Decoder layers.
        queries: Width of a layer's queries, over all heads.
        keys: Width of a layer's keys, which is that of its values.
        vocabulary: Tokens.
        positions: Longest context, in tokens.
        normalised_heads: Whether queries and keys are normalised, as in Qwen3.
    """

    settings: Any
    source: str
    hidden: int
    intermediate: int
    layers: int
    queries: int
    keys: int
    vocabulary: int
    positions: int
    normalised_heads: bool


@dataclass(frozen=True, slots=True)
class Parameters:
    """How many numbers a model holds.

    Attributes:
        total: Of the model, without an adapter.
        embedding: Those of them in the input embeddings and, where it is not the same matrix, the output head.
        linear: Those in the linear layers but the head: what LoRA adapts and NF4 quantises.
        trainable: Those that the optimizer moves: an adapter's, or all.
    """

    total: int
    embedding: int
    linear: int
    trainable: int


def find_architecture(model: str) -> Architecture:
    """Look a model up: `embedded`, a local folder, a hub id in the cache, or one of the shipped table.

    Raises:
        UserError: It is none of these, or no dense decoder of Llama's shape.
    """
    with importing("a training", "train"):
        from transformers import AutoConfig

    name = _EMBEDDED if model == "embedded" else model
    try:
        trust = trusts_remote_code()
        shape = AutoConfig.from_pretrained(name, local_files_only=True, trust_remote_code=trust)
        return _measured(shape, "its config.json")
    except (OSError, ValueError) as error:
        if needs_trust(error):
            raise UserError(f"cannot load the shape of {model}: {why(error)}") from error
        known = _known()
        if name not in known:
            raise UserError(
                f"the shape of {model!r} is not known here: expected a model folder, a cached hub id, or one of "
                f"{', '.join(known)}; fetch its config.json (hf download {model} config.json) or add its numbers to "
                f"training/{_TABLE}"
            ) from error
    return _measured(AutoConfig.for_model(**known[name]), f"training/{_TABLE}")


@cache
def _known() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files(__package__).joinpath(_TABLE).read_text(encoding="utf-8"))


def _measured(settings: Any, source: str) -> Architecture:
    if hasattr(settings, "num_experts") or hasattr(settings, "num_local_experts"):
        raise UserError(f"a budget is made for dense models; {settings.model_type} is a mixture of experts")
    try:
        heads = settings.num_attention_heads
        width = getattr(settings, "head_dim", None) or settings.hidden_size // heads
        return Architecture(
            settings=settings,
            source=source,
            hidden=settings.hidden_size,
            intermediate=settings.intermediate_size,
            layers=settings.num_hidden_layers,
            queries=heads * width,
            keys=settings.num_key_value_heads * width,
            vocabulary=settings.vocab_size,
            positions=settings.max_position_embeddings,
            normalised_heads=settings.model_type == "qwen3",
        )
    except AttributeError as error:
        raise UserError(f"a budget is made for decoders of Llama's shape; {settings.model_type}: {error}") from error


def count_parameters(config: TrainConfig, architecture: Architecture) -> Parameters:
    """Build the model, and its adapter, without memory (PyTorch's `meta` device), and count.

    Raises:
        UserError: There is no such adapter.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(architecture.settings, trust_remote_code=trusts_remote_code())
        matrices = {id(part.weight): part.weight.numel() for part in (model.lm_head, model.get_input_embeddings())}
        linear = [part.weight for part in model.modules() if isinstance(part, torch.nn.Linear)]
        total, embedding = sum(p.numel() for p in model.parameters()), sum(matrices.values())
        adapted = sum(weight.numel() for weight in linear if id(weight) not in matrices)
        trainable = total if config.fine_tuning == "full" else _adapter_size(config, model)
    return Parameters(total, embedding, adapted, trainable)


def _adapter_size(config: TrainConfig, model: Any) -> int:
    from peft import LoraConfig, PeftConfig, get_peft_model

    from negotiation_env.agents.models.embedded import embedded_adapter

    adapter = config.adapter or (str(embedded_adapter()) if config.model == "embedded" else "none")
    if adapter == "none":
        shape = LoraConfig(r=config.lora_rank, target_modules="all-linear")
    else:
        try:
            shape = PeftConfig.from_pretrained(adapter, local_files_only=True)
        except (OSError, ValueError) as error:
            raise UserError(f"no adapter {adapter!r}: {str(error).splitlines()[0]}") from error
        shape.inference_mode, shape.base_model_name_or_path = False, None
    return sum(p.numel() for p in get_peft_model(model, shape).parameters() if p.requires_grad)
