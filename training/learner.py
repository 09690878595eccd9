"""The model that trains, and its tokenizer."""

import os
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model

from negotiation_env.agents.models.pretrained import half_precision, load_network, load_tokenizer, loading, nf4
from negotiation_env.agents.models.training_card import TrainingCard, read_card
from negotiation_env.interfaces import Judge
from negotiation_env.judges.voices import voices
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.engines.adapters import LEARNER

__all__ = ["card_of", "load_learner", "sources"]


def load_learner(config: TrainConfig) -> tuple[Any, Any]:
    """The model, with the learner's adapter unless every weight is trained, and the tokenizer.

    Raises:
        UserError: There is no such model or adapter, or it brings code that is not trusted.
    """
    source, adapter = sources(config)
    with loading(f"{source} with the adapter {adapter}", "training"):
        tokenizer = load_tokenizer(source, padding_side="left")
        base = load_network(source, **_loading(config))
        return _trainable(base, source, adapter, config), tokenizer


def sources(config: TrainConfig) -> tuple[str, str]:
    """Where the model and the adapter to go on from are: folders or hub ids; "none" is no adapter."""
    from negotiation_env.agents.models.embedded import embedded_adapter, embedded_model

    if config.model == "embedded":
        return str(embedded_model()), config.adapter or str(embedded_adapter())
    return config.model, config.adapter or "none"


def card_of(config: TrainConfig, judge: Judge) -> TrainingCard:
    """What goes beside the trained weights; who judged the adapter that a run goes on from is told too."""
    before = [card for folder in sources(config) if (card := read_card(folder))]
    judged_by = (*(voice for card in before for voice in card.judged_by), *voices(judge))
    return TrainingCard(judge.name, tuple(dict.fromkeys(judged_by)), config.quantise)


def _loading(config: TrainConfig) -> dict[str, Any]:
    """float32 for weights that AdamW moves and where there is no bfloat16; frozen weights in 4 bit if asked for."""
    import torch

    dtype = torch.bfloat16 if half_precision() and config.fine_tuning == "lora" else torch.float32
    settings: dict[str, Any] = {"dtype": dtype}
    if config.quantise == "4bit":
        settings["device_map"] = {"": int(os.environ.get("LOCAL_RANK", "0"))}  # else all processes load onto the first
        settings["quantization_config"] = nf4()
    return settings


def _trainable(base: Any, source: str, adapter: str, config: TrainConfig) -> Any:
    if config.fine_tuning == "full":
        return base if adapter == "none" else PeftModel.from_pretrained(base, adapter).merge_and_unload()
    if config.quantise == "4bit":
        from peft import prepare_model_for_kbit_training

        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=config.gradient_checkpointing)
    if adapter == "none":
        shape = LoraConfig(r=config.lora_rank, lora_alpha=2 * config.lora_rank, target_modules="all-linear")
        return get_peft_model(base, shape)
    model = PeftModel.from_pretrained(base, adapter, is_trainable=True)
    model.peft_config[LEARNER].base_model_name_or_path = source  # saving looks it up there, not on a hub
    return model
