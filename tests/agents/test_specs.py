import sys

import pytest

from negotiation_env import Reply, Request, ScriptedJudge, resolve_judge
from negotiation_env.agents.scripted import SCRIPTS
from negotiation_env.agents.specs import resolve_agent
from negotiation_env.errors import UserError
from negotiation_env.game.events import Task


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_has_a_spec(name):
    assert resolve_agent(f"scripted:{name}").name == f"scripted:{name}"


def test_a_users_own_function_agent_and_judge_are_loaded_by_name():
    assert resolve_agent("function:textwrap:dedent").act([]) == []
    assert isinstance(resolve_agent("python:negotiation_env.agents.human:HumanAgent").act([]), list)
    assert isinstance(resolve_judge("python:negotiation_env.judges.scripted:ScriptedJudge"), ScriptedJudge)


def test_the_working_directory_is_searched_for_a_users_own(tmp_path, monkeypatch):
    (tmp_path / "own_negotiators.py").write_text(
        "def hum(observation):\n    return 'Hm.'\n\ndef make():\n    return hum\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for spec in ("function:own_negotiators:hum", "python:own_negotiators:make"):
        agent = resolve_agent(spec)
        assert agent.name == spec
        assert agent.act([Request("g", 0, Task.UTTERANCE, ({"role": "user", "content": "?"},), 0)]) == [Reply("Hm.")]


def test_a_package_of_ones_own_comes_before_one_of_that_name_in_the_checkout(tmp_path, monkeypatch):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").touch()
    (tmp_path / "agents" / "mine.py").write_text("def hum(observation):\n    return 'Hm.'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "agents", raising=False)
    assert resolve_agent("function:agents.mine:hum").name == "function:agents.mine:hum"
    for name in ("agents", "agents.mine"):
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("spec", ["", "scripted", "hf:", "openai:", "gpt-9", "function"])
def test_an_unknown_spec_is_told_with_those_there_are(spec):
    with pytest.raises(UserError, match="expected one of: embedded, trained, hf:ID_OR_DIR"):
        resolve_agent(spec)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("python:json", "expected python:MODULE:NAME"),
        ("function:json", "expected function:MODULE:NAME"),
        ("python:no_such_module:x", "cannot be loaded"),
        ("python:json:no_such_name", "cannot be loaded"),
        ("python:json:__name__", "expected a function or class"),
        ("python:pathlib:Path", "made a PosixPath; expected an Agent"),
        ("python:textwrap:dedent", "without arguments .*; name a function from text to text as function:MODULE:NAME"),
        ("function:no_such_module:x", "cannot be loaded"),
        ("function:json:__name__", "expected a function or class"),
    ],
)
def test_a_wrong_factory_is_told(spec, told):
    with pytest.raises(UserError, match=told):
        resolve_agent(spec)


def test_an_endpoint_where_nobody_answers_is_told():
    with pytest.raises(UserError, match="nobody answers at"):
        resolve_agent("openai:any@http://127.0.0.1:9/v1")
