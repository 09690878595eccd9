import json
import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("trl")

from transformers import LlamaConfig, LlamaForCausalLM, dynamic_module_utils

from negotiation_env import ChatRequest, Sampling
from negotiation_env.agents.models.embedded import embedded_model
from negotiation_env.agents.models.in_process import load_model
from negotiation_env.agents.models.pretrained import TRUST, half_precision, load_tokenizer
from negotiation_env.agents.models.training_card import TrainingCard, write_card
from negotiation_env.errors import UserError
from negotiation_env.training.architectures import count_parameters, find_architecture
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.dry_run import dry_run
from negotiation_env.training.learner import load_learner

pytestmark = pytest.mark.models

CODE = """
from pathlib import Path

from transformers import LlamaConfig, LlamaForCausalLM

Path({ran!r}).touch()


class OwnConfig(LlamaConfig):
    model_type = "own"


class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
"""
TINY = LlamaConfig(
    hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1
)


@pytest.fixture
def ran(tmp_path):
    return tmp_path / "ran"


@pytest.fixture
def own(tmp_path, ran, monkeypatch):
    """A folder with a model that needs code of its own; nobody may be asked whether it may run."""
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked on the terminal"))
    monkeypatch.delenv(TRUST, raising=False)
    folder = tmp_path / "own"
    tokenizer = load_tokenizer(embedded_model())
    tokenizer.save_pretrained(folder)
    config = TINY.to_dict() | {"vocab_size": len(tokenizer)}
    LlamaForCausalLM(LlamaConfig(**config)).save_pretrained(folder)
    config |= {"model_type": "own", "architectures": ["OwnModel"]}
    config["auto_map"] = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(CODE.format(ran=str(ran)))
    return folder


def settings(folder):
    return TrainConfig(model=str(folder), judge="scripted", eval_split="none")


LOADS = {
    "play": load_model,
    "training": lambda folder: load_learner(settings(folder)),
    "a dry run": lambda folder: dry_run(settings(folder), 1),
}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_a_models_own_code_is_refused_in_one_line_that_names_the_key(own, ran, load):
    with pytest.raises(UserError, match=rf"{own}.*: it brings code of its own, .*{TRUST}=1$") as told:
        load(own)
    assert "\n" not in str(told.value)
    assert not ran.exists()


@pytest.mark.parametrize("value", ["", "0", "true"])
def test_no_other_value_of_the_key_allows_it(own, ran, monkeypatch, value):
    monkeypatch.setenv(TRUST, value)
    with pytest.raises(UserError, match="code of its own"):
        load_model(own)
    assert not ran.exists()


def test_the_key_allows_a_models_own_code_in_play_and_training(own, ran, monkeypatch):
    monkeypatch.setenv(TRUST, "1")
    model = load_model(own)
    assert ran.exists()
    assert type(model.model).__name__ == "OwnModel"
    [reply] = model.chat([ChatRequest(({"role": "user", "content": "Hello"},), Sampling(max_tokens=2))])
    assert reply.tokens.sampled
    learner, _ = load_learner(settings(own))
    assert type(learner.get_base_model()).__name__ == "OwnModel"
    architecture = find_architecture(str(own))
    assert count_parameters(settings(own), architecture).total == sum(p.numel() for p in model.model.parameters())


def test_a_tokenizers_own_code_is_refused_too(own, ran):
    (own / "config.json").write_text(json.dumps(TINY.to_dict()))
    path = own / "tokenizer_config.json"
    told = json.loads(path.read_text()) | {"tokenizer_class": "OwnTokenizer"}
    path.write_text(json.dumps(told | {"auto_map": {"AutoTokenizer": ["own.OwnTokenizer", None]}}))
    for load in LOADS.values():
        with pytest.raises(UserError, match="code of its own"):
            load(own)
    assert not ran.exists()


def test_on_the_command_line_it_is_one_line_and_no_question(own, ran):
    command = [sys.executable, "-m", "negotiation_env", "play", "--agents", f"hf:{own}", "--judge", "scripted"]
    done = subprocess.run(command, input="y\n", capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"negotiate: cannot load the model {own}: it brings code of its own")
    assert "[y/N]" not in done.stdout + done.stderr
    assert not ran.exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "model.safetensors").write_bytes(b"x"),
        lambda folder: (folder / "config.json").write_text("{"),
        lambda folder: (folder / "tokenizer.json").write_text("{"),
        lambda folder: (folder / "model.safetensors").unlink(),
    ],
    ids=["weights", "config", "tokenizer", "no weights"],
)
def test_a_model_that_cannot_be_read_is_told_in_one_line(own, monkeypatch, spoil):
    monkeypatch.setenv(TRUST, "1")
    spoil(own)
    with pytest.raises(UserError, match="cannot load the model") as told:
        load_model(own)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("gpu", "has", "expected"), [(False, True, False), (True, False, False), (True, True, True)])
def test_models_compute_in_bfloat16_only_on_a_gpu_that_has_it(monkeypatch, gpu, has, expected):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation: has or including_emulation)
    assert half_precision() == expected


def test_an_adapter_that_was_trained_on_weights_in_4_bit_is_played_on_such(tmp_path):
    pytest.importorskip("bitsandbytes")
    from peft import LoraConfig, get_peft_model

    tokenizer = load_tokenizer(embedded_model())
    network = LlamaForCausalLM(LlamaConfig(**TINY.to_dict() | {"vocab_size": len(tokenizer), "hidden_size": 64}))
    for part in (network, tokenizer):
        part.save_pretrained(tmp_path / "base")
    get_peft_model(network, LoraConfig(target_modules="all-linear")).save_pretrained(tmp_path / "adapter")
    whole = load_model(tmp_path / "base", tmp_path / "adapter").model
    write_card(tmp_path / "adapter", TrainingCard("a judge", ("a judge",), "4bit"))
    held = load_model(tmp_path / "base", tmp_path / "adapter").model
    assert not getattr(whole, "is_loaded_in_4bit", False)
    assert held.get_base_model().is_loaded_in_4bit
    assert held.active_adapters == ["default"]
