from typer.testing import CliRunner

from negotiation_env.cli import viewing
from negotiation_env.cli.app import app
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
