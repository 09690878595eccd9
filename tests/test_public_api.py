"""What users may import: one list, and nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import negotiation_env

ROOT = Path(__file__).parents[1]
PUBLIC = {
    "the environment and its rules": "env raw_env NegotiationEnv Rules step_many",
    "what is negotiated": "Scenario Persona load_scenarios",
    "what the parties are told": "PromptSet load_prompts",
    "the record": "Episode read_episodes",
    "games and runs": "Game play play_many evaluate bench rejudge write_report",
    "by name": "resolve_agent resolve_judge",
    "agents": "ScriptedAgent FunctionAgent ChatAgent",
    "judges": "EmbeddedJudge LLMJudge FunctionJudge",
    "the seams": "Agent Judge ChatModel",
    "values in their signatures": "Request Reply Question Verdict ChatRequest",
    "values in these": "Task QuestionKind Utterance JudgeCall Sampling TokenTrace Alternatives",
    "fakes": "FakeModel ScriptedJudge",
    "errors": "NegotiationError UserError MissingExtra IllegalMove JudgeError ModelError",
    "errors of runs": "EngineError Diverged Interrupted",
}
SCRIPTS = {"compare_runs", "self_play_training"}
"""Of training, which is no part of the public API yet."""


def listed() -> list[str]:
    return [name for names in PUBLIC.values() for name in names.split()]


def test_the_public_api_is_exactly_this_list():
    assert sorted(negotiation_env.__all__) == sorted(listed())


@pytest.mark.parametrize("name", listed())
def test_a_public_name_is_what_it_is_called(name):
    assert getattr(negotiation_env, name).__name__ == name
    assert name in dir(negotiation_env)


def test_type_checkers_see_the_names_where_they_are_loaded_from():
    tree = ast.parse(Path(negotiation_env.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    homes = {name: f"negotiation_env.{home}" for name, home in negotiation_env._HOME_OF.items()}
    assert seen == homes
    assert set(seen) == set(listed())


def test_another_name_is_refused_as_of_any_module():
    with pytest.raises(AttributeError, match="module 'negotiation_env' has no attribute 'Negotiation'"):
        negotiation_env.Negotiation  # noqa: B018 - the look is what is tested


def test_the_import_loads_neither_environment_nor_games():
    code = "import negotiation_env, sys; print(*(name for name in sys.modules if name.startswith('negotiation_env.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["negotiation_env.version"]


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_an_example_imports_public_names_only(path):
    if path.stem in SCRIPTS:
        pytest.skip("a script of training")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "negotiation_env":
            assert node.module == "negotiation_env"
            assert {alias.name for alias in node.names} <= set(listed())


def test_a_path_may_be_text(tmp_path):
    from negotiation_env import ScriptedAgent, ScriptedJudge, bench, evaluate, load_scenarios, read_episodes, rejudge

    run, other = str(tmp_path / "run"), str(tmp_path / "bench")
    agents = [ScriptedAgent("accommodating"), ScriptedAgent("compromising")]
    evaluate(agents, ScriptedJudge(), load_scenarios("eval_conflict")[:1], run)
    assert len(list(read_episodes(f"{run}/episodes.jsonl"))) == rejudge(run, ScriptedJudge()).episodes == 1
    settings = {
        "judge": "scripted",
        "conflict": 1,
        "open": 0,
        "multi": 0,
        "comparisons": {},
        "panel": {"stubborn": "scripted:stubborn"},
    }
    assert bench(out=other, negotiators=["scripted:compromising", "scripted:liar"], **settings)
    pytest.importorskip("matplotlib")
    assert negotiation_env.write_report(run, f"{run}/page.html", beside=run).exists()
