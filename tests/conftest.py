import gc
import os
import signal
import sys

import pytest
from hypothesis import settings

from negotiation_env import Persona, Scenario

# Timings are no assertions. Continuous integration tries the same examples each time: its verdict is on the commit.
settings.register_profile("steady", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("steady")
# Two processes that each take every core slow one another down, and tests shall not depend on the number of cores.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# The servers of the tests are on this machine, where no proxy can see them.
for name in ("no_proxy", "NO_PROXY"):
    os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so it is in a shell's background, and in what we start there
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist's, which acts on what it finds
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Runs all tests on every core, but what a place names in this process, where a debugger can stop it."""
    in_worker = hasattr(config, "workerinput")
    places = getattr(config.option, "file_or_dir", True)  # --help knows none
    if not places and not in_worker and getattr(config.option, "numprocesses", 0) is None:
        config.option.numprocesses, config.option.maxprocesses = "logical", config.option.maxprocesses or 8
        config.option.dist = "worksteal"


def pytest_collection_finish() -> None:
    """What imports have made stays: statsmodels collects garbage at each call, and would look through it every time."""
    gc.collect()  # what pytest made of the tests' sources on the way
    gc.freeze()


@pytest.fixture
def scenario() -> Scenario:
    return two_parties()


def two_parties(name: str = "well") -> Scenario:
    return Scenario(
        id=name,
        dilemma="A village has one well. Lea wants to water her field, Noor wants water for the school. What now?",
        personas=(
            Persona(
                "Lea", "You need water for your field before the harvest.", "No dry week.", "Counts days.", ("food",)
            ),
            Persona("Noor", "You need clean water for forty pupils.", "No child goes thirsty.", "Asks questions."),
        ),
    )


def three_parties() -> Scenario:
    third = Persona("Ida", "You keep the well from running dry.")
    return Scenario("well-3", two_parties().dilemma, (*two_parties().personas, third))


@pytest.fixture
def hostile_place(tmp_path, monkeypatch):
    """A folder of files full of what acts on a terminal, in which one is; commands find the module that is there."""
    from tests.helpers.hostile import hostile_files

    hostile_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "hostile", raising=False)
    monkeypatch.setenv("COLUMNS", "300")


@pytest.fixture(scope="session")
def small_model():
    """SmolLM2's tokenizer and its first two layers, with a LoRA adapter: real code paths, babble for words."""
    return lambda: _small_learner()


def small_network():
    """SmolLM2's first two layers, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from negotiation_env.agents.models.embedded import embedded_model

    folder = embedded_model()
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, num_hidden_layers=2)
    return base, AutoTokenizer.from_pretrained(folder, padding_side="left")


def _small_learner():
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    base, tokenizer = small_network()
    return get_peft_model(base, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)), tokenizer


@pytest.fixture(scope="session")
def vllm_server(tmp_path_factory):
    """The URL of a vLLM server with the embedded model."""
    from tests.helpers.vllm_server import serving

    with serving(tmp_path_factory.mktemp("vllm") / "log") as url:
        yield url
