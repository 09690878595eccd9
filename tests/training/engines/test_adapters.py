import pytest

torch = pytest.importorskip("torch")

from peft import LoraConfig, get_peft_model  # noqa: E402

from negotiation_env.training.engines.adapters import merged  # noqa: E402
from tests.helpers.families import tiny  # noqa: E402

pytestmark = pytest.mark.models

IDS = torch.tensor([[5, 6, 7]])


def logits_twice(**shape):
    """Of a model whose adapter and trained modules differ from the base: as PEFT has it, and while it samples."""
    torch.manual_seed(0)
    shape = {"r": 4, "target_modules": "all-linear", "init_lora_weights": False} | shape
    model = get_peft_model(tiny("qwen2")[0], LoraConfig(**shape))
    with torch.no_grad():
        for parameter in (each for each in model.parameters() if each.requires_grad):
            parameter += 0.01 * torch.randn_like(parameter)
        expected = model(IDS).logits
        with merged(model):
            return expected, model(IDS).logits


@pytest.mark.parametrize(
    "shape",
    [
        {"use_dora": True},
        {"modules_to_save": ["lm_head"]},
        {"trainable_token_indices": [5, 6]},
        {"lora_bias": True, "target_modules": ["q_proj"]},
        {"target_modules": ["q_proj", "embed_tokens"]},
    ],
    ids=str,
)
def test_an_adapter_that_is_more_than_a_sum_stays_beside_the_weights(shape):
    expected, sampling = logits_twice(**shape)
    assert torch.equal(expected, sampling)


def test_one_that_is_a_sum_is_folded_in():
    expected, sampling = logits_twice()
    assert not torch.equal(expected, sampling)  # by rounding alone
    assert torch.allclose(expected, sampling, atol=1e-4)
