import os
import shutil

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from negotiation_env.agents.models.embedded import embedded_adapter, embedded_model  # noqa: E402
from negotiation_env.agents.models.in_process import load_model  # noqa: E402
from negotiation_env.agents.models.training_card import read_card  # noqa: E402
from negotiation_env.agents.specs import resolve_model  # noqa: E402
from negotiation_env.errors import UserError  # noqa: E402
from negotiation_env.game.chats import conversation  # noqa: E402
from negotiation_env.game.prompts import HANDSHAKE, shipped_prompts  # noqa: E402
from negotiation_env.interfaces import ChatRequest, Sampling  # noqa: E402
from tests.docs.pages import ROOT  # noqa: E402

pytestmark = pytest.mark.models

FULL = ROOT / "examples" / "results" / "reading_embedded" / "adapter"


@pytest.mark.parametrize("name", ["tokenizer_config.json", "chat_template.jinja", "adapter_config.json"])
def test_the_embedded_model_is_not_loaded_with_a_changed_file(tmp_path, monkeypatch, name):
    folder = tmp_path / embedded_model().name
    shutil.copytree(embedded_model(), folder, copy_function=os.symlink)
    monkeypatch.setenv("NEGOTIATION_ENV_CACHE", str(tmp_path))
    assert embedded_model() == folder
    before = (folder / name).read_text() if (folder / name).exists() else "{}"
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text(before + "\n")
    resolve_model.cache_clear()
    with pytest.raises(UserError, match=rf"{name} was changed: .*; delete the folder"):
        resolve_model("hf:embedded")


def test_trained_is_the_committed_adapter_rounded_to_half_precision():
    shipped, full = (load_file(folder / "adapter_model.safetensors") for folder in (embedded_adapter("trained"), FULL))
    assert shipped.keys() == full.keys()
    assert all(torch.equal(weight, full[name].half()) for name, weight in shipped.items())
    assert read_card(embedded_adapter("trained")) == read_card(FULL)


def test_rounded_it_says_what_the_full_one_says(scenario):
    models = [resolve_model("trained"), load_model(embedded_model(), FULL)]
    chat = conversation(shipped_prompts(HANDSHAKE), scenario, 0, [])
    rounded, full = (model.chat([ChatRequest(chat, Sampling(0.0, 1.0, 48))])[0] for model in models)
    assert rounded.text == full.text
    ids = torch.tensor([[*full.tokens.context, *full.tokens.sampled]])
    with torch.no_grad():
        one, other = (model.model(ids).logits.log_softmax(-1) for model in models)
    assert 0 < (one - other).abs().max() < 0.01
