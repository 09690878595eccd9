"""What a name stands for is part of a run: it goes on with the same code and weights only."""

import sys

import pytest
from typer.testing import CliRunner

from negotiation_env import ScriptedJudge
from negotiation_env.agents.contents import contents_of
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.cli import app
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.rejudge import rejudge
from tests.conftest import two_parties

MAIN = """
import json
from helper import WORDS

def say(text):
    from package.deep import more
    return WORDS + more()

def judge():
    from negotiation_env import ScriptedJudge
    return ScriptedJudge()
"""
FILES = {
    "main_agent.py": MAIN,
    "helper.py": "WORDS = 'No.'\n",
    "package/__init__.py": "",
    "package/deep.py": "from .leaf import leaf\nfrom . import other\n\ndef more():\n    return leaf()\n",
    "package/leaf.py": "from package import deep\n\ndef leaf():\n    return '!'\n",
    "package/other.py": "",
    "aside.py": "",
    "package/aside.py": "",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, code in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("main_agent", "helper", "package", "package.deep", "package.leaf", "package.other"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", FILES)
def test_the_code_of_an_agent_is_its_module_and_what_it_imports_from_beside_it(folder, name):
    spec = "function:main_agent:say"
    before = contents_of([spec])
    assert contents_of([spec]) == before
    (folder / name).write_text(FILES[name] + "# other\n")
    assert (contents_of([spec]) == before) == ("aside" in name)


def test_a_module_in_a_package_brings_the_package(folder):
    before = contents_of(["python:package.deep:more"])
    (folder / "package" / "leaf.py").write_text("def leaf():\n    return '?'\n")
    assert contents_of(["python:package.deep:more"]) != before


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"])
@pytest.mark.parametrize("part", ["model", "adapter"])
def test_of_a_model_and_its_adapter_every_file_counts_but_their_notes(tmp_path, part, name):
    for each in ("model", "adapter"):
        (tmp_path / each).mkdir()
        (tmp_path / each / "weights.safetensors").write_bytes(b"weights")
    spec = f"hf:{tmp_path / 'model'}+{tmp_path / 'adapter'}"
    before = contents_of([spec])
    (tmp_path / part / "README.md").write_text("# Notes")
    assert contents_of([spec]) == before
    (tmp_path / part / name).write_bytes(b"other")
    assert contents_of([spec]) != before


def test_what_says_all_of_itself_is_left_out(tmp_path):
    (tmp_path / "m.toml").write_text('model = "m"\nbase_url = "http://127.0.0.1:1/v1"\nconcurrency = 3\n')
    plain = ["embedded", "trained", "vllm:trained", "scripted:stubborn", "human", "openai:m", "hf:organisation/model"]
    assert contents_of(plain, ["embedded", "scripted", "openai:m", "judge.toml", "panel:mean:scripted,embedded"]) == {}
    assert contents_of([str(tmp_path / "m.toml")]) == {str(tmp_path / "m.toml"): "openai:m@http://127.0.0.1:1/v1"}


def test_a_panel_is_its_members(folder):
    spec = "panel:mean:scripted,python:main_agent:judge"
    before = contents_of([], [spec])
    (folder / "helper.py").write_text("WORDS = 'Yes.'\n")
    assert list(contents_of([], [spec])) == [spec]
    assert contents_of([], [spec]) != before


def negotiate(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


EVALUATION = ["eval", "--n", 2, "--agents"]


@pytest.mark.parametrize(
    ("agent", "judge", "named"),
    [
        ("function:main_agent:say", "scripted", "function:main_agent:say"),
        ("scripted:stubborn", "python:main_agent:judge", "python:main_agent:judge"),
    ],
)
def test_an_evaluation_goes_on_only_with_the_code_that_it_began_with(folder, agent, judge, named):
    command = [*EVALUATION, agent, "--judge", judge, "--out", folder / "run"]
    assert negotiate(*command).exit_code == 0
    assert negotiate(*command, "--resume").exit_code == 0
    games = (folder / "run" / "episodes.jsonl").read_bytes()
    (folder / "helper.py").write_text("WORDS = 'Yes.'\n")
    assert f"contents.{named} was" in str(negotiate(*command, "--resume").exception)
    assert (folder / "run" / "episodes.jsonl").read_bytes() == games


def test_an_evaluation_goes_on_only_with_the_adapter_that_it_began_with(tmp_path, monkeypatch):
    pytest.importorskip("torch")  # of the extra that these agents need
    monkeypatch.setattr("negotiation_env.agents.needs.resolve_agent", lambda spec, traffic: ScriptedAgent("stubborn"))
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text('{"r": 8}')
    command = [*EVALUATION, f"hf:embedded+{tmp_path / 'adapter'}", "--judge", "scripted", "--out", tmp_path / "run"]
    assert negotiate(*command).exit_code == 0
    assert negotiate(*command, "--resume").exit_code == 0
    (tmp_path / "adapter" / "adapter_config.json").write_text('{"r": 16}')
    assert "contents.hf:embedded+" in str(negotiate(*command, "--resume").exception)


def test_a_generation_goes_on_only_with_the_model_that_it_began_with(tmp_path):
    from tests.helpers.endpoint_server import EndpointServer

    with EndpointServer(lambda _: "{}") as server:
        author = tmp_path / "author.toml"
        author.write_text(f'model = "m"\nbase_url = "{server.url}"\n')
        command = ["generate", "open", "--model", author, "--judge", "none", "--n", 1, "--no-minilm", "--no-shipped"]
        assert negotiate(*command, "--out", tmp_path / "run").exit_code == 0
        assert negotiate(*command, "--out", tmp_path / "run", "--resume").exit_code == 0
        author.write_text(f'model = "another"\nbase_url = "{server.url}"\n')
        assert "is 'openai:another@" in str(negotiate(*command, "--out", tmp_path / "run", "--resume").exception)


def test_a_judge_whose_code_is_another_is_asked_again_and_one_that_is_the_same_is_not(tmp_path):
    class Counting(ScriptedJudge):
        asked = 0

        def judge(self, questions):
            self.asked += len(questions)
            return super().judge(questions)

    evaluate([ScriptedAgent("stubborn")], ScriptedJudge(), [two_parties()], tmp_path, max_turns=2)
    asked = []
    for contents in ("", "", "a digest", "a digest", "another"):
        judge = Counting()
        rejudge(tmp_path, judge, contents=contents)
        asked.append(judge.asked)
    assert asked == [1, 0, 1, 0, 1]
