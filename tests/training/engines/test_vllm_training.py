"""A training run whose negotiations are sampled by a real vLLM server."""

import json
import urllib.request

import pytest

torch = pytest.importorskip("torch")

from negotiation_env import ScriptedJudge, load_scenarios  # noqa: E402
from negotiation_env.environment.episode import read_episodes  # noqa: E402
from negotiation_env.training.config import TrainConfig  # noqa: E402
from negotiation_env.training.run import train  # noqa: E402

pytestmark = [pytest.mark.vllm, pytest.mark.models]


def adapters(url):
    with urllib.request.urlopen(f"{url}/v1/models") as response:
        return [each["id"] for each in json.load(response)["data"] if each.get("parent")]


def test_vllm_samples_for_the_learner_and_its_past_self_and_the_trainer_corrects_for_it(vllm_server, tmp_path):
    config = TrainConfig(
        engine=f"vllm:{vllm_server}",
        opponent="frozen:2",
        max_steps=3,
        group_size=2,
        groups_per_step=1,
        learning_rate=1e-3,
        max_turns=3,
        max_turn_tokens=6,
        max_completion_tokens=6,
        eval_split="none",
        save_steps=3,
    )
    judge = ScriptedJudge(
        score=lambda question: sum(map(ord, question.completion)) % 50 / 10,
        agrees=lambda question: len(question.dialogue) == 3,
    )
    held = set(adapters(vllm_server))
    train(config, tmp_path / "run", judge=judge, scenarios=load_scenarios("everyday")[:3])
    served = sorted(name.rpartition("-")[2] for name in set(adapters(vllm_server)) - held)
    assert served == ["v2"]  # the last step's learner, which was the frozen copy too
    metrics = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in metrics] == [1, 2, 3]
    for entry in metrics:
        assert entry["sampling/sampling_logp_difference/max"] < 5e-3
        assert entry["sampling/importance_sampling_ratio/min"] > 0.99
        assert entry["sampling/importance_sampling_ratio/max"] < 1.01
    episodes = list(read_episodes(tmp_path / "run" / "episodes.jsonl"))
    assert [episode.tags["opponent_version"] for episode in episodes] == [0, 0, 0, 0, 2, 2]
    assert {episode.agents for episode in episodes[2:4]} == {("learner", "policy-v0")}


def test_under_guards_it_samples_the_further_tries_and_the_trainer_corrects_for_them_too(vllm_server, tmp_path):
    guards = tmp_path / "brief.toml"
    brief = '[[constraint]]\nname = "brief"\nformula = "characters < 12"\nladder = ["ask_again", "replace", "record"]\n'
    guards.write_text(brief, encoding="utf-8")
    config = TrainConfig(
        engine=f"vllm:{vllm_server}",
        max_steps=2,
        group_size=2,
        groups_per_step=1,
        max_turns=3,
        max_turn_tokens=6,
        max_completion_tokens=6,
        eval_split="none",
        guards=str(guards),
        guard_penalty=0.5,
    )
    judge = ScriptedJudge(
        score=lambda question: sum(map(ord, question.completion)) % 50 / 10,
        agrees=lambda question: len(question.dialogue) == 3,
    )
    train(config, tmp_path / "run", judge=judge, scenarios=load_scenarios("everyday")[:2])
    metrics = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert sum(entry["guards/refused"] for entry in metrics) > 0
    assert all(entry["sampling/sampling_logp_difference/max"] < 5e-3 for entry in metrics)
    refused = [
        tried
        for each in read_episodes(tmp_path / "run" / "episodes.jsonl")
        for said in each.turns
        for tried in said.refused
    ]
    assert refused
    assert all(len(each.tokens.sampled) == len(each.tokens.logprobs) > 0 for each in refused)
