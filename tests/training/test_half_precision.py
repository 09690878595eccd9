"""Training in bfloat16, on a CPU: what a GPU would do, in the numbers that it would do it in."""

import json

import pytest

torch = pytest.importorskip("torch")

from negotiation_env import ChatRequest, Sampling  # noqa: E402
from tests.training.test_proofs import bfloat16, trainer_of  # noqa: E402

pytestmark = pytest.mark.models

DIFFERENCE = "sampling/sampling_logp_difference"


@pytest.fixture
def halved(small_model, monkeypatch):
    """The small learner, its frozen weights in bfloat16, on a machine that computes in it."""
    for module in ("grpo", "engines.in_process"):
        monkeypatch.setattr(f"negotiation_env.training.{module}.half_precision", lambda: True)
    model, tokenizer = small_model()
    return bfloat16(model), tokenizer


def watched(trainer):
    """The batches of a training."""
    batches, make = [], trainer._generate_and_score_completions

    def noted(inputs):
        batches.append(make(inputs))
        return batches[-1]

    trainer._generate_and_score_completions = noted
    trainer.train()
    return batches


def test_each_token_is_weighed_by_how_far_the_trainer_is_off_the_sampler_and_that_is_logged(halved, tmp_path):
    batches = watched(trainer_of(lambda: halved, tmp_path))
    logged = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    for batch, metrics in zip(batches, logged, strict=True):
        trained = (batch["tool_mask"] * batch["completion_mask"]).bool()
        apart = (batch["old_per_token_logps"] - batch["sampling_per_token_logps"])[trained]
        ratio = batch["importance_sampling_ratio"][trained]
        assert torch.allclose(ratio, apart.exp().clamp(max=3.0))
        assert metrics[f"{DIFFERENCE}/mean"] == pytest.approx(apart.abs().mean().item())
        assert metrics[f"{DIFFERENCE}/max"] == pytest.approx(apart.abs().max().item())
        assert 0 < apart.abs().max() < 0.5


def test_in_float32_nothing_is_weighed(small_model, tmp_path):
    [batch] = watched(trainer_of(small_model, tmp_path, max_steps=1))
    assert "importance_sampling_ratio" not in batch
    assert DIFFERENCE not in (tmp_path / "metrics.jsonl").read_text()


def test_an_evaluation_before_the_training_computes_as_one_in_it(halved, tmp_path):
    trainer = trainer_of(lambda: halved, tmp_path)
    request = ChatRequest(({"role": "user", "content": "Share the well."},), Sampling(1.0, 1.0, 8), seed=1)
    traces = []
    for _ in range(2):
        with torch.no_grad():
            trainer.model.eval()
            trainer.rollout_func.players.prepare(0)
            traces.append(trainer.rollout_func.players.learner.model.chat([request])[0].tokens)
        trainer.accelerator.prepare_model(trainer.model)  # as a training does when it begins
    assert traces[0] == traces[1]
