"""What is looked at before anything is loaded: packages, keys, files, adapters."""

import os
import subprocess
import sys

import pytest

from negotiation_env.agents.needs import lacking, require, resolve_cast
from negotiation_env.endpoints.recording import Live, Recorder, Replayer
from negotiation_env.errors import UserError, install_line
from negotiation_env.specs import kinds

ADAPTER = "hf:model+runs/train/adapter"
HIDDEN = ("torch", "transformers", "peft", "gguf", "trl", "choix", "statsmodels")


@pytest.fixture
def there(monkeypatch):
    """Every package is installed, and no key is set."""
    monkeypatch.setattr(kinds, "find_spec", lambda name: name)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_scripts_people_and_a_scripted_judge_lack_nothing():
    assert lacking(["scripted:pushy", "human"], ["scripted", "panel:median:scripted,scripted"]) == []


def test_an_adapter_is_looked_for_in_its_folder(there, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (told,) = lacking([ADAPTER])
    assert "no adapter in 'runs/train/adapter'" in told
    folder = tmp_path / "runs" / "train" / "adapter"
    folder.mkdir(parents=True)
    assert len(lacking([ADAPTER])) == 1
    (folder / "adapter_config.json").write_text("{}")
    assert lacking([ADAPTER]) == []


def test_what_may_be_an_adapter_on_a_hub_is_not_told_as_lacking(there, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lacking(["hf:org/model+org/adapter"]) == []


def test_a_folder_that_is_not_there_is_told_and_a_hub_id_is_not(there):
    assert lacking(["hf:org/model"]) == []
    assert "no folder './nowhere'" in lacking(["hf:./nowhere"])[0]


def test_the_key_of_a_judge_within_a_panel_is_asked_for_before_anybody_is_called(there, tmp_path, monkeypatch):
    judge = tmp_path / "judge.toml"
    judge.write_text('[endpoint]\nmodel = "m"\napi_key_env = "MINE"\n')
    (told,) = lacking([], [f"panel:median:scripted,{judge}"])
    assert told.endswith("MINE")
    monkeypatch.setenv("MINE", "sk-1")
    assert lacking([], [str(judge)]) == []


def test_an_agents_file_is_looked_through(there, tmp_path):
    path = tmp_path / "agent.toml"
    path.write_text(f'agent = "{ADAPTER}x"\n')
    assert "no adapter" in lacking([str(path)])[0]
    path.write_text('agent = "openai:m"\n')
    assert lacking([str(path)])[0].endswith("OPENAI_API_KEY")
    path.write_text('agent = "openai:m"\nprompts = "nowhere"\n')
    with pytest.raises(UserError, match="no prompt set 'nowhere'"):
        lacking([str(path)])


def test_packages_of_one_extra_are_asked_for_once_torch_first(monkeypatch):
    monkeypatch.setattr(kinds, "find_spec", lambda name: None)
    monkeypatch.setattr("negotiation_env.errors.find_spec", lambda name: None)
    (told,) = lacking(["embedded", "hf:org/model"], ["embedded", "reading"])
    assert told.endswith("pip install torch==2.13.0 && pip install 'negotiation-env[local]'")
    assert install_line("bench") == "pip install 'negotiation-env[bench]'"


def test_a_replay_needs_no_key_and_a_recording_does(there, tmp_path):
    recording = tmp_path / "calls.jsonl"
    recorder = Recorder(recording)
    for traffic in (None, Live(), recorder):
        with pytest.raises(UserError, match="OPENAI_API_KEY"):
            require(["openai:m"], traffic=traffic)
    recording.touch()
    require(["openai:m"], traffic=Replayer(recording))


def test_nothing_is_resolved_where_something_lacks_and_endpoints_come_first(there, monkeypatch):
    made = []
    monkeypatch.setattr("negotiation_env.agents.needs.resolve_agent", lambda spec, traffic: made.append(spec) or spec)
    monkeypatch.setattr(
        "negotiation_env.agents.needs.resolve_judge", lambda spec, traffic, cache: made.append(f"judge {spec}") or spec
    )
    with pytest.raises(UserError):
        resolve_cast(["embedded", ADAPTER], ["scripted"])
    assert made == []
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    players, judges = resolve_cast(["embedded", "openai:a", "embedded"], ["reading", "openai:b"])
    assert (players, judges) == (["embedded", "openai:a", "embedded"], ["reading", "openai:b"])
    assert made == ["openai:a", "judge openai:b", "embedded", "embedded", "judge reading"]


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["play"], "local"),
        (["eval", "--judge", "scripted"], "local"),
        (["rejudge", "{run}", "--judge", "reading"], "local"),
        (["judge-check", "--judge", "embedded"], "local"),
        (["train", "{config}", "--dry-run"], "train"),
        (["train", "{config}"], "train"),
        (["bench", "--negotiators", "scripted:pushy", "scripted:liar", "--judge", "scripted"], "bench"),
    ],
)
def test_without_extras_a_command_ends_in_one_line_that_says_what_to_install(tmp_path, command, extra):
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({HIDDEN}))\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "episodes.jsonl").touch()
    (tmp_path / "train.toml").write_text('model = "embedded"\n')
    told = [each.format(run=tmp_path / "run", config=tmp_path / "train.toml") for each in command]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-m", "negotiation_env", *told], capture_output=True, text=True, cwd=tmp_path, env=surroundings
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert f"negotiation-env[{extra}]'" in done.stderr
