import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env import ScriptedJudge, load_scenarios
from negotiation_env.agents.functions import FunctionAgent
from negotiation_env.agents.specs import resolve_agent, resolve_model
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.errors import UserError
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.specs import FILE, Spec, model_and_url, names, parse, single_specs, source_and_adapter
from negotiation_env.training.config import load_config
from tests.helpers.hostile import negotiate
from tests.helpers.raw_server import RawAnswer, raw_server

some_name = st.text(st.sampled_from('ab+,:@/" .\\é'), min_size=1).filter(str.strip)


def quoted(name):
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("embedded", Spec("embedded")),
        ("hf:c:/my model+x.toml", Spec("hf", "c:/my model+x.toml")),
        ("hf:", Spec("hf:")),
        ("gpt-4.1", Spec("gpt-4.1")),
        ("", Spec("")),
        ("judge.toml", Spec(FILE, "judge.toml")),
        ("openai.toml", Spec(FILE, "openai.toml")),
        (r"C:\judges\a.toml", Spec(FILE, r"C:\judges\a.toml")),
        ("./my:judge.toml", Spec(FILE, "./my:judge.toml")),
        ("panel:mean:a,b.toml", Spec("panel", "mean", ("a", "b.toml"))),
        ('panel:mean:"a,b",c,', Spec("panel", "mean", ("a,b", "c"))),
        ("panel:mean", Spec("panel", "mean")),
        ("panel", Spec("panel")),
    ],
)
def test_a_spec_is_its_kind_and_what_follows(text, found):
    assert parse(text) == found


@given(some_name, some_name)
def test_a_panel_s_members_come_back_whatever_they_are(first, second):
    assert parse(f"panel:median:{quoted(first)},{quoted(second)}").members == (first, second)


def test_the_members_of_a_panel_in_a_panel_are_found_and_a_single_spec_is_its_own():
    assert single_specs('panel:mean:"panel:median:a,b",c') == ["a", "b", "c"]
    assert single_specs("scripted:x,y") == ["scripted:x,y"]


@given(some_name, some_name)
def test_any_name_can_be_written_in_quotes(first, second):
    assert source_and_adapter(f"{quoted(first)}+{quoted(second)}") == (first, second)
    assert source_and_adapter(quoted(first)) == (first, None)
    assert names(f"{quoted(first)},{quoted(second)}") == [first, second]
    assert model_and_url(f"{quoted(first)}@http://h/v1") == (first, "http://h/v1")
    assert model_and_url(quoted(first)) == (first, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("embedded", ("embedded", None)),
        ("embedded+runs/train/adapter", ("embedded", "runs/train/adapter")),
        ("my models/a:b@c,d", ("my models/a:b@c,d", None)),
        ('"c++/model"+a+b', ("c++/model", "a+b")),
        ('model+"a+b"', ("model", "a+b")),
        ('5" disk/model', ('5" disk/model', None)),
        ("model+", ("model", None)),
    ],
)
def test_a_model_and_its_adapter(text, found):
    assert source_and_adapter(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gpt-4o-mini", ("gpt-4o-mini", None)),
        ("llama3:8b-q4+x", ("llama3:8b-q4+x", None)),
        ("claude@20240620", ("claude@20240620", None)),
        ("@cf/meta/llama-3-8b", ("@cf/meta/llama-3-8b", None)),
        ("m@http://h:8000/v1", ("m", "http://h:8000/v1")),
        ("m@HTTPS://h/v1", ("m", "HTTPS://h/v1")),
        ("qwen@q4_k_m@http://h/v1", ("qwen@q4_k_m", "http://h/v1")),
        ("m@http://u:p@ss@h/v1?a=b@c", ("m", "http://u:p@ss@h/v1?a=b@c")),
        ('"a@http://b"@http://h/v1', ("a@http://b", "http://h/v1")),
        ("my model@http://h/v1", ("my model", "http://h/v1")),
        ('"m@ftp://h"@http://h/v1', ("m@ftp://h", "http://h/v1")),
        ('"m@host/v1"', ("m@host/v1", None)),
        ('"http://h/v1"', ("http://h/v1", None)),
        ("gemini-1.5-pro@001", ("gemini-1.5-pro@001", None)),
        ("qwen@v2.5", ("qwen@v2.5", None)),
        ("claude@2024.06.20", ("claude@2024.06.20", None)),
        ("s3://bucket/model@http://h/v1", ("s3://bucket/model", "http://h/v1")),
        ("@cf/meta/llama-3-8b@http://h/v1", ("@cf/meta/llama-3-8b", "http://h/v1")),
        ("org/m:rev@q4@https://u:p@h/v1", ("org/m:rev@q4", "https://u:p@h/v1")),
    ],
)
def test_a_model_and_its_endpoint(text, found):
    assert model_and_url(text) == found


@pytest.mark.parametrize(
    "text",
    [
        *("m@localhost:8000/v1", "m@localhost", "m@10.0.0.1:8000", "m@10.0.0.1", "a@b@gpu-1.corp:80/v1", "m@[::1]:80"),
        *(
            "m@ftp://h/v1",
            "m@htp://h/v1",
            "m@://h/v1",
            "m@//h/v1",
            "m@http:/h/v1",
            "m@http//h",
            "m@https:h",
            "m@ws://h",
        ),
        *("m@host/v1", "m@api.example.com", "m@API.Example.com/v1", "m@ http://h/v1", "m@unix:/run/x", "m@h\\v1"),
        *("m@ftp://h@http://h/v1", "http://h/v1", "https://h", '"m"@host/v1', "m@user:pass-word@host/v1"),
        *("m@u:pass-word/x@h", "m@ftp://u:pass-word@h", "http://u:pass-word@h/v1"),
    ],
)
def test_what_looks_like_a_base_url_and_is_none_is_told_without_a_password(text):
    with pytest.raises(UserError, match=r"begins with http:// or https://, as in .* in double quotes") as told:
        model_and_url(text)
    assert "pass-word" not in str(told.value)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "@http://h/v1", '""@http://h/v1', '""', " ", " @http://h/v1", '" "@http://h'])
def test_an_endpoint_without_a_model_is_told(text):
    with pytest.raises(UserError, match="no name of a model"):
        model_and_url(text)


@pytest.mark.parametrize("text", ["", '""', "+adapter", '""+adapter', " +a"])
def test_an_adapter_without_a_model_is_told(text):
    with pytest.raises(UserError, match="got no model"):
        source_and_adapter(text)


def test_a_panel_s_members_may_hold_commas():
    with raw_server(lambda _: RawAnswer(404)) as server:
        spec = f'panel:median:"openai:a,b@{server.url}?x=1,2",openai:"c,d"@{server.url},scripted'
        panel = resolve_judge(spec, cache=False)
    first, second, third = panel.members
    assert (first.model.settings.model, first.model.settings.base_url) == ("a,b", f"{server.url}?x=1,2")
    assert (second.model.settings.model, second.model.settings.base_url) == ("c,d", server.url)
    assert "fake" in third.name


def test_a_panel_may_hold_a_panel():
    panel = resolve_judge('panel:mean:"panel:median:scripted,scripted",scripted')
    assert [type(member).__name__ for member in panel.members] == ["PanelJudge", "ScriptedJudge"]


HALF = "half\udcff"
NO_NAME = r"expected a name that UTF-8 can write, for records, got .*\\udcff.*; rename it"


@pytest.mark.parametrize(
    "spec",
    [
        "python:m:{}",
        "function:m:{}",
        "openai:{}@http://h/v1",
        "hf:{}",
        "{}.toml",
        "{}",
        "panel:mean:scripted,python:m:{}",
    ],
)
def test_a_spec_that_no_record_can_hold_is_told(spec):
    for resolve in (resolve_agent, resolve_model, resolve_judge):
        with pytest.raises(UserError, match=f"(agent|model|judge): {NO_NAME}"):
            resolve(spec.format(HALF))


@pytest.fixture
def odd(tmp_path, monkeypatch):
    (tmp_path / "odd.py").write_text(
        "from negotiation_env import ScriptedJudge\n"
        "class Made(ScriptedJudge):\n"
        "    name = 'half\\udcff'\n"
        "    def __init__(self): pass\n"
        "    def act(self, requests): return []\n"
        "class Numbered(Made):\n"
        "    name = 7\n"
        "def speak(text): return 'ACCEPT'\n"
        f"globals()[{HALF!r}] = speak\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("odd", None)


def test_what_a_factory_makes_needs_a_name_that_a_record_can_hold(odd):
    for resolve in (resolve_agent, resolve_judge):
        with pytest.raises(UserError, match=f"the (agent|judge) that python:odd:Made made: {NO_NAME}"):
            resolve("python:odd:Made")
        with pytest.raises(UserError, match=r"python:odd:Numbered made.* expected a (Judge|name)"):
            resolve("python:odd:Numbered")


def test_names_of_agents_and_judges_out_of_a_program_are_looked_at_before_a_run(tmp_path):
    judge, scenarios = ScriptedJudge(), load_scenarios("eval_conflict")[:1]
    agent = FunctionAgent(lambda _: "ACCEPT", name=HALF)
    with pytest.raises(UserError, match=NO_NAME):
        evaluate([agent], judge, scenarios, tmp_path / "run")
    agent.name, judge.name = "whole", HALF
    with pytest.raises(UserError, match=NO_NAME):
        evaluate([agent], judge, scenarios, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["eval", "--agents", f"function:odd:{HALF}", "--judge", "scripted"],
        ["play", "--agents", "python:odd:Made", "--judge", "scripted"],
        ["eval", "--agents", "scripted:liar", "--judge", "python:odd:Made"],
        ["eval", "--agents", "scripted:liar", "--judge", f"python:odd:{HALF}"],
    ],
)
def test_bytes_on_the_command_line_that_are_no_text_end_in_one_line(odd, arguments):
    code, _, told = negotiate(odd, *arguments)
    assert (code, told.count("\n")) == (2, 1)
    assert "expected a name that UTF-8 can write" in told


def test_settings_on_the_command_line_are_text(tmp_path):
    (tmp_path / "a.toml").write_text("")
    with pytest.raises(UserError, match=f"split: {NO_NAME}"):
        load_config(tmp_path / "a.toml", {"split": HALF})
