"""Every example runs, and is short."""

import importlib.util
import json
import runpy
import sys
from pathlib import Path

import pytest

from negotiation_env import ScriptedJudge, load_scenarios
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.agents.specs import resolve_agent
from negotiation_env.episodes.runner import Game, play
from negotiation_env.judges.llm_file import read_llm_judge
from negotiation_env.judges.specs import resolve_judge
from tests.helpers.endpoint_server import EndpointServer

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_under_60_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.parametrize("name", ["custom_agent", "custom_function", "textarena_agent"])
def test_a_negotiator_of_ones_own_reaches_an_agreement(name):
    assert load(name).main(judge="scripted") == 3.0


@pytest.mark.parametrize(
    "spec",
    [
        "python:examples.custom_agent:Mediator",
        "function:examples.custom_function:speak",
        "python:examples.textarena_agent:Haggler",
    ],
)
def test_a_negotiator_of_ones_own_can_be_named(spec):
    agents = (resolve_agent(spec), ScriptedAgent("accommodating"))
    assert play(Game("g", load_scenarios("eval_conflict")[0], agents), ScriptedJudge()).outcome.agreed


def test_a_judge_of_ones_own_scores_and_can_be_named():
    assert load("custom_judge").main() == 1.0
    assert resolve_judge("function:examples.custom_judge:verdict").name == "function:examples.custom_judge:verdict"


def test_an_agent_of_textarena_is_one_of_its_agents_where_it_is_installed():
    textarena = pytest.importorskip("textarena")
    assert issubclass(load("textarena_agent").Haggler, textarena.Agent)


def test_without_textarena_its_example_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "textarena", None)
    with pytest.raises(SystemExit, match=r"pip install 'negotiation-env\[textarena\]'"):
        runpy.run_path(str(EXAMPLES / "textarena_agent.py"), run_name="__main__")


def test_the_official_client_plays_at_an_endpoint():
    def answer(asked):
        return "Good.\nACCEPT" if "PROPOSE:" in asked["messages"][-1]["content"] else "Hm.\nPROPOSE: We share it."

    with EndpointServer(answer) as server:
        assert load("openai_client").main("m", server.url, judge="scripted") == 3.0


def test_the_example_judge_file_can_be_read():
    found = read_llm_judge(EXAMPLES / "judge.toml")
    assert (found.criteria, found.endpoint.model, found.judge.samples) == ("collective_agency", "gpt-4o-mini", 3)


def test_runs_are_drawn_over_one_another(tmp_path):
    pytest.importorskip("torch")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        lines = [json.dumps({"step": step, "group_mean": step / 4}) for step in range(1, 5)]
        (tmp_path / name / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    load("compare_runs").main([f"trained={tmp_path / 'a'}", f"control={tmp_path / 'b'}"], tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.models
def test_four_parties_agree_on_a_dinner_that_the_embedded_judge_scores():
    episode = load("family_dinner").main()
    assert episode.outcome.agreed
    assert len(episode.agents) == 4
    assert 0.0 <= episode.reward <= 5.0
    assert "smoke-test judge" in episode.judge


@pytest.mark.models
def test_self_play_training_runs_from_end_to_end_on_the_embedded_model(tmp_path):
    from negotiation_env.agents.specs import resolve_model

    small = {
        "max_steps": 1,
        "group_size": 2,
        "micro_batch": 2,
        "groups_per_step": 1,
        "max_turns": 2,
        "eval_scenarios": 1,
    }
    short = {"max_turn_tokens": 8, "max_completion_tokens": 8, "save_steps": 1}
    result = load("self_play_training").main(tmp_path / "run", **small, **short)
    assert [entry["step"] for entry in result.log] == [1]
    assert (result.before.episodes, result.after.episodes) == (1, 1)
    assert "reading judge" in result.after.judge
    for name in ("config.toml", "episodes.jsonl", "metrics.jsonl", "summary.json", "reward.png", "adapter"):
        assert (tmp_path / "run" / name).exists(), name
    model = resolve_model(f"hf:embedded+{tmp_path / 'run' / 'adapter'}")
    assert model.name.startswith("hf:embedded+")
