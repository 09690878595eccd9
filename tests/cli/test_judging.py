import json
import platform

import pytest
from typer.testing import CliRunner

from negotiation_env.cli import app
from negotiation_env.errors import UserError
from negotiation_env.judges.scripted import ScriptedJudge


def odd_judge():
    judge = ScriptedJudge(score=lambda question: len(question.completion) % 6)
    judge.name = "a judge [bold]in brackets[/bold]"
    return judge


ODD = f"python:{__name__}:odd_judge"


def negotiate(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "80"})


def test_judge_check_names_judge_and_set_and_fits_in_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = negotiate("judge-check", "--judge", ODD)
    assert done.exit_code == 0, done.output
    assert "judge: a judge [bold]in brackets[/bold]" in done.stdout
    assert "set: judge_check.jsonl, 240 texts" in done.stdout
    assert "…" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_judge_check_prints_and_writes_the_same_json(tmp_path):
    done = negotiate("judge-check", "--judge", "scripted", "--json", "--out", tmp_path / "new" / "check.json")
    assert done.stdout == (tmp_path / "new" / "check.json").read_text(encoding="utf-8")
    assert json.loads(done.stdout)["ca.macro_pairwise"] == 0.5
    assert json.loads(done.stdout)["made_with"]["python"] == platform.python_version()


def test_judge_compare_shows_both_judges_in_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = negotiate("judge-compare", ODD, "scripted")
    assert "A: a judge [bold]in brackets[/bold]" in done.stdout
    assert "B: scripted judge (a fake)" in done.stdout
    assert "…" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_judge_compare_prints_json_only():
    told = json.loads(negotiate("judge-compare", ODD, "scripted", "--json").stdout)
    assert told["second_unscored"] == 0
    assert f"{ODD}: cli/test_judging.py" in told["made_with"]["sha256"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["judge-check", "--set", "no-such.jsonl"], "no labelled set 'no-such.jsonl'"),
        (["judge-check", "--judge", "oracle"], "no judge 'oracle'"),
        (["judge-compare", "scripted", "oracle"], "no judge 'oracle'"),
    ],
)
def test_what_a_user_can_mend_is_a_user_error(arguments, told):
    error = negotiate(*arguments).exception
    assert isinstance(error, UserError)
    assert told in str(error)
