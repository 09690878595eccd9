"""What is not finite ends a run; small networks here, the real command below."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from negotiation_env.agents.models.fake import FakeModel  # noqa: E402
from negotiation_env.errors import Diverged  # noqa: E402
from negotiation_env.interfaces import ChatRequest, Reply, TokenTrace  # noqa: E402
from negotiation_env.report import write_report  # noqa: E402
from negotiation_env.training.config import TrainConfig  # noqa: E402
from negotiation_env.training.divergence import CheckWeights, FiniteTraining  # noqa: E402
from negotiation_env.training.engines.finite import FiniteModel  # noqa: E402
from negotiation_env.training.progress import StepLog  # noqa: E402
from tests.training.command import checkpoints, episodes, log_of, metrics, training, write_config  # noqa: E402

NUMBERS = [float("nan"), float("inf"), float("-inf")]


class Trainer:
    """Stands for transformers': what it computes is given."""

    def __init__(self, loss, norm):
        self.state = SimpleNamespace(global_step=6)
        self.loss, self.norm = loss, norm

    def training_step(self, model, inputs, num_items_in_batch=None):
        return torch.tensor(self.loss)

    def _get_grad_norm(self, model, grad_norm=None):
        return self.norm


class Watched(FiniteTraining, Trainer):
    pass


def test_finite_numbers_pass_through():
    trainer = Watched(-0.5, torch.tensor(3.0))
    assert trainer.training_step(None, {}) == torch.tensor(-0.5)
    assert trainer._get_grad_norm(None) == torch.tensor(3.0)
    assert Watched(0.0, None)._get_grad_norm(None, grad_norm=None) is None


@pytest.mark.parametrize("number", NUMBERS)
def test_a_loss_or_gradient_that_is_not_finite_ends_the_run_and_the_step_is_named(number):
    with pytest.raises(Diverged, match=f"at step 7: the loss is {number}"):
        Watched(number, 1.0).training_step(None, {})
    for norm in (number, torch.tensor(number)):
        with pytest.raises(Diverged, match=f"at step 7: the gradients' norm is {number}"):
            Watched(0.0, norm)._get_grad_norm(None)


def network(value, frozen=0.0):
    """Two weights, of which one trains."""
    made = torch.nn.Module()
    made.trained = torch.nn.Parameter(torch.tensor([1.0, value]))
    made.frozen = torch.nn.Parameter(torch.tensor([frozen]), requires_grad=False)
    return made


@pytest.mark.parametrize("number", [*NUMBERS, 1e30])
def test_weights_that_are_not_finite_or_near_it_end_the_run(number):
    state = SimpleNamespace(global_step=2)
    CheckWeights().on_optimizer_step(None, state, None, model=network(-3.0))
    with pytest.raises(Diverged, match="at step 3: the weights' norm is"):
        CheckWeights().on_optimizer_step(None, state, None, model=network(number))


def saying(*values):
    return FakeModel(lambda _: Reply("Hm.", tokens=TokenTrace((1,), (2,) * len(values), values)))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_sampled_log_probability_that_is_not_finite_ends_the_run(number):
    asked = [ChatRequest(({"role": "user", "content": "Hi."},))]
    assert FiniteModel(saying(-0.5, -2.0), 4).chat(asked) == saying(-0.5, -2.0).chat(asked)
    assert FiniteModel(FakeModel(lambda _: Reply("", error="gone")), 4).chat(asked)[0].error == "gone"
    with pytest.raises(Diverged, match=f"at step 4: a log-probability of fake model is {number}"):
        FiniteModel(saying(-0.5, number), 4).chat(asked)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_metric_without_a_number_is_null_in_the_file(tmp_path, number):
    path = tmp_path / "metrics.jsonl"
    state = SimpleNamespace(global_step=3, is_world_process_zero=True)
    StepLog(TrainConfig(), path).on_log(None, state, None, {"reward": number, "loss": 0.1})
    assert path.read_text() == '{"step": 3, "reward": null, "loss": 0.1}\n'


# The real command.


@pytest.mark.models
@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("--learning_rate", "1e30"), "step 1: the weights' norm is inf"),
        (("--learning_rate", "1e15"), "step 2: a log-probability of policy-v1 is nan"),
        (("--learning_rate", "1e30", "--warmup_steps", "3"), "step 2: the weights' norm is inf"),
    ],
)
def test_a_run_that_diverges_stops_before_a_checkpoint_is_made_of_it_and_can_be_viewed(
    model_folder, tmp_path, overrides, told
):
    config, out = write_config(tmp_path / "run.toml", model_folder, eval_split="none", eval_every=0), tmp_path / "run"
    with training(config, out, *overrides) as process:
        assert process.wait(540) == 2, log_of(out).read_text()
    [line] = [line for line in log_of(out).read_text().splitlines() if line.startswith("negotiate: ")]
    steps = int(told[5]) - 1
    assert f"training diverged at {told}" in line
    assert f"a lower learning_rate (it is {float(overrides[1]):g})" in line
    assert checkpoints(out) == [f"checkpoint-{step}" for step in range(1, steps + 1)]
    good = steps if "weights" in told else steps - 1  # before the update, or with what it led to
    assert (f"with --adapter {out}/checkpoints/checkpoint-{good}, another --out" in line) == (good > 0)
    assert not (out / "adapter").exists()
    assert len(episodes(out)) == 2 * (steps + ("weights" in told))
    assert [step["step"] for step in (metrics(out) if steps else [])] == list(range(1, steps + 1))
    assert "NaN" not in "".join(path.read_text() for path in out.glob("*.jsonl"))
    assert write_report(out).is_file()
