"""`negotiate verify`: one sentence for each difference, and the exit code."""

import pytest

from negotiation_env.benchmark.ability.comparison import (
    REPORT,
    Ability,
    AbilitySettings,
    Metric,
    TaskResult,
    ability_file,
    compare,
)
from negotiation_env.synthesis.generate import generate
from tests.helpers.command_line import negotiate
from tests.report.runs import benchmark, evaluation
from tests.synthesis.writers import SETTINGS as WRITTEN
from tests.synthesis.writers import SOURCES, author, bags_of_words, judge

SETTINGS = AbilitySettings(lm_eval="0.4.13")
METRIC = Metric("acc", "none", 0.5, 0.1, True, {"0-hash": 0.0, "1-hash": 1.0})


def test_a_run_whose_figures_are_right_passes(tmp_path):
    done = negotiate("verify", evaluation(tmp_path / "run"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "every figure is what its records come to" in done.stdout


def test_a_run_with_a_wrong_figure_is_told_and_ends_with_1(tmp_path):
    run = evaluation(tmp_path / "run")
    path = run / "summary.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"unscored": 0', '"unscored": 1'), encoding="utf-8")
    before = {each.name: each.read_bytes() for each in run.iterdir()}
    done = negotiate("verify", run)
    assert done.returncode == 1
    assert "summary.json: unscored is 1; its records come to 0" in done.stdout
    assert {each.name: each.read_bytes() for each in run.iterdir()} == before


@pytest.mark.parametrize("lost", ["episodes.jsonl", "tables.json"])
def test_a_benchmark_that_lacks_a_file_is_one_line(tmp_path, lost):
    run = benchmark(tmp_path / "run")
    (run / lost).unlink()
    done = negotiate("verify", run)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert lost in done.stderr


def test_what_is_no_finished_run_is_one_line(tmp_path):
    done = negotiate("verify", tmp_path)
    assert done.returncode == 2
    assert "expected a finished run's folder" in done.stderr


def test_an_evaluation_that_has_not_ended_is_one_line(tmp_path):
    run = evaluation(tmp_path / "run")
    (run / "summary.json").unlink()
    done = negotiate("verify", run)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "has no summary.json: the run was stopped before its end; go on with --resume" in done.stderr


def test_single_games_have_no_figures_and_their_outcomes_are_held_against_their_verdicts(tmp_path):
    play = ("play", "--agents", "scripted:compromising", "--judge", "scripted", "--out", tmp_path / "games")
    assert negotiate(*play).returncode == 0
    done = negotiate("verify", tmp_path / "games")
    assert done.returncode == 0
    assert "no figures to derive; every outcome is what its verdicts say" in done.stdout
    path = tmp_path / "games" / "episodes.jsonl"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('"value": 3.0', '"value": 2.0').replace('"value":3.0', '"value":2.0'), encoding="utf-8"
    )
    assert "outcome.score is 3.0, by its verdicts 2.0" in negotiate("verify", tmp_path / "games").stdout


def test_a_figure_of_ability_that_its_results_do_not_give_is_told(tmp_path):
    kept = Ability("old", SETTINGS, (TaskResult("quiz", "1.0", 0, False, 2, (METRIC,), {}),))
    ability_file(tmp_path, "old").write_text(kept.to_json(), encoding="utf-8")
    report = compare([kept], ["quiz"]).to_json()
    (tmp_path / REPORT).write_text(report, encoding="utf-8")
    assert negotiate("verify", tmp_path).returncode == 0
    (tmp_path / REPORT).write_text(report.replace('"value": 0.5', '"value": 0.9'), encoding="utf-8")
    done = negotiate("verify", tmp_path)
    assert done.returncode == 1
    assert "ability.json: figures.0.estimate.value is 0.9" in done.stdout


def test_a_row_that_no_author_wrote_is_told(tmp_path):
    generate(WRITTEN, author(), judge(), tmp_path / "data", SOURCES, encode=bags_of_words)
    done = negotiate("verify", tmp_path / "data")
    assert (done.returncode, "every row is an accepted text" in done.stdout) == (0, True)
    name = next(path for path in (tmp_path / "data").glob("dilemmas_*.jsonl"))
    with name.open("a", encoding="utf-8") as file:
        file.write('{"id": "mine"}\n')
    done = negotiate("verify", tmp_path / "data")
    assert (done.returncode, f"{name.name}: mine is no accepted text" in done.stdout) == (1, True)
