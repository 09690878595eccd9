import json

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from negotiation_env.data import load_brief_demos  # noqa: E402
from negotiation_env.errors import Diverged  # noqa: E402
from negotiation_env.training.warmstart import WarmStart, train_warm_start  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture
def small(monkeypatch, model_folder):
    """Two layers and three demonstrations."""
    monkeypatch.setattr("negotiation_env.agents.models.embedded.embedded_model", lambda: model_folder)
    monkeypatch.setattr("negotiation_env.training.warmstart.load_brief_demos", lambda: load_brief_demos()[:3])
    return lambda out, **changes: train_warm_start(WarmStart(held_out=1, batch=1, rank=2, **changes), out)


def test_a_warm_start_saves_an_adapter_in_half_precision_and_its_figures(small, tmp_path):
    figures = small(tmp_path, steps=1)
    assert json.loads((tmp_path / "warmstart.json").read_text())["steps"] == figures["steps"] == 1
    weights = load_file(tmp_path / "adapter_model.safetensors").values()
    assert all(weight.dtype == torch.float16 and weight.isfinite().all() for weight in weights)


@pytest.mark.parametrize("rate", [1e30, 1e6])
def test_a_warm_start_that_diverges_or_does_not_fit_half_precision_saves_nothing(small, tmp_path, rate):
    with pytest.raises(Diverged, match=r"the (weights' norm|loss)"):
        small(tmp_path, steps=2, learning_rate=rate)
    assert not (tmp_path / "adapter_model.safetensors").exists()
    assert not (tmp_path / "warmstart.json").exists()
