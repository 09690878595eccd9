"""Prompt sets from the command line: by default what the judge needs, or somebody's own; and what a run is held to."""

import json
from importlib.resources import files

import pytest

from negotiation_env.environment.episode import read_episodes
from tests.helpers.command_line import negotiate
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply, material

SCRIPTED = ("--agents", "scripted:stubborn", "--judge", "scripted", "--n", "2")


def own_set(folder, words="Talk"):
    shipped = files("negotiation_env.game").joinpath("prompt_sets", "handshake.toml").read_text(encoding="utf-8")
    folder.mkdir(exist_ok=True)
    text = shipped.replace('name = "handshake"', 'name = "mine"').replace("Each turn:", f"{words}, each turn:")
    (folder / "prompts.toml").write_text(text, encoding="utf-8")
    return folder


def told(out):
    return [episode.prompts for episode in read_episodes(out / "episodes.jsonl")]


def free_talk(asked):
    """A party that speaks freely, and a judge that sees agreement once all have spoken."""
    if "response_format" not in asked:
        return "I agree to share the water by the hour."
    reply = json.loads(judge_reply(asked))
    if "agreed" in reply:
        reply |= {"agreed": len(material(asked)["dialogue"]) > 1, "direction": "sharing by the hour"}
    return json.dumps(reply)


@pytest.mark.parametrize("split", ["eval_conflict", "eval_multi"])
def test_with_a_judge_that_reads_no_request_holds_a_tag_of_the_handshake(tmp_path, monkeypatch, split):
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    out = tmp_path / "run"
    with EndpointServer(free_talk) as server:
        model = f"openai:m@{server.url}"
        done = negotiate(
            *("eval", "--agents", model, "--judge", model, "--split", split, "--n", "3"), "--no-cache", "--out", out
        )
    assert done.returncode == 0, done.stderr
    turns = [body for body in server.bodies if b"response_format" not in body]
    assert len(turns) >= 3 * 3
    assert [body for body in server.bodies if b"PROPOSE" in body or b"ACCEPT" in body or b"Begin." in body] == []
    assert {each.split()[0] for each in told(out)} == {"natural"}
    assert all(episode.outcome.agreed for episode in read_episodes(out / "episodes.jsonl"))


def test_a_set_of_ones_own_plays_and_a_run_is_not_resumed_once_it_has_changed(tmp_path):
    out, folder = tmp_path / "run", own_set(tmp_path / "mine")
    agent = tmp_path / "talker.py"
    agent.write_text("def speak(text):\n    return 'Let us talk.'\n", encoding="utf-8")
    command = ("eval", *SCRIPTED, "--prompts", folder, "--out", out)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        command = (*command, "--agents", "function:talker:speak")
        assert negotiate(*command).returncode == 0
        lines = (out / "episodes.jsonl").read_bytes().splitlines(keepends=True)
        assert all("mine 1 " in each for each in told(out))
        (out / "episodes.jsonl").write_bytes(lines[0])
        assert negotiate(*command, "--resume").returncode == 0
        assert (out / "episodes.jsonl").read_bytes() == b"".join(lines)
        own_set(folder, "Speak")
        refused = negotiate(*command, "--resume")
    assert refused.returncode == 2
    assert "prompts was" in refused.stderr
    assert "mine 1 " in refused.stderr
    assert (out / "episodes.jsonl").read_bytes() == b"".join(lines)


def test_a_run_of_before_there_were_sets_goes_on_with_the_handshake(tmp_path):
    out = tmp_path / "run"
    assert negotiate("eval", *SCRIPTED, "--out", out).returncode == 0
    (now,) = set(told(out))
    whole = (out / "episodes.jsonl").read_bytes()
    for name in ("run.json", "episodes.jsonl"):
        (out / name).write_bytes((out / name).read_bytes().replace(now.encode(), b"v1"))
    (out / "episodes.jsonl").write_bytes((out / "episodes.jsonl").read_bytes().splitlines(keepends=True)[0])
    assert negotiate("eval", *SCRIPTED, "--out", out, "--resume").returncode == 0
    assert (out / "episodes.jsonl").read_bytes().replace(b"v1", now.encode()) == whole


@pytest.mark.filterwarnings("default::UserWarning")
def test_a_mismatch_of_judge_and_prompts_is_told_in_one_line_by_a_run_and_by_the_doctor(tmp_path):
    done = negotiate(
        *("eval", "--agents", "function:builtins:str", "--judge", "scripted", "--n", "2", "--prompts", "natural"),
        *("--out", tmp_path / "run"),
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("negotiate: warning: scripted judge (a fake) sees agreement by the tags")
    found = negotiate("doctor", "--agents", "function:builtins:str", "--judge", "scripted", "--prompts", "natural")
    assert found.returncode == 1
    assert "does not ask for" in " ".join(found.stdout.split())


def test_the_doctor_looks_at_the_sets_that_agents_bring_themselves(tmp_path):
    with EndpointServer(free_talk) as server:
        (tmp_path / "server.toml").write_text(f'model = "m"\nbase_url = "{server.url}"\napi_key_env = ""\n')
        (tmp_path / "free.toml").write_text('agent = "server.toml"\nprompts = "natural"\n')
        free = negotiate("doctor", "--agents", tmp_path / "free.toml", "--judge", "scripted")
    assert free.returncode == 1
    assert "does not ask for" in " ".join(free.stdout.split())
    tagged = negotiate("doctor", "--agents", "scripted:stubborn", "--judge", "scripted", "--prompts", "natural")
    assert tagged.returncode == 0
    assert "ok  prompts      handshake 1" in tagged.stdout


@pytest.mark.parametrize("command", ["play", "eval", "doctor"])
def test_a_set_that_is_not_there_is_told_before_anything_is_played(tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = negotiate(command, "--agents", "scripted:stubborn", "--judge", "scripted", "--prompts", "naturl")
    assert done.returncode == 2
    assert "no prompt set 'naturl' (did you mean natural?); expected natural, natural.de, handshake" in done.stderr
    assert not list(tmp_path.rglob("episodes.jsonl"))
