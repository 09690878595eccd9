"""On a terminal of 80 columns no line is longer, whatever a command says; who reads by program gets whole lines."""

import os
import re
import sys
from io import BytesIO, TextIOWrapper

import pytest
import typer

from negotiation_env.cli import app, main
from tests.helpers.command_line import negotiate

SCRIPTS = ("--agents", "scripted:compromising", "--judge", "scripted")
EVAL = ("eval", *SCRIPTS, "--n", "2", "--out", "runs/a")
TWO = ("--negotiators", "scripted:pushy", "--negotiators", "scripted:liar", "--judge", "scripted")
DAY = [
    [("play", *SCRIPTS), EVAL, EVAL, (*EVAL, "--resume"), (*EVAL, "--resume", "--max-turns", "3"), ("view", "runs")],
    [EVAL, ("rejudge", "runs/a", "--judge", "scripted"), ("verify", "runs/a"), ("view", "runs/a", "--no-open")],
    [
        EVAL,
        ("guard", "runs/a", "--guards", "careful"),
        ("guard", "runs/a", "--guards", "carefull"),
        ("plots", "runs/a"),
    ],
    [("bench", *TWO, "--dry-run"), ("doctor", "--judge", "scripted"), ("models",), ("cache",), ("examples",)],
    [("examples", "x"), ("examples", "x"), ("init", "judge"), ("init", "judge"), ("init", "jugde"), ("init", "guards")],
    [("view", "nowhere"), ("rejudge", "nowhere"), ("verify", "nowhere"), ("bench", "no.toml"), ("train", "no.toml")],
    [("play", *SCRIPTS, "--guards", "carefull"), ("play", "--agents", "nobody"), ("play", "--split", "eval_conflct")],
    [("play", "--agents", "openai:m@http://127.0.0.1:9/v1", "--judge", "scripted"), ("play", "--bogus"), ("plya",)],
]
"""What people type, and what they type wrong."""


class Terminal(TextIOWrapper):
    def isatty(self):
        return True


def printed(monkeypatch, *arguments):
    """All that a command shows on a terminal, without its colours."""
    screen = Terminal(BytesIO(), encoding="utf-8")
    with monkeypatch.context() as patch:
        for name, value in {"stdout": screen, "stderr": screen, "argv": ["negotiate", *arguments]}.items():
            patch.setattr(sys, name, value)
        patch.setattr(os, "_exit", sys.exit)  # for a command that leaves threads behind
        with pytest.raises(SystemExit):
            main()
    screen.flush()
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]|[^\n]*\r(?!\n)", "", screen.buffer.getvalue().decode())


@pytest.fixture
def narrow(monkeypatch, tmp_path):
    for name, value in {"COLUMNS": "80", "TERM": "dumb", "NEGOTIATION_ENV_CACHE": "cache"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: printed(monkeypatch, *arguments)


@pytest.mark.parametrize("commands", [*DAY, [(name, "--help") for name in typer.main.get_command(app).commands]])
def test_no_line_is_longer(narrow, commands):
    for command in commands:
        text = narrow(*command)
        assert text.strip()
        long = [line.strip() for line in text.splitlines() if len(line.rstrip()) > 80]
        assert [line for line in long if " " in line] == []  # a path may be longer, wherever this checkout is


def test_by_program_an_error_is_one_line():
    done = negotiate("play", "--agents", "nobody")
    assert len(done.stderr.splitlines()) == 1
    assert len(done.stderr) > 200
