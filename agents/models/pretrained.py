"""Transformers models and tokenizers, by folder or hub id: one thread loads at a time, no foreign code runs unasked.

A model may bring Python code of its own. It runs only where `$NEGOTIATION_ENV_TRUST_REMOTE_CODE` is 1, which goes for
every model of the process; else such a model is refused, and nobody is asked on the terminal.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from negotiation_env.errors import UserError
from negotiation_env.loading.freed_memory import keep_freed_memory
from negotiation_env.loading.heavy import importing
from negotiation_env.loading.hub import ask_hub

__all__ = [
    "TRUST",
    "end_ids",
    "half_precision",
    "listed_ids",
    "load_network",
    "load_tokenizer",
    "loading",
    "needs_trust",
    "nf4",
    "trusts_remote_code",
    "why",
]

TRUST: Final = "NEGOTIATION_ENV_TRUST_REMOTE_CODE"


def trusts_remote_code() -> bool:
    """Whether code that a model brings may run."""
    return os.environ.get(TRUST) == "1"


def half_precision() -> bool:
    """Whether models compute in bfloat16: on a GPU that has it. Others, and CPUs, compute in float32."""
    import torch

    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)


def load_tokenizer(source: str | Path, **settings: Any) -> Any:
    """A tokenizer; raises as transformers does, and OSError where a hub that has to be asked does not answer."""
    from transformers import AutoTokenizer

    if not settings.get("local_files_only"):
        ask_hub(source)
    return AutoTokenizer.from_pretrained(source, trust_remote_code=trusts_remote_code(), **settings)


def load_network(source: str | Path, **settings: Any) -> Any:
    """A causal language model; raises as transformers does."""
    from transformers import AutoModelForCausalLM

    keep_freed_memory()
    return AutoModelForCausalLM.from_pretrained(source, trust_remote_code=trusts_remote_code(), **settings)


def nf4() -> Any:
    """The setting that holds a base's weights in 4 bit, as QLoRA does; bitsandbytes does it on GPUs and on CPUs."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if half_precision() else torch.float32,
    )


def end_ids(model: Any) -> frozenset[int]:
    """The ids at which a model's `generation_config.json` ends a reply; the template's own is seldom the only one."""
    return listed_ids(model.generation_config.eos_token_id if model.generation_config else None)


def listed_ids(told: int | Iterable[int] | None) -> frozenset[int]:
    """What a generation config says of ids: one, several or none."""
    return frozenset([told] if isinstance(told, int) else told or ())


@contextmanager
def loading(what: str, user: str) -> Iterator[None]:
    """Import and load, one thread at a time.

    Args:
        what: Is loaded, such as "the model hf:gpt2".
        user: Needs it, such as "an in-process model".

    Raises:
        UserError: It cannot be loaded; the message says why in one line.
        MissingExtra: A package is not installed.
    """
    with importing(user, "local"):
        from safetensors import SafetensorError

        try:
            yield
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise UserError(f"cannot load {what}: {why(error)}") from error


def needs_trust(error: Exception) -> bool:
    """Whether a library refused to run code that a model brings."""
    return "trust_remote_code" in str(error)


def why(error: Exception) -> str:
    """What a library says of a model that it cannot load, as one line."""
    if needs_trust(error):
        return f"it brings code of its own, which is not run unasked; read it, then allow it with {TRUST}=1"
    lines = list(filter(None, map(str.strip, str(error).splitlines())))
    return " ".join(lines[:2]) or type(error).__name__  # the first may only say that something is wrong
