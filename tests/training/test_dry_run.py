import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from typer.testing import CliRunner

from negotiation_env.cli import app
from negotiation_env.errors import UserError
from negotiation_env.judges.llm_file import judge_files
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.dry_run import dry_run

EXAMPLE = Path(__file__).parents[2] / "examples" / "selfplay_embedded.toml"
JUDGE = """
[endpoint]
model = "m"
base_url = "http://127.0.0.1:9/v1"
prompt_price = 1.0
completion_price = 2.0
"""


def config(**changes):
    return TrainConfig(**{"model": "embedded", "judge": "scripted", "max_steps": 10} | changes)


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('model = "embedded"\njudge = "scripted"\nmax_steps = 10\n')
    return path


def negotiate(*arguments):
    return CliRunner().invoke(app, ["train", *map(str, arguments)], env={"COLUMNS": "80"})


def test_a_dry_run_shows_parameters_memory_and_work_and_writes_nothing(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    done = negotiate(recipe, "--dry-run", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    for told in ("134,515,008", "\nmemory a process, estimated", "questions to the judge", "not checked"):
        assert told in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert list(tmp_path.iterdir()) == [recipe]


def test_its_json_holds_the_config_the_budget_and_the_peak(recipe):
    found = json.loads(negotiate(recipe, "--dry-run", "--json", "--max_turns", "3").stdout)
    assert found["config"]["max_turns"] == 3
    assert found["budget"]["step"]["questions"] == 16 * 3
    memory = found["budget"]["memory"]
    assert memory["peak"] > sum(item["gib"] for item in memory["standing"])


def test_json_without_a_dry_run_is_refused(recipe):
    assert "add --dry-run" in str(negotiate(recipe, "--json").exception)


def test_the_rows_of_a_step_are_shared_by_the_processes(recipe):
    alone, shared = (
        json.loads(negotiate(recipe, "--dry-run", "--json", "--eval_split", "none", "--processes", n).stdout)
        for n in (1, 8)
    )
    assert alone["budget"]["step"] == shared["budget"]["step"]
    assert shared["budget"]["memory"]["peak"] < alone["budget"]["memory"]["peak"]
    assert any("ZeRO or FSDP" in told for told in shared["unchecked"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"split": "no-such"}, "no split or file 'no-such'"),
        ({"eval_split": "no-such"}, "no split or file 'no-such'"),
        ({"opponent": "clone"}, "no opponent 'clone'"),
        ({"opponent": "scripted:brave"}, "no script 'brave'"),
        ({"opponent": "python:nowhere:agent"}, "python:nowhere:agent cannot be loaded"),
        ({"opponent": "no-such.toml"}, "no endpoint file or agent file 'no-such.toml'"),
        ({"judge": "oracle"}, "no judge 'oracle'"),
        ({"judge": "no-such.toml"}, "no judge file 'no-such.toml'"),
        ({"judge": "panel:median:scripted"}, "a panel needs at least 2 judges"),
        ({"held_out_judge": "self"}, "no judge 'self'"),
        ({"rerank_ties": True}, "the judge scripted cannot order answers"),
        ({"rerank_ties": True, "judge": "panel:mean:scripted,embedded"}, "cannot order answers; use an LLM judge"),
        ({"engine": "vllm:node-a:8000"}, "expected vllm:http://HOST:PORT"),
        ({"max_turn_tokens": 3000}, "the longest conversation needs .* takes 8192; lower max_turns"),
        ({"model": "nobody/knows"}, "the shape of 'nobody/knows' is not known here"),
    ],
)
def test_what_cannot_work_is_told_before_the_run(changes, told):
    with pytest.raises(UserError, match=told):
        dry_run(config(**changes))


def test_processes_that_do_not_divide_the_rows_are_told():
    with pytest.raises(UserError, match="3 processes x micro_batch 1 must divide"):
        dry_run(config(), processes=3)


def test_an_llm_judge_s_calls_are_priced_without_calling_it(tmp_path):
    path = tmp_path / "judge.toml"
    path.write_text(JUDGE + "[judge]\nsamples = 3\nmax_tokens = 100\n")
    [bill] = dry_run(config(judge=str(path), max_turns=2, eval_split="none")).budget.bills
    assert bill.calls == 10 * 16 * 3 * 2
    assert bill.completion_tokens == 100 * bill.calls
    assert bill.dollars == pytest.approx((bill.prompt_tokens + 2 * bill.completion_tokens) / 1e6)


def test_a_held_out_judge_is_asked_in_the_evaluations_alone(tmp_path):
    path = tmp_path / "judge.toml"
    path.write_text(JUDGE)
    [bill] = dry_run(config(held_out_judge=str(path), max_turns=2, eval_scenarios=4)).budget.bills
    assert bill.calls == 2 * 4 * 2


def test_a_panel_has_the_bills_of_its_members(tmp_path):
    path = tmp_path / "judge.toml"
    path.write_text(JUDGE)
    assert [found.endpoint.model for found in judge_files(f"panel:mean:scripted,{path},openai:n@http://a/v1")] == [
        "m",
        "n",
    ]


def test_a_panel_s_members_may_hold_commas():
    [found] = judge_files('panel:mean:scripted,openai:"a,b"@http://h/v1')
    assert found.endpoint.model == "a,b"


def test_the_learner_as_its_own_judge_is_said_to_be_left_out():
    assert (
        "what the learner reads and says as its own judge is not counted"
        in dry_run(config(judge="self", eval_split="none")).unchecked
    )


def test_what_was_not_tried_is_named():
    found = dry_run(config(engine="vllm:http://node-a:8000", opponent={"frozen:1": 1, "openai:m@http://a/v1": 1}))
    assert "the engine: nobody was asked at http://node-a:8000" in found.unchecked
    assert "the opponent openai:m@http://a/v1: not tried" in found.unchecked


def test_no_password_is_told():
    url = "http://user:pass-word@node-a:8000"
    found = dry_run(config(engine=f"vllm:{url}", opponent=f"openai:m@{url}", judge=f"openai:j@{url}"))
    assert "pass-word" not in found.to_json() + str(found.unchecked)
    with pytest.raises(UserError, match="expected vllm:http://HOST:PORT") as told:
        dry_run(config(engine="vllm:http://user:pass#word@node-a"))
    assert "pass#word" not in str(told.value)


@pytest.mark.models
def test_a_tokenizer_that_is_here_is_used():
    from negotiation_env.agents.models.embedded import embedded_model

    found = dry_run(config(model=str(embedded_model()), adapter="none"))
    assert not any("3.2 characters" in told for told in found.unchecked)
    assert found.budget.context < dry_run(config()).budget.context
