import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env.errors import UserError
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.specs import FILE, Spec, model_and_url, names, parse, single_specs, source_and_adapter
from tests.raw_server import Answer, raw_server

some_name = st.text(st.sampled_from('ab+,:@/" .\\é'), min_size=1)


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
    ],
)
def test_a_model_and_its_endpoint(text, found):
    assert model_and_url(text) == found


@pytest.mark.parametrize("text", ["m@localhost:8000/v1", "m@10.0.0.1:8000", "a@b@gpu-1.corp:80/v1", "", "@http://h/v1"])
def test_an_endpoint_that_cannot_be_meant_is_told(text):
    with pytest.raises(UserError, match=r"begins with http://|no name of a model"):
        model_and_url(text)


def test_a_panel_s_members_may_hold_commas():
    with raw_server(lambda _: Answer(404)) as server:
        spec = f'panel:median:"openai:a,b@{server.url}?x=1,2",openai:"c,d"@{server.url},scripted'
        panel = resolve_judge(spec, cache=False)
    first, second, third = panel.members
    assert (first.model.settings.model, first.model.settings.base_url) == ("a,b", f"{server.url}?x=1,2")
    assert (second.model.settings.model, second.model.settings.base_url) == ("c,d", server.url)
    assert "fake" in third.name


def test_a_panel_may_hold_a_panel():
    panel = resolve_judge('panel:mean:"panel:median:scripted,scripted",scripted')
    assert [type(member).__name__ for member in panel.members] == ["PanelJudge", "ScriptedJudge"]
