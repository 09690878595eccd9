"""The settings of a training run: a TOML file, overridden from the command line."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from negotiation_env.errors import UserError

__all__ = ["TrainConfig", "load_config"]


class TrainConfig(BaseModel):
    """Settings of one run. The defaults are the paper's (arXiv 2603.10476) where it gives them.

    Attributes:
        model: `embedded`, or a transformers folder or hub id.
        adapter: A LoRA adapter to go on from; for `embedded` the shipped warm start is the default, "none" is none.
        judge: Decides agreement and scores, as a spec string.
        split: Training scenarios, as for `load_scenarios`.
        scenarios: How many of them to use; 0 is all.
        seed: Seeds pairing, data order and every sampled token.
        max_steps: Optimizer steps.
        group_size: G, the negotiations sampled for each scenario and seat.
        groups_per_step: Scenarios a step.
        micro_batch: Rows in one forward and backward pass.
        learning_rate: Of AdamW; constant after `warmup_steps`.
        warmup_steps: Steps over which the learning rate rises from 0.
        max_grad_norm: Gradients are clipped to this norm.
        opponent: `frozen` is a copy refreshed every `refresh_every` steps, `current` the learner's own weights at each
            rollout, `base` the model as it was before training.
        refresh_every: K; 1 is the paper's.
        learner_seat: 0, 1, or "alternate" from scenario to scenario.
        max_turns: Most utterances of a negotiation.
        temperature: Of the dialogue. Top-p is 1 in training, for a truncated distribution would bias the gradient
            (the paper's is 0.95).
        max_turn_tokens: Longest turn.
        completion_temperature: Of the joint answer, at top-p 0.95.
        max_completion_tokens: Longest joint answer.
        lora_rank: Of a new adapter; one to go on from brings its own.
        merge_rollouts: Fold the adapter into the weights while sampling: faster, for the memory of one more copy of
            the adapted weights. Not for quantised models.
        gradient_checkpointing: Trade time for memory in the backward pass.
        save_steps: A checkpoint every so many steps.
        unscored_limit: The highest share of unscored negotiations, 0 to 1; a run with more stops. See `UnscoredLimit`.
        eval_split: Held-out scenarios for the table before and after; "none" leaves it out.
        eval_scenarios: How many of them.
        report_to: Trackers of transformers, such as "tensorboard" or "wandb".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = "embedded"
    adapter: str | None = None
    judge: str = "embedded"
    split: str = "train"
    scenarios: int = Field(0, ge=0)
    seed: int = 0
    max_steps: int = Field(1900, ge=1)
    group_size: int = Field(8, ge=2)
    groups_per_step: int = Field(2, ge=1)
    micro_batch: int = Field(1, ge=1)
    learning_rate: float = Field(5e-6, gt=0)
    warmup_steps: int = Field(0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    opponent: Literal["frozen", "current", "base"] = "frozen"
    refresh_every: int = Field(1, ge=1)
    learner_seat: Literal[0, 1, "alternate"] = 0
    max_turns: int = Field(7, ge=2)
    temperature: float = Field(0.7, gt=0)
    max_turn_tokens: int = Field(96, ge=1)
    completion_temperature: float = Field(0.1, ge=0)
    max_completion_tokens: int = Field(160, ge=1)
    lora_rank: int = Field(16, ge=1)
    merge_rollouts: bool = True
    gradient_checkpointing: bool = False
    save_steps: int = Field(50, ge=1)
    unscored_limit: float = Field(0.2, ge=0, le=1)
    eval_split: str = "eval_conflict"
    eval_scenarios: int = Field(16, ge=1)
    report_to: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Negotiations a step."""
        return self.group_size * self.groups_per_step

    @property
    def opponent_is_learner(self) -> bool:
        """Whether both seats play with equal weights: a copy refreshed at each step is the learner at its rollout."""
        return self.opponent == "current" or (self.opponent == "frozen" and self.refresh_every == 1)

    @model_validator(mode="after")
    def _whole_micro_batches(self) -> "TrainConfig":
        if self.rows % self.micro_batch:
            raise ValueError(
                f"micro_batch must divide group_size x groups_per_step = {self.rows}; it is {self.micro_batch}"
            )
        return self


def load_config(path: Path, overrides: Mapping[str, str] | None = None) -> TrainConfig:
    """Read a TOML file and apply overrides.

    Args:
        path: The file.
        overrides: Values as text, by key; they win over the file.

    Raises:
        UserError: The file is missing or is no TOML, or a key or value is wrong; the message names it.
    """
    try:
        settings: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"no config file {str(path)!r}; see examples/selfplay_embedded.toml for one") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from error
    try:
        return TrainConfig.model_validate(settings | {name: _value(text) for name, text in (overrides or {}).items()})
    except ValidationError as error:
        raise UserError(f"{path}: {'; '.join(_explain(item) for item in error.errors())}") from error


def _value(text: str) -> Any:
    """A command-line value as TOML would read it; bare words are text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(item: Any) -> str:
    name = ".".join(map(str, item["loc"][:1])) or "config"
    if item["type"] == "extra_forbidden":
        return f"there is no key {name!r}; the keys are {', '.join(TrainConfig.model_fields)}"
    return f"{name}: {item['msg']} (got {item['input']!r})" if item["loc"] else str(item["msg"])
