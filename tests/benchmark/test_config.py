from dataclasses import replace
from pathlib import Path

import pytest

from negotiation_env import load_scenarios
from negotiation_env.benchmark.config import BenchmarkConfig, Comparison, Decoding, Setting, read_benchmark
from negotiation_env.errors import UserError
from negotiation_env.game.scenario import Scenario
from tests.conftest import two_parties

TWO = {"base": "scripted:stubborn", "other": "scripted:pushy"}


def file_of(tmp_path, text):
    path = tmp_path / "bench.toml"
    path.write_text('negotiators = { base = "scripted:stubborn", other = "scripted:pushy" }\n' + text)
    return path


def test_a_file_says_what_differs_from_the_defaults(tmp_path):
    path = file_of(tmp_path, 'decoding = ["greedy"]\nmulti = 3\nhistory_turns = 2\n[comparisons]\nquality = "scripted"')
    config = read_benchmark(path, [], {})
    expected = BenchmarkConfig(TWO, decoding=(Decoding.GREEDY,), multi=3, history_turns=2)
    assert config == replace(expected, comparisons={"quality": "scripted"})


def test_the_first_negotiator_is_the_reference_unless_another_is_named():
    assert BenchmarkConfig(TWO).baseline == "base"
    assert BenchmarkConfig(TWO, reference="other").baseline == "other"


def test_negotiators_of_the_command_line_need_no_file():
    assert read_benchmark(None, ["embedded", "scripted:pushy"], {}).negotiators == {
        "embedded": "embedded",
        "scripted:pushy": "scripted:pushy",
    }


def test_negotiators_and_settings_of_the_command_line_take_the_place_of_the_file_s(tmp_path):
    path = file_of(tmp_path, 'reference = "other"\nseed = 5\nworkers = 2')
    config = read_benchmark(path, ["a", "b"], {"workers": 4})
    assert (list(config.negotiators), config.baseline, config.seed, config.workers) == (["a", "b"], "a", 5, 4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("turns = 3", "there is no key 'turns'"),
        ('seed = "x"', "seed: Input should be a valid integer"),
        ('decoding = ["beam"]', "decoding.0: Input should be 'sampled' or 'greedy'"),
        ('decoding = ["greedy", "greedy"]', "decoding: expected sampled or greedy, or both; got ['greedy', 'greedy']"),
        ("decoding = []", "decoding: expected sampled or greedy, or both; got []"),
        ('reference = "nobody"', "reference: expected one of ['base', 'other'], got 'nobody'"),
        (
            'panel = { other = "scripted:liar" }',
            "'alone', 'itself against alone'; got ['other'] twice",
        ),
        (
            'panel = { itself = "scripted:liar" }',
            "names of their own, other than 'itself', 'alone', ",
        ),
        ('panel = { "" = "scripted:liar" }', "got [''] twice"),
        ("conflict = 0\nmulti = 0\nopen = 0", "conflict, multi and open are all 0; give at least one"),
        ("open = -1", "open: expected 0 or more, got -1"),
        ("max_turns = 0", "max_turns: expected 2 or more, got 0"),
        ("max_turns = 1", "max_turns: expected 2 or more, got 1"),
        ("max_turn_tokens = 0", "max_turn_tokens: expected 1 or more, got 0"),
        ("history_turns = 0", "history_turns: expected 1 or more, got 0"),
        ('[comparisons.quality]\njudge = "x"\nsettings = []', "settings: expected one or more of eval_conflict"),
        ('[comparisons.quality]\njudge = "x"\nsettings = ["eval"]', "Input should be 'eval_conflict'"),
        (
            '[comparisons.quality]\njudge = "x"\nsetting = []',
            "there is no key 'comparisons.quality.setting' (did you mean settings?); the keys are judge, settings",
        ),
        ("cost_limit = -1.0", "cost_limit: expected 0 or more, got -1.0"),
        ("unscored_limit = 2", "unscored_limit: expected a share from 0 to 1, got 2"),
    ],
)
def test_a_wrong_setting_is_told_with_the_file_and_what_would_be_right(tmp_path, text, told):
    with pytest.raises(UserError) as error:
        read_benchmark(file_of(tmp_path, text), [], {})
    assert str(error.value).startswith(str(tmp_path / "bench.toml"))
    assert told in str(error.value)


def test_there_is_something_to_compare():
    with pytest.raises(UserError, match=r"expected two or more negotiators, got \['embedded'\]; add another"):
        read_benchmark(None, ["embedded"], {})
    with pytest.raises(UserError, match="name what is to be compared: a config file, or --negotiators A B"):
        read_benchmark(None, [], {})
    with pytest.raises(UserError, match=r"no benchmark file 'no-such\.toml'"):
        read_benchmark(Path("no-such.toml"), [], {})


def test_a_wrong_setting_of_the_command_line_is_told_too():
    with pytest.raises(UserError, match="workers: expected 1 or more, got 0"):
        read_benchmark(None, ["a", "b"], {"workers": 0})


def test_every_party_gets_to_speak_and_a_question_has_no_dialogue():
    config = BenchmarkConfig(TWO, max_turns=3)
    turns = {
        setting: config.rules(load_scenarios(setting), alone=setting is Setting.OPEN)["max_turns"]
        for setting in Setting
    }
    assert turns == {Setting.CONFLICT: 3, Setting.MULTI: 5, Setting.OPEN: 0}


def test_an_objective_can_name_where_it_means_something(tmp_path):
    long = '"conflict resolution" = { judge = "b.toml", settings = ["eval_conflict", "eval_multi"] }'
    config = read_benchmark(file_of(tmp_path, f'[comparisons]\nquality = "a.toml"\n{long}'), [], {})
    assert config.objectives == {
        "quality": Comparison("a.toml", tuple(Setting)),
        "conflict resolution": Comparison("b.toml", (Setting.CONFLICT, Setting.MULTI)),
    }


def test_only_of_a_model_the_decoding_can_be_chosen():
    specs = ("hf:x", "embedded", "openai:m", "m.toml", "scripted:liar", "human", "function:m:f", "python:m:f")
    config = BenchmarkConfig({spec: spec for spec in specs})
    assert [config.decodings(spec) for spec in specs] == [tuple(config.decoding)] * 4 + [(None,)] * 4


@pytest.mark.parametrize(
    ("scenarios", "told"),
    [
        ([two_parties(), two_parties()], ", line 2: the id 'well' stands in line 1; ids must differ"),
        (
            [two_parties(), Scenario("church", "What should become of it?")],
            ": expected scenarios with personas, got 'church' without any",
        ),
        ([], ": expected a file of scenarios, JSON lines, got an empty file"),
    ],
)
def test_scenarios_of_ones_own_are_negotiations_with_ids_that_differ(tmp_path, scenarios, told):
    path = tmp_path / "scenarios.jsonl"
    path.write_text("".join(each.to_json() + "\n" for each in scenarios), encoding="utf-8")
    config = BenchmarkConfig(TWO, conflict=1, conflict_split=str(path))
    with pytest.raises(UserError) as error:
        config.scenarios(Setting.CONFLICT)
    assert f"{path}{told}" in str(error.value)
    assert replace(config, conflict=0).scenarios(Setting.CONFLICT) == []


@pytest.mark.parametrize("limit", [float("nan"), float("inf")])
def test_a_cost_limit_that_nothing_could_exceed_is_none(limit):
    with pytest.raises(ValueError, match="cost_limit: expected 0 or more, got"):
        BenchmarkConfig(TWO, cost_limit=limit)
