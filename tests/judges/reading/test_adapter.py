"""What was learned of the reader's layers, on layers small enough to be made here; and the shipped file."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers

from negotiation_env.judges.reading.adapter import ADAPTER, add_adapter
from negotiation_env.judges.reading.model import LAYERS
from negotiation_env.judges.reading.reader import WIDTH


def test_the_product_of_its_matrices_is_added_to_the_weights_that_it_names_and_to_no_other(tmp_path):
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=8, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1,
    )  # fmt: skip
    layers = transformers.Qwen2Model(config).layers
    before = {name: each.detach().clone() for name, each in layers.named_parameters()}
    up, down = np.random.default_rng(0).normal(size=(2, 16, 3)).astype(np.float16)
    np.savez(tmp_path / "adapter.npz", **{"1.q_proj.up": up, "1.q_proj.down": down.T})
    add_adapter(layers, tmp_path / "adapter.npz")
    after = dict(layers.named_parameters())
    changed = {name for name, each in after.items() if not torch.equal(each, before[name])}
    assert changed == {"1.self_attn.q_proj.weight"}
    added = (after["1.self_attn.q_proj.weight"] - before["1.self_attn.q_proj.weight"]).detach().numpy()
    np.testing.assert_allclose(added, up.astype(np.float32) @ down.T.astype(np.float32), atol=1e-5)


def test_the_shipped_one_is_small_and_whole():
    assert ADAPTER.stat().st_size + ADAPTER.with_name("heads.npz").stat().st_size < 1e6
    with np.load(ADAPTER, allow_pickle=False) as kept:
        changes = {name: kept[name] for name in kept.files}
    names = {name.rpartition(".")[0] for name in changes}
    assert names
    assert all(int(name.split(".")[0]) < LAYERS for name in names)
    for name in names:
        up, down = changes[f"{name}.up"], changes[f"{name}.down"]
        assert up.shape[1] == down.shape[0] < WIDTH
        assert np.isfinite(up).all()
        assert np.isfinite(down).all()
        assert np.abs(up).max() > 0
