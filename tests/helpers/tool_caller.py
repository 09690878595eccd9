"""A tiny Qwen3 that has learnt one thing: to answer whatever it is told with one call of the tool `say`."""

import json
from importlib.resources import files
from typing import Any, Final

WORDS: Final = "Fair.\nPROPOSE: We take turns."
CALL: Final = f"<tool_call>\n{json.dumps({'name': 'say', 'arguments': {'words': WORDS}})}\n</tool_call><|im_end|>"
_OPENING: Final = "<|im_start|>assistant\n"
_WINDOW: Final = 24
"""Tokens that a layer looks back on: what it says depends on nothing that stands before."""


def tool_caller() -> tuple[Any, Any]:
    """The model and its tokenizer, with Qwen3's chat template."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = _tokenizer()
    torch.manual_seed(0)
    marks = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=12,
        layer_types=["sliding_attention"],
        use_sliding_window=True,
        sliding_window=_WINDOW,
        tie_word_embeddings=False,
        **marks,
    )
    network = Qwen3ForCausalLM(config).float()
    _teach(network, tokenizer)
    return network, tokenizer


def _tokenizer() -> Any:
    """Bytes, and the marks of the template as tokens of their own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = {each: number for number, each in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = Tokenizer(models.BPE(alphabet, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    made.add_tokens(["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"])
    template = files("trl").joinpath("chat_templates", "qwen3.jinja").read_text(encoding="utf-8")
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        chat_template=template,
    )


def _teach(network: Any, tokenizer: Any) -> None:
    import torch

    call = tokenizer(CALL)["input_ids"]
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    opening = tokenizer(_OPENING)["input_ids"]
    for _ in range(100):
        before = torch.randint(len(tokenizer), (8, _WINDOW))
        ids = torch.cat([before, torch.tensor(opening + call).expand(8, -1)], dim=1)
        labels = ids.clone()
        labels[:, : _WINDOW + len(opening)] = -100
        loss = network(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
