import pytest

torch = pytest.importorskip("torch")

from negotiation_env.loading.packed_weights import PackedWeights, can_pack, keep_packed  # noqa: E402
from tests.helpers.families import tiny  # noqa: E402

pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN here"),
]

IDS = torch.tensor([[5, 6, 7], [8, 9, 10]])


def logits(model):
    with torch.no_grad():
        return model(IDS).logits


@pytest.mark.parametrize("family", ["llama", "phi"])  # without biases and with
def test_packed_weights_give_the_same_products(family):
    model, _ = tiny(family)
    before = logits(model)
    with PackedWeights(model).multiplying():
        assert torch.allclose(before, logits(model), atol=1e-4)
    assert torch.equal(before, logits(model))


def test_they_are_the_weights_of_their_time():
    model, _ = tiny("llama")
    before, weights = logits(model), PackedWeights(model)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.mlp.up_proj.weight *= 2
    assert not torch.allclose(before, logits(model), atol=1e-2)
    with weights.multiplying():
        assert torch.allclose(before, logits(model), atol=1e-4)


@pytest.mark.parametrize("tied", [True, False])
def test_a_model_kept_packed_needs_its_embeddings_alone(tied):
    model, _ = tiny("llama")
    if tied:
        model.lm_head.weight = model.model.embed_tokens.weight
    before = logits(model)
    keep_packed(model)
    assert torch.allclose(before, logits(model), atol=1e-4)
    assert model.model.layers[0].mlp.up_proj.weight.numel() == 0
    assert (model.lm_head.weight.numel() > 0) == tied


def test_other_numbers_than_float32_are_left_alone():
    model, _ = tiny("llama")
    model.bfloat16()
    assert not can_pack(model)
    before = logits(model)
    keep_packed(model)
    assert torch.equal(before, logits(model))
