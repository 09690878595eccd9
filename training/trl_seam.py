"""The seam to TRL: all that leans on its `rollout_func`, which it calls experimental, and on its trainer's insides.

Another release of TRL is tried by the tests of this room with that release installed; what it moves is mended here and
in `Rollout.__call__`, whose columns TRL reads: "prompt_ids", "completion_ids", "env_mask" (1 is a token that counts)
and "logprobs". All other columns come back to the reward function row by row: "terminal_reward", "step" and "seconds".
"""

import os
from collections.abc import Callable
from typing import Any

import torch

from negotiation_env.training.divergence import FiniteTraining
from negotiation_env.training.rollout import Step
from negotiation_env.training.shared_prompt import can_share, log_probabilities

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func is experimental; TRL is pinned for that
from trl import GRPOTrainer
from trl.trainer import utils as trl_utils

__all__ = [
    "NegotiationTrainer",
    "collective_agency",
    "computes_in_float32",
    "correct_ratios",
    "cut_to_width",
    "restore",
]

_compact: Callable[[torch.device], bool] = trl_utils._use_triton
# Where it says yes, TRL's head scores the tokens that have a label; elsewhere all others too, for compilers that want
# one shape. A CPU has none, and the head over all words is much of what the loss of a small model costs there.
trl_utils._use_triton = lambda device: device.type == "cpu" or _compact(device)


class NegotiationTrainer(FiniteTraining, GRPOTrainer):  # type: ignore[misc]
    """TRL's trainer with the advantages of our groups; stops where it diverges."""

    _counted: torch.Tensor | None = None
    """While a loss is computed: which tokens of the completions count, shape [rows, width]; None asks for all."""

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        batch["advantages"] = batch["advantages"].new_tensor(inputs[0]["step"].advantages)  # put there by TRL
        return batch

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        """As TRL's; where it compares with no other log-probabilities, those of tokens that do not count stay 0."""
        compares = self.beta or inputs.get("old_per_token_logps") is not None
        self._counted = None if compares else inputs["tool_mask"]
        try:
            return super()._compute_loss(model, inputs)
        finally:
            self._counted = None

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: int, *rest: Any, **settings: Any
    ) -> Any:
        """As TRL's, with what the rows share run once.

        Not in several processes, whose wrapper of the model has to see every token, nor with gradient checkpointing,
        which keeps no keys and values, nor for the loss of a mixture of experts.
        """
        alone = self.accelerator.num_processes == 1 and not self.args.gradient_checkpointing
        if alone and not settings.get("compute_aux_loss") and can_share(model):
            with self.accelerator.autocast():
                found = log_probabilities(model, input_ids, attention_mask, logits_to_keep, self._counted)
            if found is not None:
                return *found, None
        return super()._get_per_token_logps_and_entropies(
            model, input_ids, attention_mask, logits_to_keep, *rest, **settings
        )

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        return cut_to_width(super()._prepare_inputs(generation_batch))


def cut_to_width(inputs: dict[str, Any]) -> dict[str, Any]:
    """Drop the columns that are padding in every row of a micro-batch; TRL pads to the widest row of the step.

    Args:
        inputs: Tensors of shape [rows, width], those of the prompt padded on the left, the others on the right.
    """
    before = int(inputs["prompt_mask"].sum(dim=1).max())
    after = int(inputs["completion_mask"].sum(dim=1).max())
    width = inputs["completion_mask"].shape[1]
    cut = dict(inputs)
    for name, value in inputs.items():
        if name in ("prompt_ids", "prompt_mask"):
            cut[name] = value[:, value.shape[1] - before :]
        elif getattr(value, "ndim", 0) == 2 and value.shape[1] == width:
            cut[name] = value[:, :after]
    return cut


def restore(trainer: NegotiationTrainer, model: Any) -> None:
    """Bring back what TRL loses of a model that is handed to it."""
    if trainer.ref_model is not None:  # loaded anew, without the adapter that the training goes on from
        trainer.accelerator.unwrap_model(trainer.ref_model).load_state_dict(model.state_dict())
    for parameter in (each for each in model.parameters() if each.requires_grad):
        parameter.data = parameter.data.float()  # QLoRA's is cast to bfloat16, which loses steps as small as Adam's


def computes_in_float32(trainer: NegotiationTrainer) -> bool:
    """Whether the rollout's forward passes and the trainer's, of other shapes, agree to 1e-3 nats."""
    dtypes = {parameter.dtype for parameter in trainer.model.parameters()}
    return dtypes == {torch.float32} and not trainer.args.bf16


class _Synced:
    """Stands where TRL keeps its own vLLM client; the rollout has brought our engine up to date."""

    def sync_weights(self) -> None:
        """Nothing is left to do."""


def correct_ratios(trainer: NegotiationTrainer) -> None:
    """Let TRL weigh each token by exp(trainer's - sampler's log-probability), capped: `token_truncate`.

    It asks for one more forward pass over the rows, and logs the mean and the largest difference of each step.
    """
    trainer.use_vllm = True
    trainer.vllm_generation, trainer._last_loaded_step = _Synced(), -1


def collective_agency(
    terminal_reward: list[float | None],
    step: list[Step],
    seconds: list[dict[str, float]],
    log_metric: Callable[[str, float], None],
    **_: Any,
) -> list[float | None]:
    """Hand the environment's rewards to TRL, and the step's metrics to its log."""
    metrics = dict(step[0].metrics) | {f"seconds/{name}": value for name, value in seconds[0].items()}
    for name, value in metrics.items():
        log_metric(name, value)
    return terminal_reward
