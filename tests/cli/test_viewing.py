import json

from typer.testing import CliRunner

from negotiation_env.cli import viewing
from negotiation_env.cli.app import app
from tests.helpers.command_line import negotiate
from tests.report.runs import evaluation


def test_view_writes_one_file_and_says_where(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(viewing.webbrowser, "open", opened.append)
    evaluation(tmp_path / "run")
    done = CliRunner().invoke(app, ["view", str(tmp_path / "run"), "--out", str(tmp_path / "a.html"), "--no-open"])
    assert done.exit_code == 0, done.output
    assert "written to" in done.output
    assert (tmp_path / "a.html").read_text().startswith("<!DOCTYPE html>")
    assert opened == []


def test_the_browser_is_shown_the_file(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(viewing.webbrowser, "open", opened.append)
    evaluation(tmp_path)
    assert CliRunner().invoke(app, ["view", str(tmp_path)]).exit_code == 0
    assert opened == [(tmp_path / "report.html").as_uri()]


def test_a_folder_of_runs_is_listed_and_two_are_laid_beside_each_other(tmp_path):
    first, second = (evaluation(tmp_path / name, 2) for name in ("first", "second"))
    listed = negotiate("view", tmp_path)
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in ("first", "second", "scripted:compromising", "negotiate view"))
    assert f"negotiate view {tmp_path}/RUN {tmp_path}/OTHER" in listed.stdout
    assert negotiate("view", first, second, "--no-open").returncode == 0
    assert (first / "report_beside_second.html").is_file()
    many = negotiate("view", first, second, first)
    assert (many.returncode, "expected one run, or two" in many.stderr) == (2, True)


def test_plots_are_drawn_again_and_a_folder_that_is_no_training_is_told(tmp_path):
    steps = {"group_min": 1.0, "group_mean": 2.0, "group_max": 3.0, "agreement_rate": 0.5, "no_signal": 0.0}
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 1} | steps) + "\n")
    assert negotiate("plots", tmp_path).returncode == 0
    assert (tmp_path / "reward.png").is_file()
    assert negotiate("plots", evaluation(tmp_path / "run", 1)).returncode == 2
