import os
import shutil

import pytest

pytest.importorskip("torch")

from negotiation_env.agents.models.embedded import embedded_model
from negotiation_env.agents.specs import resolve_model
from negotiation_env.errors import UserError

pytestmark = pytest.mark.models


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
