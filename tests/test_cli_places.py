"""What a command writes, and its recording, spoil nothing that is there."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.scripted import ScriptedAgent
from negotiation_env import ScriptedJudge
from negotiation_env.cli import app
from negotiation_env.errors import UserError
from negotiation_env.evaluate import evaluate
from tests.conftest import two_parties
from tests.no_files import a_pipe

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTED = ("--agents", "scripted:stubborn", "--judge", "scripted")
BOTH = ("--negotiators", "scripted:stubborn", "--negotiators", "scripted:compromising")
COMMANDS = {
    "eval": ("eval", *SCRIPTED, "--n", "1", "--out", "OUT"),
    "play": ("play", *SCRIPTED, "--out", "OUT"),
    "bench": ("bench", *BOTH, "--judge", "scripted", "--out", "OUT"),
    "generate": ("generate", "dilemmas", "--model", "embedded", "--n", "1", "--no-minilm", "--out", "OUT"),
    "train": ("train", str(EXAMPLES / "selfplay_embedded.toml"), "--out", "OUT"),
    "rejudge": ("rejudge", "OUT", "--judge", "scripted"),
    "judge-check": ("judge-check", "--judge", "scripted", "--out", "OUT"),
}


def refused(command, out, *more):
    """What the command line is refused with."""
    given = [str(out) if each == "OUT" else each for each in command]
    done = CliRunner().invoke(app, [*given, *map(str, more)])
    assert isinstance(done.exception, UserError), done.output
    return str(done.exception)


def evaluation(out):
    evaluate([ScriptedAgent("stubborn")], ScriptedJudge(), [two_parties()], out, max_turns=2)
    return {path: path.read_bytes() for path in out.iterdir()}


@pytest.mark.parametrize("option", ["--record", "--replay"])
@pytest.mark.parametrize("tape", ["out", "out/run.json", "out/.lock", "out/tape", "x/../out/episodes.jsonl"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_recording_in_the_place_of_what_is_written_is_refused_before_anything_is(tmp_path, command, tape, option):
    told = refused(COMMANDS[command], tmp_path / "out", option, tmp_path / tape)
    assert told.endswith("are in one place; give the recording one of its own")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--record", "--replay"])
@pytest.mark.parametrize("name", [".lock", "episodes.jsonl", "run.json"])
@pytest.mark.parametrize("command", ["eval", "rejudge"])
def test_a_recording_that_is_a_run_s_file_by_another_name_is_refused(tmp_path, command, name, option):
    before = evaluation(tmp_path / "out")
    (tmp_path / "tape").hardlink_to(tmp_path / "out" / name)
    assert "in one place" in refused(COMMANDS[command], tmp_path / "out", option, tmp_path / "tape")
    (tmp_path / "to").symlink_to(tmp_path / "out")
    assert "belongs to the run" in refused(COMMANDS[command], tmp_path / "out", option, tmp_path / "to" / name)
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("place", ["run/held_out/step-0", "run/rejudged", "run/model", "to the run/checkpoints"])
@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "rejudge"])
def test_nothing_is_written_where_another_run_writes(tmp_path, command, place):
    before = evaluation(tmp_path / "run")
    (tmp_path / "to the run").symlink_to(tmp_path / "run")
    assert "belongs to the run in" in refused(COMMANDS[command], tmp_path / place)
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize("name", ["episodes.jsonl", "run.json", "metrics.jsonl", ".lock"])
@pytest.mark.parametrize("command", [("view", "RUN", "--no-open", "--out", "OUT"), COMMANDS["judge-check"]])
def test_no_report_is_written_over_a_record(tmp_path, command, name):
    before = evaluation(tmp_path / "run")
    given = [each.replace("RUN", str(tmp_path / "run")) for each in command]
    assert "belongs to the run in" in refused(given, tmp_path / "run" / name)
    (tmp_path / "tape").write_bytes(b'{"key": "a recording"}\n')
    assert "holds something else; give another name" in refused(given, tmp_path / "tape")
    assert (tmp_path / "tape").read_bytes() == b'{"key": "a recording"}\n'
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.parametrize("command", [("view", "RUN", "--no-open", "--out", "OUT"), COMMANDS["judge-check"]])
def test_a_report_is_written_over_itself_and_over_nothing(tmp_path, command):
    evaluation(tmp_path / "run")
    given = [each.replace("RUN", str(tmp_path / "run")).replace("OUT", str(tmp_path / "report")) for each in command]
    (tmp_path / "report").touch()
    for _ in range(2):
        assert CliRunner().invoke(app, given).exit_code == 0
        assert (tmp_path / "report").stat().st_size > 0


def test_a_pipe_that_nobody_hears_is_not_waited_for(tmp_path):
    with a_pipe(tmp_path / "pipe"):
        assert "is a named pipe; give a file" in refused(COMMANDS["judge-check"], tmp_path / "pipe")
    command = [each if each != "OUT" else os.devnull for each in COMMANDS["judge-check"]]
    assert CliRunner().invoke(app, command).exit_code == 0
