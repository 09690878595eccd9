"""Standard streams that are narrow, full, closed or ended lose no game; a place that cannot be written is told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from negotiation_env.cli import app
from negotiation_env.console.terminal import console, say
from negotiation_env.environment.episode import latest_episodes
from tests.helpers import command_line
from tests.helpers.hostile import HOSTILE, JUDGE, PLAY, hostile_files, negotiate

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "ascii:surrogateescape", "latin-1", "utf-8"])
def test_a_game_is_played_and_kept_whatever_the_encoding_of_its_output(tmp_path, encoding):
    hostile_files(tmp_path)
    code, out, errors = negotiate(tmp_path, *PLAY, "--out", "run", encoding=encoding)
    assert (code, errors) == (0, "")
    assert "Collective Agency" in out
    assert ("café" in out) == (not encoding.startswith("ascii"))
    [episode] = latest_episodes(tmp_path / "run" / "episodes.jsonl").values()
    assert "😀" in episode.scenario.dilemma


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_json_means_the_same_in_every_encoding(hostile_place, encoding):
    found = [
        json.loads(command_line.negotiate("judge-check", "--judge", JUDGE, "--json", encoding=each).stdout)
        for each in (encoding, "utf-8")
    ]
    assert found[0]["judge"] == found[1]["judge"] == HOSTILE


@pytest.mark.parametrize("encoding", ["cp437", "ascii"])
@pytest.mark.parametrize("command", [each.name or each.callback.__name__ for each in app.registered_commands])
def test_every_command_has_help_in_every_encoding(command, encoding):
    code, out, errors = command_line.negotiate(command, "--help", encoding=encoding)
    assert (code, errors) == (0, "")
    assert out.startswith("Usage: negotiate")


def test_a_program_s_own_narrow_stream_gets_what_it_can_show(monkeypatch):
    class Narrow:
        written = ""

        def write(self, text):
            self.written += text.encode("cp1252").decode("cp1252")

        def flush(self):
            raise OSError("no space left")

    monkeypatch.setattr(sys, "stdout", stream := Narrow())
    say("Köln")
    say("Köln 😀")
    console().print("we share 😀")
    assert stream.written == "Köln\nK?ln ?\nwe share ?\n"


def test_a_reader_that_has_gone_away_ends_no_game(tmp_path):
    hostile_files(tmp_path)
    reading, writing = os.pipe()
    os.close(reading)
    code, _, errors = negotiate(
        tmp_path, *PLAY, "--out", "run", stdout=writing, stderr=subprocess.PIPE, capture_output=False
    )
    os.close(writing)
    assert (code, errors) == (0, "")
    assert len(latest_episodes(tmp_path / "run" / "episodes.jsonl")) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_output_onto_a_full_disk_ends_no_game_and_is_told_in_one_line(tmp_path):
    hostile_files(tmp_path)
    with Path("/dev/full").open("wb") as full:
        code, _, errors = negotiate(
            tmp_path, *PLAY, "--out", "run", stdout=full, stderr=subprocess.PIPE, capture_output=False
        )
    assert (code, errors.count("\n")) == (2, 1)
    assert "standard output cannot be written" in errors
    assert len(latest_episodes(tmp_path / "run" / "episodes.jsonl")) == 1


def test_a_process_without_standard_streams_plays(tmp_path):
    hostile_files(tmp_path)
    command = [sys.executable, "-m", "negotiation_env", *PLAY, "--out", "run"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    closed = subprocess.run(["bash", "-c", '"$@" <&- >&- 2>&-', "-", *command], env=environment, cwd=tmp_path)
    assert closed.returncode == 0
    assert len(latest_episodes(tmp_path / "run" / "episodes.jsonl")) == 1


@pytest.mark.parametrize("stdin", ["</dev/null", "<&-"])
def test_where_nobody_is_at_the_keyboard_the_game_is_unscored_and_kept(tmp_path, stdin):
    command = [sys.executable, "-m", "negotiation_env", "play", "--agents", "scripted:stubborn", "human"]
    command += ["--judge", "scripted", "--out", "run"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["bash", "-c", f'"$@" {stdin}', "-", *command], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "nobody is at the keyboard" in done.stderr
    [episode] = latest_episodes(tmp_path / "run" / "episodes.jsonl").values()
    assert [said.seat for said in episode.turns] == [0]


def test_a_wrong_byte_from_the_keyboard_is_a_wrong_letter_and_no_more(tmp_path):
    typed = "Ours, naïve.\nPROPOSE: Share it.\n\nWe share.\n\n".encode("latin-1")
    code, _, errors = negotiate(
        tmp_path, *["play", "--agents", "human", "scripted:accommodating", "--judge", "scripted", "--out", "run"],
        stdin=None, input=typed,
    )  # fmt: skip
    assert (code, errors) == (0, "")
    [episode] = latest_episodes(tmp_path / "run" / "episodes.jsonl").values()
    assert episode.turns[0].text.startswith("Ours, na�ve.")


COMMANDS_THAT_WRITE = [
    ["play", "--agents", "scripted:stubborn", "--judge", "scripted", "--out", "OUT"],
    ["eval", "--agents", "scripted:stubborn", "--judge", "scripted", "--out", "OUT"],
    ["eval", "--agents", "scripted:stubborn", "--judge", "scripted", "--out", "run", "--record", "OUT/tape"],
    ["bench", "--negotiators", "scripted:stubborn", "scripted:liar", "--judge", "scripted", "--out", "OUT"],
    ["judge-check", "--judge", "scripted", "--out", "OUT/check.json"],
    ["train", "examples/selfplay_embedded.toml", "--out", "OUT"],
    ["view", "PLAYED", "--no-open", "--out", "OUT/report.html"],
]


@pytest.mark.parametrize("arguments", COMMANDS_THAT_WRITE, ids=lambda arguments: arguments[0])
def test_a_file_where_a_folder_is_needed_is_told_in_one_line(tmp_path, monkeypatch, arguments):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    if arguments[0] == "view":
        CliRunner().invoke(app, [*COMMANDS_THAT_WRITE[1][:-1], str(tmp_path / "played")])
    places = {"OUT": str(tmp_path / "file"), "PLAYED": str(tmp_path / "played")}
    for name, place in places.items():
        arguments = [each.replace(name, place) for each in arguments]
    monkeypatch.chdir(tmp_path)
    code, _, errors = command_line.negotiate(*arguments)
    assert (code, errors.count("\n")) == (2, 1)
    assert "file: a file is where a folder is needed; mend that or name another place" in errors
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.models
def test_a_file_of_errors_gets_no_bars_of_libraries(tmp_path):
    code, out, errors = negotiate(tmp_path, "play", "--judge", "scripted", "--max-turn-tokens", 2, "--max-turns", 2)
    assert (code, errors) == (0, "")
    assert "agree" in out
