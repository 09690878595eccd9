"""verifiers' own `vf-eval`, installed as a reader would install it, plays our games against a server of the tests."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from negotiation_env import ChatAgent, Episode, Rules, ScriptedJudge, evaluate, load_scenarios, read_episodes
from negotiation_env.agents.specs import resolve_agent, resolve_model
from tests.docs.pages import ROOT, installed
from tests.helpers.bare_records import bare
from tests.helpers.endpoint_server import EndpointServer
from tests.interop.test_openenv import served

pytestmark = pytest.mark.slow

GAMES = 3
OFFER = "We both give a little.\nPROPOSE: Your plan first, then mine."


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """The `bin` of an environment with verifiers; NEGOTIATION_ENV_VERIFIERS names one that is there already."""
    if ready := os.environ.get("NEGOTIATION_ENV_VERIFIERS"):
        return Path(ready)
    command = 'pip install -q ".[verifiers]" "verifiers[openenv]"'
    return installed(tmp_path_factory.mktemp("verifiers"), command).programs


def negotiator(asked: Mapping[str, Any]) -> str:
    """Takes up what was proposed last; its own proposals depend on all that it was told."""
    told = "".join(message["content"] for message in asked["messages"])
    if "PROPOSE:" in asked["messages"][-1]["content"]:
        return "That keeps what we both need.\nACCEPT"
    return f"We can both live with this.\nPROPOSE: We share it and meet again in {len(told) % 90} days."


READ_THEIR_ENVIRONMENTS = """
import sys, tomllib, verifiers.v1 as vf
recipe = tomllib.load(open(sys.argv[1], "rb"))["orchestrator"]
for source in (*recipe["train"]["source"], *recipe["eval"]["source"]):
    config = vf.resolve_env_config(source["env"])
    print(type(vf.load_environment(config)).__name__, config.taskset.split, config.rules.complete_without_agreement)
"""


@dataclass(frozen=True)
class Evaluation:
    """What `vf-eval` said and left."""

    code: int
    said: str
    episodes: list[dict[str, Any]]

    @property
    def traces(self) -> list[dict[str, Any]]:
        return [trace for episode in self.episodes for trace in episode["traces"]]

    @property
    def records(self) -> list[Episode]:
        found = [trace["info"] for trace in self.traces if trace["agent"]["name"] == "learner"]
        return [Episode.from_json(json.dumps(info["negotiation"])) for info in found]


def vf_eval(programs: Path, out: Path, url: str, *options: str, model: str = "m") -> Evaluation:
    chosen = ["negotiation-verifiers", "--env.taskset.split", "eval_conflict", "-n", str(GAMES)]
    return evaluation(programs, out, *chosen, "--model", model, "--client.base-url", url, *options)


def evaluation(programs: Path, out: Path, *options: str) -> Evaluation:
    command = [programs / "vf-eval", *options, "--output-dir", out, "--no-push", "--no-rich"]
    surroundings = {**os.environ, "OPENAI_API_KEY": "none"}
    done = subprocess.run(command, env=surroundings, cwd=out, capture_output=True, text=True, timeout=300)
    lines = [line for path in out.glob("*/traces.jsonl") for line in path.read_text().splitlines()]
    return Evaluation(done.returncode, done.stdout + done.stderr, list(map(json.loads, lines)))


def alike(episode: Episode) -> Episode:
    """Without what names the run and the client: ids, names of agents, and what only a client of ours reports."""
    return replace(bare(episode, usage={}, model="", tokens=None), id="")


GUARDS = """
[[constraint]]
name = "reason_first"
formula = "accepts implies once gives_reason"
ladder = ["ask_again", "replace", "feedback"]
told = "Say why before you accept."
"""


@pytest.mark.filterwarnings("ignore:scripted judge .* sees agreement by the tags")
@pytest.mark.parametrize("guarded", [False, True])
def test_games_with_a_scripted_opponent_are_those_of_negotiate_eval(programs, tmp_path, guarded):
    (guards := tmp_path / "guards.toml").write_text(GUARDS)
    chosen = ["--env.judge", "scripted", "--env.opponent-agent", "scripted:stubborn", "--env.taskset.seed", "5"]
    chosen += ["--env.guards", str(guards), "--env.prompts", "natural"] if guarded else []
    settings = {"guards": guards, "prompts": "natural"} if guarded else {}
    with EndpointServer(negotiator) as server:
        played = vf_eval(programs, tmp_path, server.url, *chosen)
        theirs = {request["messages"][-1]["content"] for request in server.requests}
    with EndpointServer(negotiator) as server:
        agents = [ChatAgent(resolve_model(f"openai:m@{server.url}")), resolve_agent("scripted:stubborn")]
        scenarios = load_scenarios("eval_conflict", seed=5)[:GAMES]
        evaluate(agents, ScriptedJudge(), scenarios, tmp_path / "ours", seed=5, **settings)
        ours = {request["messages"][-1]["content"] for request in server.requests}
    expected = {each.scenario.id: alike(each) for each in read_episodes(tmp_path / "ours" / "episodes.jsonl")}
    assert {each.scenario.id: alike(each) for each in played.records} == expected
    assert theirs == ours
    assert {each.outcome.agreed for each in played.records} == {True}
    assert any(turn.refused for each in played.records for turn in each.turns) == guarded


def test_each_role_has_its_trace_and_only_the_learner_is_trained(programs, tmp_path):
    with EndpointServer(negotiator) as server:
        played = vf_eval(programs, tmp_path, server.url, "--env.judge", "scripted")
    assert [episode["ok"] for episode in played.episodes] == [True] * GAMES
    trained = {(trace["agent"]["name"], trace["agent"]["trainable"]) for trace in played.traces}
    assert trained == {("learner", True), ("opponent", False), ("writer", False)}
    for record, episode in zip(played.records, played.episodes, strict=True):
        rewards = {trace["agent"]["name"]: trace["rewards"] for trace in episode["traces"]}
        told = {"collective_agency": {"score": record.reward, "weight": 1.0}}
        assert rewards == {"learner": told, "opponent": told, "writer": {}}
        assert record.reward is not None
        assert record.outcome.completion


def test_the_same_policy_may_be_trained_in_both_seats(programs, tmp_path):
    with EndpointServer(negotiator) as server:
        played = vf_eval(programs, tmp_path, server.url, "--env.judge", "scripted", "--env.train-opponent")
    trained = {trace["agent"]["name"] for trace in played.traces if trace["agent"]["trainable"]}
    assert trained == {"learner", "opponent"}


def test_an_unscored_game_is_played_again_and_is_no_number(programs, tmp_path):
    with EndpointServer(lambda _: "I would rather not say.") as server:
        judge = f"openai:m@{server.url}"
        with EndpointServer(negotiator) as policy:
            options = (
                "--env.judge",
                judge,
                "--env.retries.max-retries",
                "1",
                "--env.opponent-agent",
                "scripted:stubborn",
            )
            played = vf_eval(programs, tmp_path, policy.url, *options)
    assert [episode["ok"] for episode in played.episodes] == [False] * GAMES
    seats = [trace for trace in played.traces if trace["agent"]["trainable"]]
    assert {(trace["ok"], len(trace["rewards"])) for trace in seats} == {(False, 0)}
    assert [record.reward for record in played.records] == [None] * GAMES
    errors = [error["message"] for episode in played.episodes for error in episode["errors"]]
    assert all("unscored" in error for error in errors if "run()" in error)
    assert sum("run()" in error for error in errors) == 2 * GAMES


THEIR_TASKSET = """
model = "m"
client = {{ base_url = "{policy}" }}

[env]
taskset = {{ id = "openenv", base_url = "{seat}", resets = {resets} }}
player = {{ runtime = {{ type = "subprocess" }}, harness = {{ id = "negotiation-verifiers" }} }}
"""


def after_four_turns(question):
    return len(question.dialogue) >= 4


@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_verifiers_own_taskset_for_openenv_plays_in_our_server_the_games_of_an_evaluation(programs, tmp_path):
    pytest.importorskip("openenv")
    from negotiation_env.interop.openenv_server import seat_app

    scenarios, judge = load_scenarios("eval_conflict")[:GAMES], ScriptedJudge(4.0, agrees=after_four_turns)
    resets = ", ".join(f'{{ seed = 5, scenario = "{each.id}" }}' for each in scenarios)
    with EndpointServer(lambda _: OFFER) as policy, served(seat_app("scripted:stubborn", judge, scenarios)) as seat:
        told = THEIR_TASKSET.format(policy=policy.url, seat=seat, resets=f"[{resets}]")
        (tmp_path / "eval.toml").write_text(told)
        played = evaluation(programs, tmp_path, "@", str(tmp_path / "eval.toml"), "-n", str(GAMES))
        seen = [json.loads(request["messages"][-1]["content"])["observation"] for request in policy.requests]
    with EndpointServer(lambda _: OFFER) as policy:
        agents = [ChatAgent(resolve_model(f"openai:m@{policy.url}")), resolve_agent("scripted:stubborn")]
        evaluate(agents, judge, scenarios, tmp_path / "ours", seed=5)
        ours = [request["messages"] for request in policy.requests]
    assert sorted(map(str, ours)) == sorted(str(each["messages"]) for each in seen)
    rewards = {episode.reward for episode in read_episodes(tmp_path / "ours" / "episodes.jsonl")}
    assert {trace["rewards"]["openenv_reward"]["score"] for trace in played.traces} == rewards == {4.0}


def test_a_window_on_the_dialogue_is_refused_with_the_reason(programs, tmp_path):
    played = vf_eval(programs, tmp_path, "http://127.0.0.1:9/v1", "--env.rules.history-turns", "2")
    assert played.code != 0
    told = " ".join(played.said.replace("│", " ").split())
    assert "expected no history_turns: a trace of verifiers only grows, and no turn is taken out of it again" in told


def test_a_single_agent_answers_alone_and_is_trained_on_its_answer(programs, tmp_path):
    with EndpointServer(negotiator) as server:
        played = vf_eval(programs, tmp_path, server.url, "--env.judge", "scripted", "--env.rules.max-turns", "0")
    assert {(trace["agent"]["name"], trace["agent"]["trainable"]) for trace in played.traces} == {("learner", True)}
    assert {each.rules for each in played.records} == {Rules(max_turns=0)}


def test_verifiers_reads_the_environments_of_the_recipe_for_prime_rl(programs):
    recipe = ROOT / "examples" / "recipes" / "prime_rl" / "self_play.toml"
    command = [programs / "python", "-c", READ_THEIR_ENVIRONMENTS, recipe]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.split("\n")[:2] == [
        "NegotiationVerifiersEnv train False",
        "NegotiationVerifiersEnv eval_conflict True",
    ]


@pytest.mark.vllm
def test_a_real_model_plays_all_roles(programs, vllm_server, tmp_path):
    options = ("--env.judge", "scripted", "--env.rules.complete-without-agreement", "--env.rules.max-turns", "4")
    short = ("--sampling.max-tokens", "48", "--sampling.temperature", "0.7")
    played = vf_eval(programs, tmp_path, f"{vllm_server}/v1", *options, *short, model="policy")
    assert [episode["ok"] for episode in played.episodes] == [True] * GAMES
    assert {each.outcome.score for each in played.records} == {3.0}
    assert {trace["agent"]["name"] for trace in played.traces} == {"learner", "opponent", "writer"}
