"""`negotiate verify`: one sentence for each difference, and the exit code."""

import pytest

from tests.helpers.command_line import negotiate
from tests.report.runs import benchmark, evaluation


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
    assert "expected the folder of a finished run" in done.stderr


def test_an_evaluation_that_has_not_ended_is_one_line(tmp_path):
    run = evaluation(tmp_path / "run")
    (run / "summary.json").unlink()
    done = negotiate("verify", run)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "summary.json" in done.stderr
