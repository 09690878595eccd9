"""Inspect runs the task by its name, and its games are those of `negotiate eval`."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from negotiation_env.environment.episode import Episode, read_episodes
from negotiation_env.episodes.summary import Summary
from tests.helpers.bare_records import bare
from tests.helpers.command_line import negotiate
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not find_spec("inspect_ai"), reason="needs inspect_ai")]

SPLIT = ["--split", "eval_conflict", "--n", "3"]
JUDGE = "python:negotiation_env:ScriptedJudge"


def spoken(body):
    """Words that tell apart what was asked and the seed that it was asked with."""
    heard = body["messages"][-1]["content"]
    if "PROPOSE" in heard and body["seed"] % 2:
        return "That is fair.\nACCEPT"
    return f"PROPOSE: We share it, {body['seed'] % 97} parts of a hundred first."


def inspect_eval(server, folder, *arguments):
    """`inspect eval`, in a process of its own, and its log."""
    command = [Path(sys.executable).with_name("inspect"), "eval", "negotiation_env/negotiate", "--display", "plain"]
    names = {"TINY_API_KEY": "x", "TINY_BASE_URL": server.url, "INSPECT_LOG_DIR": str(folder), "NO_COLOR": "1"}
    done = subprocess.run([*command, *arguments], env=os.environ | names, capture_output=True, text=True)
    from inspect_ai.log import list_eval_logs, read_eval_log

    return done, [read_eval_log(each) for each in list_eval_logs(str(folder))]


def played(log):
    """The records in a log."""
    return [Episode.from_json(json.dumps(next(iter(each.scores.values())).metadata["episode"])) for each in log.samples]


def alike(episode):
    """What has to agree: all of a game but the name under which a tool calls its model, and what the calls took."""
    return bare(episode, usage={})


@pytest.mark.parametrize("settings", [{}, {"guards": "careful", "prompts": "handshake"}])
def test_inspect_plays_the_games_of_negotiate_eval(tmp_path, settings):
    with EndpointServer(spoken) as server:
        task = ["--model", "openai-api/tiny/m", "-T", "n=3", "-T", f"judge={JUDGE}", "-T"]
        task += [
            "opponent=scripted:compromising",
            *(part for each in settings.items() for part in ("-T", "=".join(each))),
        ]
        done, (log,) = inspect_eval(server, tmp_path / "logs", *task)
        assert log.status == "success", done.stdout + done.stderr
        agents = [f"openai:m@{server.url}", "scripted:compromising"]
        chosen = [*SPLIT, *(part for name, value in settings.items() for part in (f"--{name}", value))]
        assert negotiate("eval", "--agents", *agents, "--judge", JUDGE, *chosen, "--out", tmp_path).returncode == 0
    ours = {each.id: alike(each) for each in read_episodes(tmp_path / "episodes.jsonl")}
    assert {each.id: alike(each) for each in played(log)} == ours
    assert any(each.broken() for each in ours.values()) == bool(settings)
    summary = Summary.from_json((tmp_path / "summary.json").read_text())
    metrics = {name: each.value for name, each in log.results.scores[0].metrics.items()}
    assert metrics["reward"] == summary.reward.value
    assert (metrics["agreement_rate_low"], metrics["agreement_rate_high"]) == (
        summary.agreement_rate.low,
        summary.agreement_rate.high,
    )


def heard_or_judged(body):
    """What speaks and what judges in one; it fails to judge what was asked in Dubai."""
    if body["model"] != "judge":
        return spoken(body)
    return "No idea." if "Dubai" in body["messages"][-1]["content"] else judge_reply(body)


def test_models_of_inspect_take_the_other_roles_and_what_the_judge_fails_to_say_is_unscored(tmp_path):
    roles = ["--model-role", "opponent=openai-api/tiny/other", "--model-role", "judge=openai-api/tiny/judge"]
    with EndpointServer(heard_or_judged) as server:
        _, (log,) = inspect_eval(server, tmp_path, "--model", "openai-api/tiny/m", *roles, "-T", "n=3", "--epochs", "2")
    scores = [next(iter(each.scores.values())) for each in log.samples]
    episodes = played(log)
    unscored = {episode.id for episode, score in zip(episodes, scores, strict=True) if score.value != score.value}
    assert unscored == {each.id for each in episodes if "Dubai" in each.scenario.dilemma} != set()
    assert {score.reason for score in scores} == {None, "grader_failed"}
    assert log.results.scores[0].unscored_samples == 2 * len(unscored)
    assert len({each.seed for each in episodes}) == len(episodes) == 6
    assert {each.agents for each in episodes} == {("openai-api/tiny/m", "openai-api/tiny/other")}
    assert all(each.judge.startswith("openai-api/tiny/judge on") for each in episodes)
    place = [episode.failure for episode in episodes].index(None)
    shown = log.samples[place]
    assert [message.role for message in shown.messages][:3] == ["user", "assistant", "user"]
    assert shown.output.completion == episodes[place].turns[-1].text
    assert {"model", "info"} <= {event.event for event in shown.events}


def test_inspects_own_mock_model_plays_where_the_file_is_that_it_counts_tokens_with(tmp_path):
    tiktoken = pytest.importorskip("tiktoken")
    try:
        tiktoken.get_encoding("o200k_base")
    except OSError:  # requests' own errors
        pytest.skip("needs network, or TIKTOKEN_CACHE_DIR")
    with EndpointServer() as server:
        _, (log,) = inspect_eval(server, tmp_path, "--model", "mockllm/model", "-T", "n=2", "-T", f"judge={JUDGE}")
    assert {each.value for sample in log.samples for each in sample.scores.values()} == {3.0}


def test_guards_may_ask_the_model_in_the_role_of_the_judge(tmp_path):
    guards = tmp_path / "guards.toml"
    guards.write_text(
        '[asked]\nyields = "Does it yield?"\n[[constraint]]\nname = "firm"\nformula = "not yields"\nladder = ["end"]\n'
    )
    yes = json.dumps({"quote": "PROPOSE: We share it", "reason": "it says so", "answer": True})
    with EndpointServer(lambda body: yes if body["model"] == "judge" else spoken(body)) as server:
        roles = ["--model", "openai-api/tiny/m", "--model-role", "judge=openai-api/tiny/judge"]
        done, (log,) = inspect_eval(server, tmp_path / "logs", *roles, "-T", "n=1", "-T", f"guards={guards}")
    assert log.status == "success", done.stdout + done.stderr
    (episode,) = played(log)
    assert episode.outcome.reason == "ended by the guards: firm"


def test_what_the_task_cannot_play_is_told_in_one_line(tmp_path):
    with EndpointServer() as server:
        done, logs = inspect_eval(server, tmp_path, "--model", "openai-api/tiny/m", "-T", "split=nowhere")
    assert (done.returncode, logs) == (1, [])
    assert "no split or file 'nowhere'; expected one of train" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_game_that_guards_end_counts_as_it_does_in_negotiate_eval(tmp_path):
    guards = tmp_path / "guards.toml"
    guards.write_text('[[constraint]]\nname = "no_offer"\nformula = "not proposes"\nladder = ["end"]\n')
    with EndpointServer(spoken) as server:
        settings = ["-T", "n=2", "-T", f"judge={JUDGE}", "-T", f"guards={guards}"]
        done, (log,) = inspect_eval(server, tmp_path / "logs", "--model", "openai-api/tiny/m", *settings)
    assert log.status == "success", done.stdout + done.stderr
    assert [next(iter(each.scores.values())).value for each in log.samples] == [0.0, 0.0]
    assert log.results.scores[0].metrics["reward"].value == 0.0
