"""Warm start of the embedded negotiator: LoRA fine-tuning on written negotiations.

The raw SmolLM2-135M-Instruct does not speak the turn grammar, so GRPO would have nothing to compare. This script
fine-tunes an adapter with TRL's `SFTTrainer` on the demonstrations, seen from both seats, with the loss on the
speaker's own turns and completion only. Prompts and ids are made by the code that plays the game.

Run `python -m negotiation_env.training.warmstart --out FOLDER` to make the shipped adapter again.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from negotiation_env.agents.models.chat_tokens import ChatTokens
from negotiation_env.agents.models.pretrained import half_precision, load_network, load_tokenizer
from negotiation_env.console.terminal import say, say_json
from negotiation_env.data import load_brief_demos
from negotiation_env.errors import Diverged
from negotiation_env.files.durable import write_whole
from negotiation_env.game.chats import conversation
from negotiation_env.game.events import Message, Utterance
from negotiation_env.game.prompts import HANDSHAKE, shipped_prompts
from negotiation_env.game.scenario import Persona, Scenario

__all__ = ["WarmStart", "demo_rows", "train_warm_start"]


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Settings of the shipped adapter: the demonstrations once; the learning rate falls linearly to zero."""

    rank: int = 8
    alpha: int = 16
    learning_rate: float = 1e-3
    batch: int = 4
    steps: int = 348
    held_out: int = 24
    """Demonstrations kept for the evaluation loss."""
    seed: int = 0


def demo_rows(demo: dict[str, Any], tokens: ChatTokens) -> Iterator[dict[str, list[int]]]:
    """A demonstration seen from each seat, as SFT rows.

    Args:
        demo: A row of `load_brief_demos` or `load_demos`.
        tokens: Makes the ids.

    Yields:
        `input_ids` and `labels`, both of the row's length; labels are -100 but on the seat's own turns, on their
        end-of-turn ids and on the completion.
    """
    scenario = Scenario(demo["id"], demo["dilemma"], tuple(Persona.from_dict(each) for each in demo["personas"]))
    dialogue = [Utterance(turn["seat"], turn["text"]) for turn in demo["dialogue"]]
    told = shipped_prompts(HANDSHAKE)
    for seat in range(len(scenario.personas)):
        chat: tuple[Message, ...] = conversation(told, scenario, seat, dialogue, completing=demo["agreed"])
        if demo["agreed"]:
            chat += ({"role": "assistant", "content": demo["completion"]},)
        yield _tokenise(chat, tokens)


def _tokenise(chat: tuple[Message, ...], tokens: ChatTokens) -> dict[str, list[int]]:
    """Grow the chat as in play: prompt, own words, what came between, own words, …"""
    ids: list[int] = []
    labels: list[int] = []
    heard: list[Message] = []
    for message in chat:
        if message["role"] != "assistant":
            heard.append(message)
            continue
        context = tokens.follow_up(heard) if ids else tokens.prompt(heard)
        own = [*tokens.tokenizer(message["content"], add_special_tokens=False).input_ids, tokens.end]
        ids += context + own
        labels += [-100] * len(context) + own
        heard = []
    return {"input_ids": ids, "labels": labels}


def train_warm_start(settings: WarmStart, out: Path) -> dict[str, Any]:
    """Train the adapter and save it, in half precision, with its figures in `warmstart.json`.

    Returns:
        The figures: settings, rows, steps, losses before and after, seconds.

    Raises:
        Diverged: A loss, gradient or weight is not finite; nothing is saved but earlier checkpoints.
    """
    import torch
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from negotiation_env.agents.models.embedded import embedded_model
    from negotiation_env.training.divergence import CheckWeights, FiniteTraining, trained_norm
    from negotiation_env.training.engines.finite import check_finite

    source = str(embedded_model())
    tokenizer = load_tokenizer(source)
    train, held_out = _datasets(settings, ChatTokens(tokenizer))

    class Trainer(FiniteTraining, SFTTrainer):  # type: ignore[misc]
        """Stops where it diverges."""

    trainer = Trainer(
        model=load_network(source, dtype=torch.float32),
        args=SFTConfig(**_arguments(settings, out)),
        train_dataset=train,
        eval_dataset=held_out,
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=settings.rank, lora_alpha=settings.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
        callbacks=[CheckWeights()],
    )
    before = trainer.evaluate()["eval_loss"]
    result = trainer.train()
    figures = {
        "settings": asdict(settings),
        "rows": {"train": len(train), "held_out": len(held_out)},
        "steps": result.global_step,
        "seconds": round(result.metrics["train_runtime"], 1),
        "held_out_loss": {"before": before, "after": trainer.evaluate()["eval_loss"]},
        "train_loss": [(entry["step"], entry["loss"]) for entry in trainer.state.log_history if "loss" in entry],
    }
    check_finite(trained_norm(trainer.model.half()), "the weights' norm in half precision", result.global_step)
    trainer.model.save_pretrained(out)
    write_whole(out / "warmstart.json", json.dumps(figures, indent=1) + "\n")
    return figures


def _datasets(settings: WarmStart, tokens: ChatTokens) -> tuple[Any, Any]:
    from datasets import Dataset

    demos = load_brief_demos()
    parts = demos[settings.held_out :], demos[: settings.held_out]
    train, held_out = ([row for demo in part for row in demo_rows(demo, tokens)] for part in parts)
    return Dataset.from_list(train), Dataset.from_list(held_out)


def _arguments(settings: WarmStart, out: Path) -> dict[str, Any]:
    import torch

    return {
        "output_dir": str(out / "checkpoints"),
        # One row at a time: no padding, and on a CPU the large batch's page faults cost more than they save.
        "per_device_train_batch_size": 1,
        "per_device_eval_batch_size": 1,
        "gradient_accumulation_steps": settings.batch,
        "max_steps": settings.steps,
        "learning_rate": settings.learning_rate,
        "warmup_steps": 5,
        "lr_scheduler_type": "linear",
        "logging_steps": 10,
        "logging_nan_inf_filter": False,  # it would hide one that `FiniteTraining` stops at
        "save_strategy": "steps",
        "save_steps": 30,
        "save_total_limit": 2,
        "max_length": None,
        "gradient_checkpointing": False,
        "report_to": [],
        "seed": settings.seed,
        # On a processor too: it takes half the time there. The weights, and the adapter's gradients, stay float32.
        "bf16": half_precision() or not torch.cuda.is_available(),
        "use_cpu": not torch.cuda.is_available(),
    }


def _main(
    out: Annotated[Path, typer.Option(help="Folder for the adapter.")],
    steps: Annotated[int, typer.Option(help="Optimizer steps.")] = WarmStart().steps,
) -> None:
    """Warm-start the embedded negotiator on the shipped demonstrations."""
    try:
        figures = train_warm_start(WarmStart(steps=steps), out)
    except Diverged as error:
        say(f"{error}; nothing was saved but the checkpoints in {out / 'checkpoints'}", error=True)
        raise typer.Exit(2) from None
    say_json(json.dumps({name: figures[name] for name in ("steps", "seconds", "held_out_loss")}) + "\n")


if __name__ == "__main__":
    typer.run(_main)
