"""Tiny models with random weights of the classes that published chat models have, with SmolLM2's tokenizer."""

from typing import Any, Final

FAMILIES: Final[dict[str, dict[str, Any]]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "smollm3": {},
    "phi": {},
    "phi3": {"sliding_window": 32},
    "mistral": {"sliding_window": 32},
    "ministral": {"sliding_window": 32, "layer_types": ["sliding_attention", "full_attention"]},
    "gemma": {},
    "gemma2": {"sliding_window": 32},
    "gemma3_text": {"sliding_window": 32, "layer_types": ["sliding_attention", "full_attention"]},
    "olmo2": {},
    "olmo3": {"sliding_window": 32, "layer_types": ["sliding_attention", "full_attention"]},
    "cohere2": {"sliding_window": 32, "layer_types": ["sliding_attention", "full_attention"], "logit_scale": 1.0},
    "granite": {},
}
"""By transformers' `model_type`: what the config has beside the sizes. The windows are far shorter than a game."""
WITHOUT_ROWS_WITH_HOLES: Final[dict[str, dict[str, Any]]] = {
    "lfm2": {"num_hidden_layers": 2, "layer_types": ["conv", "full_attention"]},
    "falcon_h1": {"num_hidden_layers": 2},
    "qwen3_next": {"num_hidden_layers": 4, "num_experts": 2},
    "rwkv": {"num_hidden_layers": 2},
    "llama4_text": {"num_hidden_layers": 4, "num_local_experts": 2},
    "gemma3n_text": {
        "num_hidden_layers": 4,
        "num_kv_shared_layers": 2,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
    },
}
_SIZES: Final = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.3,
}


def settings(name: str, vocabulary: int) -> Any:
    """A config of a family's class."""
    from transformers import AutoConfig

    marks = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    return AutoConfig.for_model(name, vocab_size=vocabulary, **_SIZES | marks | FAMILIES[name])


def tiny(name: str) -> tuple[Any, Any]:
    """A model and its tokenizer; the end of a turn is drawn now and then, so that rows of a batch get holes."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from negotiation_env.agents.models.embedded import embedded_model

    tokenizer = AutoTokenizer.from_pretrained(embedded_model(), padding_side="left")
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_config(settings(name, len(tokenizer))).float().eval()
    network.get_output_embeddings().weight.data[tokenizer.eos_token_id] *= 4
    return network, tokenizer
