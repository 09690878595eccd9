"""A run's folder says with what it was made."""

import hashlib
import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from negotiation_env import load_scenarios
from negotiation_env.agents.contents import sha256_of
from negotiation_env.environment.prompting import load_prompts
from negotiation_env.episodes import provenance
from negotiation_env.episodes.provenance import PROVENANCE, digests, note_provenance
from negotiation_env.loading.models import MODELS
from tests.helpers.command_line import negotiate
from tests.report.runs import benchmark, evaluation


def lines(run):
    return [json.loads(line) for line in (run / PROVENANCE).read_text(encoding="utf-8").splitlines()]


def test_an_evaluation_says_what_it_was_made_with(tmp_path):
    (made,) = lines(evaluation(tmp_path / "run"))
    scenarios = "".join(f"{each.to_json()}\n" for each in load_scenarios("eval_conflict")[:6])
    assert made["sha256"]["scenarios"] == hashlib.sha256(scenarios.encode()).hexdigest()
    prompts = load_prompts("handshake")
    assert made["sha256"][f"prompts {prompts.id}"] == prompts.sha256
    assert {made["sha256"][f"fetched {each.name}"] for each in MODELS} == {each.source.sha256 for each in MODELS}
    assert made["packages"]["numpy"] == version("numpy")
    assert made["python"] == sys.version.split()[0]
    assert made["device"]


def test_a_benchmark_says_it_too(tmp_path):
    (made,) = lines(benchmark(tmp_path / "run"))
    assert len(made["sha256"]["scenarios"]) == 64


def test_single_games_say_it_a_line_for_each_other_scenario(tmp_path):
    play = ("play", "--agents", "scripted:pushy", "--judge", "scripted", "--out", tmp_path / "games")
    for seed in ("1", "1", "2"):
        assert negotiate(*play, "--seed", seed).returncode == 0
    first, second = lines(tmp_path / "games")
    assert first["sha256"]["scenarios"] != second["sha256"]["scenarios"]
    assert first["sha256"].keys() == second["sha256"].keys()


def test_the_commit_is_that_of_the_checkout(tmp_path):
    run = evaluation(tmp_path / "run")
    root = provenance._CHECKOUT
    if not (root / ".git").exists():
        pytest.skip("not run from a checkout")
    head = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert lines(run)[0]["commit"].removesuffix("-dirty") == head.stdout.strip()


def test_a_run_that_goes_on_with_the_same_adds_no_line_and_with_another_commit_it_does(tmp_path, monkeypatch):
    note_provenance(tmp_path, {"scenarios": "a"})
    note_provenance(tmp_path, {"scenarios": "a"})
    assert len(lines(tmp_path)) == 1
    monkeypatch.setattr(provenance, "_commit", lambda: "0" * 40)
    note_provenance(tmp_path, {"scenarios": "a"})
    assert [each["commit"] == "0" * 40 for each in lines(tmp_path)] == [False, True]


def test_files_of_agents_and_judges_are_told_by_their_whole_sha256(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_model.safetensors").write_bytes(b"own")
    spec = f"hf:{tmp_path / 'base'}+{tmp_path / 'adapter'}"
    assert sha256_of([spec, "scripted:pushy"]) == {
        f"{spec}: base/model.safetensors": hashlib.sha256(b"weights").hexdigest(),
        f"{spec}: adapter/adapter_model.safetensors": hashlib.sha256(b"own").hexdigest(),
    }
    (tmp_path / "base" / "model.safetensors").write_bytes(b"other weights")
    assert sha256_of([spec])[f"{spec}: base/model.safetensors"] == hashlib.sha256(b"other weights").hexdigest()
    for shipped, folder in {"embedded": "warmstart", "trained": "trained", "vllm:trained": "trained"}.items():
        assert f"{shipped}: {folder}/adapter_model.safetensors" in sha256_of([shipped])


def test_a_judge_s_file_and_an_agent_s_are_told(tmp_path):
    own, told = tmp_path / "judge.toml", tmp_path / "agent.toml"
    own.write_text('[endpoint]\nmodel = "m"\n', encoding="utf-8")
    told.write_text('agent = "embedded"\n', encoding="utf-8")
    found = sha256_of([str(told)], [str(own)])
    assert found[f"{own}: {tmp_path.name}/judge.toml"] == hashlib.sha256(own.read_bytes()).hexdigest()
    assert found[f"{told}: {tmp_path.name}/agent.toml"] == hashlib.sha256(told.read_bytes()).hexdigest()
    assert any("warmstart" in name for name in found)


def test_no_password_is_written(tmp_path):
    note_provenance(tmp_path, {"openai:m@https://me:hunter2@host/v1: a": "b"})
    assert "hunter2" not in (tmp_path / PROVENANCE).read_text(encoding="utf-8")


def test_scripts_have_no_files_so_that_the_command_names_data_prompts_and_models(tmp_path):
    out = tmp_path / "run"
    arguments = ("--agents", "scripted:pushy", "--judge", "scripted", "--n", "1")
    assert negotiate("eval", *arguments, "--out", out).returncode == 0
    (made,) = lines(out)
    assert made["sha256"] == digests(
        [each for each in load_scenarios("eval_conflict") if json_id(out) == each.id], [load_prompts("handshake")]
    )


def json_id(out):
    return json.loads((out / "episodes.jsonl").read_text(encoding="utf-8"))["id"]
