"""vLLM's engine runs in a virtual environment of its own; see `tests/helpers/vllm_server.sh`."""

import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from negotiation_env.agents.specs import resolve_agent
from negotiation_env.environment.episode import latest_episodes
from negotiation_env.errors import MissingExtra
from tests.helpers.vllm_server import trainer_logprobs, vllm_environment

SCRIPT = Path(__file__).with_name("play_in_vllm.py")
ON_CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
def test_without_vllm_the_user_is_told_what_to_install():
    with pytest.raises(MissingExtra, match=r"negotiation-env\[vllm\]"):
        resolve_agent("vllm:some/model")


def play(folder, *arguments):
    """Let vLLM play into a folder."""
    command = [str(Path(vllm_environment(), "bin", "python")), str(SCRIPT), *arguments]
    variables = os.environ | ON_CPU | {"PYTHONPATH": str(SCRIPT.parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The folder of what was played."""
    vllm_environment()
    from negotiation_env.agents.models.embedded import embedded_adapter, embedded_model

    folder = tmp_path_factory.mktemp("played")
    return play(folder, f"vllm:{embedded_model()}+{embedded_adapter()}", str(folder))


@pytest.mark.vllm
def test_games_carry_the_ids_that_were_sampled_and_the_models_log_probabilities(played):
    import torch

    from negotiation_env.agents.models.embedded import embedded_adapter, embedded_model
    from negotiation_env.agents.models.in_process import load_model
    from negotiation_env.training.rows import learner_rows

    model = load_model(embedded_model(), embedded_adapter())
    for episode in latest_episodes(played / "together").values():
        assert all(said.text == model.tokens.text(said.tokens.sampled) for said in episode.turns)
        [row] = learner_rows(episode, 0, model.tokens.end)
        apart = trainer_logprobs(model.model, row, 0.7) - torch.tensor(row.logprobs)
        assert apart[torch.tensor(row.mask) == 1].abs().max() < 5e-3


@pytest.mark.vllm
def test_what_a_game_samples_does_not_depend_on_its_neighbours(played):
    together = latest_episodes(played / "together")
    for name, alone in latest_episodes(played / "alone").items():
        texts = [[said.text for said in episode.turns] for episode in (alone, together[name])]
        assert texts[0] == texts[1]


@pytest.mark.vllm
def test_a_base_and_its_adapters_share_an_engine_and_each_says_what_it_says_alone(played):
    from negotiation_env.agents.specs import resolve_model
    from tests.agents.play_in_vllm import QUESTION

    told = json.loads((played / "shared.json").read_text(encoding="utf-8"))
    assert told["engines"] == 1
    texts = told["texts"]
    assert texts["adapter"] == texts["the same adapter"] == texts["adapter again"] != texts["base"]
    [alone] = resolve_model("hf:embedded").chat([QUESTION])
    assert texts["base"] == alone.text


@pytest.mark.vllm
def test_a_chat_that_outgrows_the_context_is_an_error_in_its_place(played):
    assert "outgrows the context" in (played / "error").read_text()


@pytest.mark.vllm
def test_a_model_that_thinks_keeps_its_budget_and_its_rows_hold_what_was_sampled(tmp_path):
    vllm_environment()
    import torch

    from negotiation_env.agents.models.chat_tokens import ChatTokens
    from negotiation_env.training.rows import learner_rows
    from tests.agents.test_thinking import first_thought, thinker, thinking_network

    network, words = thinking_network(head_dim=64, max_position_embeddings=2048), thinker("qwen3_5_think")
    for part in (network, words):
        part.save_pretrained(tmp_path / "model")
    play(tmp_path, str(tmp_path / "model"), str(tmp_path), "6")
    chat, forced = ChatTokens(words, thinking=True), 0
    for episode in latest_episodes(tmp_path / "together").values():
        for trace in (said.tokens for said in episode.turns):
            thought = first_thought(chat.marks, trace.sampled)
            assert thought == 6 if trace.forced else thought <= 6
            assert len(trace.sampled) - thought <= 12
            forced += len(trace.forced)
        for row in learner_rows(episode, 0, chat.end):
            apart = trainer_logprobs(network, row, 0.7) - torch.tensor(row.logprobs)
            assert apart[torch.tensor(row.mask) == 1].abs().max() < 5e-3
    assert forced
