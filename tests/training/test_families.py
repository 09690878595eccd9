"""What `test_proofs` proves of the embedded model, for every class of model that is said to be supported."""

import pytest

torch = pytest.importorskip("torch")

from peft import LoraConfig, get_peft_model  # noqa: E402

from tests.helpers.families import FAMILIES, tiny  # noqa: E402
from tests.training.test_proofs import batch_of, played, run, same, trainer_of, weights  # noqa: E402

pytestmark = [pytest.mark.models, pytest.mark.slow]

RESUMED = ("llama", "mistral", "gemma2", "gemma3_text")
"""Without a window, with one in every layer, and with one in some, by masks that are added and by boolean ones."""


def learner(name):
    """A tiny model with a fresh adapter, as `load_learner` gives it."""
    network, tokenizer = tiny(name)
    return get_peft_model(network, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)), tokenizer


def plain_loss(trainer, inputs):
    """GRPO's loss by its formula, each row read alone and without padding; and how far it is off what was sampled."""
    counted, total, apart = (inputs["tool_mask"] * inputs["completion_mask"]).sum(), 0.0, []
    for row, advantage in enumerate(inputs["advantages"]):
        prompt = inputs["prompt_ids"][row][inputs["prompt_mask"][row].bool()]
        completion = inputs["completion_ids"][row][inputs["completion_mask"][row].bool()]
        trained = inputs["tool_mask"][row][: len(completion)].bool()
        logits = trainer.model(torch.cat([prompt, completion])[None]).logits[0, len(prompt) - 1 : -1]
        logps = torch.log_softmax(logits / trainer.temperature, dim=-1).gather(-1, completion[:, None])[trained, 0]
        apart.append((logps - inputs["sampling_per_token_logps"][row][: len(completion)][trained]).abs().max().item())
        total = total - advantage * (logps - logps.detach()).exp().sum()
    return total / counted, max(apart)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_trainers_gradient_is_that_of_grpos_formula_on_what_was_sampled(tmp_path, name):
    trainer = trainer_of(lambda: learner(name), tmp_path, opponent="base")
    inputs = batch_of(trainer)
    gradients = []
    plain, apart = plain_loss(trainer, inputs)
    for loss in (trainer.compute_loss(trainer.model, inputs), plain):
        trainer.model.zero_grad()
        loss.backward()
        gradients.append({name: p.grad.clone() for name, p in trainer.model.named_parameters() if p.grad is not None})
    largest = max(each.abs().max() for each in gradients[1].values())
    assert largest > 1e-4
    assert all((gradients[0][key] - gradients[1][key]).abs().max() < 1e-3 * largest for key in gradients[1])
    assert apart < 1e-3


@pytest.mark.parametrize("name", RESUMED)
def test_a_resumed_run_with_a_pool_of_past_selves_equals_an_unbroken_one(tmp_path, name):
    changes = {"opponent": "pool:1,2", "groups_per_step": 1, "max_turn_tokens": 4, "max_completion_tokens": 4}
    unbroken = run(lambda: learner(name), tmp_path / "a", max_steps=2, **changes)
    run(lambda: learner(name), tmp_path / "b", max_steps=1, **changes)
    resumed = trainer_of(lambda: learner(name), tmp_path / "b", max_steps=2, **changes)
    checkpoint = tmp_path / "b" / "checkpoints" / "checkpoint-1"
    resumed.rollout_func.players.load(checkpoint)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert played(tmp_path / "b") == played(tmp_path / "a")
    assert same(weights(unbroken.model), weights(resumed.model))
