"""GRPO self-play on the dialogue, after *Learning to Negotiate* (arXiv 2603.10476), on TRL's `GRPOTrainer`.

A step: for each of `groups_per_step` scenarios, G negotiations between the learner and a frozen copy of it are played
through the environment; the judge's score of the joint answer is the reward (0 without agreement); the advantage is
(r - mean) / std within the group; the loss is on the tokens that the learner sampled in the dialogue, normalised over
all of them in the batch (DAPO), with no KL term.

Deviations from the paper, all in the config: the learner may sit in either seat; training samples with top-p 1 where
the paper has 0.95, for a truncated distribution biases the policy gradient; the model, the judge and the sizes of the
default example are what two CPU cores can do. The paper sums over all dialogue tokens; here the opponent's are masked,
for they are no action of the policy that is trained.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, ProgressCallback
from transformers.trainer_utils import get_last_checkpoint

from negotiation_env.data import load_scenarios
from negotiation_env.errors import UserError
from negotiation_env.evaluate import SETTINGS, SUMMARY, Summary, evaluate, pick
from negotiation_env.interfaces import Judge
from negotiation_env.judges import resolve_judge
from negotiation_env.progress import progress
from negotiation_env.scenario import Scenario
from training.adapters import LEARNER, RefreshOpponent, add_opponent
from training.config import TrainConfig
from training.metrics import step_metrics
from training.progress import StepLog
from training.report import before_and_after, groups_with_signal, plot_rewards
from training.rollout import Rollout, chat_agent, task_key
from training.run_folder import open_run, rewind

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func is experimental; TRL is pinned for that

from trl import GRPOConfig, GRPOTrainer

__all__ = ["TrainResult", "build_trainer", "load_learner", "train"]


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run left behind.

    Attributes:
        out: The run's folder.
        before: The held-out evaluation before training; None where the config leaves it out.
        after: The same evaluation after it.
        log: One entry a step: TRL's and our metrics.
    """

    out: Path
    before: Summary | None
    after: Summary | None
    log: list[dict[str, Any]]

    @property
    def signal(self) -> float:
        """Share of the training groups whose rewards differed, 0 to 1."""
        return groups_with_signal(self.log)


def train(config: TrainConfig, out: Path, *, resume: bool = False, judge: Judge | None = None) -> TrainResult:
    """Run a training from end to end.

    Args:
        config: The settings.
        out: The run's folder; receives config.toml, episodes.jsonl, metrics.jsonl, checkpoints, the adapter, the
            evaluations before and after, summary.json and reward.png.
        resume: Go on from the folder's last checkpoint.
        judge: Used instead of the one that the config names.

    Raises:
        UserError: The folder holds a run already, or, to resume, one with other settings.
    """
    open_run(config, out, resume=resume)
    judge = judge or resolve_judge(config.judge)
    model, tokenizer = load_learner(config)
    before = _held_out(config, model, tokenizer, judge, out / "before")
    trainer = build_trainer(config, model, tokenizer, judge, out)
    checkpoints = out / "checkpoints"
    checkpoint = get_last_checkpoint(str(checkpoints)) if resume and checkpoints.is_dir() else None
    rewind(out, int(checkpoint.rsplit("-", 1)[1]) if checkpoint else 0)
    trainer.train(resume_from_checkpoint=checkpoint)
    model.save_pretrained(str(out / "adapter"), selected_adapters=[LEARNER])
    shutil.rmtree(out / "after", ignore_errors=True)  # a resumed run may have trained on since
    after = _held_out(config, model, tokenizer, judge, out / "after")
    log = [entry for entry in trainer.state.log_history if "reward" in entry]
    plot_rewards(log, judge.name, out / "reward.png")
    before_and_after(config, before, after, log, out / SUMMARY)
    return TrainResult(out, before, after, log)


def load_learner(config: TrainConfig) -> tuple[Any, Any]:
    """The model with the learner's adapter and its frozen copy, and the tokenizer.

    Raises:
        UserError: There is no such model or adapter.
    """
    import torch

    from agents.models.embedded import embedded_adapter, embedded_model

    embedded = config.model == "embedded"
    source = str(embedded_model()) if embedded else config.model
    adapter = config.adapter or (str(embedded_adapter()) if embedded else "none")
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left")
        base = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
        if adapter == "none":
            shape = LoraConfig(r=config.lora_rank, lora_alpha=2 * config.lora_rank, target_modules="all-linear")
            model = get_peft_model(base, shape)
        else:
            model = PeftModel.from_pretrained(base, adapter, is_trainable=True)
            model.peft_config[LEARNER].base_model_name_or_path = source  # saving looks it up there, not on a hub
    except (OSError, ValueError) as error:
        raise UserError(f"cannot load {source} with the adapter {adapter}: {str(error).splitlines()[0]}") from error
    add_opponent(model)
    return model, tokenizer


def build_trainer(
    config: TrainConfig, model: Any, tokenizer: Any, judge: Judge, out: Path, scenarios: Sequence[Scenario] = ()
) -> GRPOTrainer:
    """TRL's trainer, playing our environment.

    Args:
        config: The settings.
        model: From `load_learner`.
        tokenizer: From `load_learner`.
        judge: Decides and scores.
        out: The run's folder.
        scenarios: Used instead of the config's split.
    """
    chosen = list(scenarios) or load_scenarios(config.split, seed=config.seed)
    chosen = pick(chosen, config.scenarios or len(chosen), config.seed)
    rollout = Rollout(config, {scenario.id: scenario for scenario in chosen}, judge, out / "episodes.jsonl")
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=_reward_function(rollout),
        args=_arguments(config, out),
        train_dataset=Dataset.from_list(_tasks(config, chosen)),
        processing_class=tokenizer,
        rollout_func=rollout,
        callbacks=[RefreshOpponent(config.refresh_every)] if config.opponent == "frozen" else [],
    )
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(StepLog(config, out / "metrics.jsonl"))
    return trainer


def _tasks(config: TrainConfig, scenarios: Sequence[Scenario]) -> list[dict[str, str]]:
    """One dataset row for each scenario and learner's seat; TRL shuffles them and repeats each G times."""
    seats = [config.learner_seat if isinstance(config.learner_seat, int) else n % 2 for n in range(len(scenarios))]
    return [{"prompt": task_key(scenario, seat)} for scenario, seat in zip(scenarios, seats, strict=True)]


def _reward_function(rollout: Rollout) -> Any:
    """Hands the environment's rewards to TRL, and the batch's metrics to its log."""

    def collective_agency(
        terminal_reward: list[float | None], seconds: list[dict[str, float]], log_metric: Any, **_: Any
    ) -> list[float | None]:
        metrics = step_metrics(rollout.episodes) | {f"seconds/{name}": value for name, value in seconds[0].items()}
        for name, value in metrics.items():
            log_metric(name, value)
        return terminal_reward

    return collective_agency


def _arguments(config: TrainConfig, out: Path) -> GRPOConfig:
    import torch

    gpu = torch.cuda.is_available()
    return GRPOConfig(
        output_dir=str(out / "checkpoints"),
        max_steps=config.max_steps,
        num_generations=config.group_size,
        per_device_train_batch_size=config.micro_batch,
        gradient_accumulation_steps=config.rows // config.micro_batch,
        temperature=config.temperature,
        top_p=1.0,
        top_k=0,
        beta=0.0,
        loss_type="dapo",
        scale_rewards="group",
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=config.warmup_steps,
        max_grad_norm=config.max_grad_norm,
        gradient_checkpointing=config.gradient_checkpointing,
        seed=config.seed,
        logging_steps=1,
        save_steps=config.save_steps,
        report_to=list(config.report_to),
        bf16=gpu,
        use_cpu=not gpu,
    )


def _held_out(config: TrainConfig, model: Any, tokenizer: Any, judge: Judge, out: Path) -> Summary | None:
    """Self-play on held-out scenarios, every completion written and scored; an evaluation that is there is read."""
    if config.eval_split == "none":
        return None
    if (out / SUMMARY).is_file():
        return Summary.from_json((out / SUMMARY).read_text(encoding="utf-8"))
    scenarios = pick(load_scenarios(config.eval_split), config.eval_scenarios, config.seed)
    agent = chat_agent(config, model, tokenizer, LEARNER, f"learner {out.name} training")
    model.eval()
    with progress(f"held-out negotiations {out.name} training", len(scenarios)) as advance:
        return evaluate(
            [agent],
            judge,
            scenarios,
            out,
            seed=config.seed,
            resume=(out / SETTINGS).is_file(),  # a killed or stopped evaluation
            unscored_limit=config.unscored_limit,
            progress=advance,
            max_turns=config.max_turns,
            complete_without_agreement=True,
        )
