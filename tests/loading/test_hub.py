"""The hub is asked once whether it is there."""

import pytest

from negotiation_env.loading.hub import ask_hub

hub = pytest.importorskip("huggingface_hub")


@pytest.fixture
def asked(monkeypatch):
    """What was asked of the hub, which does not answer."""
    calls = []

    def model_info(self, name, *, timeout):
        calls.append((name, timeout))
        raise OSError("Name or service not known")

    monkeypatch.setattr(hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    return calls


def test_a_hub_that_does_not_answer_is_told_after_one_try(asked):
    with pytest.raises(OSError, match=r"the hub does not answer \(Name or service not known\); name a folder"):
        ask_hub("org/no-such-model")
    assert [name for name, _ in asked] == ["org/no-such-model"]


def test_for_a_folder_and_offline_nobody_is_asked(asked, tmp_path, monkeypatch):
    ask_hub(tmp_path)
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    ask_hub("org/no-such-model")
    assert asked == []


def test_what_the_hub_answers_is_for_its_client_to_tell(monkeypatch):
    def refuses(*_, **__):
        raise hub.errors.HFValidationError("no such repository")

    monkeypatch.setattr(hub.HfApi, "model_info", refuses)
    ask_hub("org/no-such-model")
