"""Nothing that other people wrote acts on a terminal, and a stream that cannot be written ends no game."""

import ast
import io
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from negotiation_env import Persona, Scenario, ScriptedJudge, env
from negotiation_env.cli import app
from negotiation_env.episode import latest_episodes
from negotiation_env.progress import progress
from negotiation_env.render import show_news
from negotiation_env.table import Table, tables_to_json, to_rich
from negotiation_env.terminal import console, one_line, say, say_json, shown
from tests.endpoint_server import EndpointServer

ROOT = Path(__file__).parents[1]
LINK = "\x1b]8;;http://elsewhere\x1b\\here\x1b]8;;\x1b\\"
HOSTILE = f"a\x1b[31mb{LINK}\x9b2J\u202egnol\u2066\u200f\u061c\x07\r\x00\u2028[bold]markup[/bold] café 😀"


def acts(text):
    """Characters that do something on a terminal instead of being seen on it."""
    unseen = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [each for each in text if unicodedata.category(each) in unseen and each not in "\n\t\u200c\u200d"]


@settings(deadline=None)
@given(st.text(st.characters()))
def test_no_character_of_a_text_that_is_shown_acts_and_ordinary_ones_stay(text):
    assert not acts(shown(text))
    assert shown(shown(text)) == shown(text)
    if not acts(text):
        assert shown(text) == text
    assert "\n" not in one_line(text)


@pytest.mark.parametrize(
    "text", ["Köln, naïve", "我们可以分享", "می\u200cخواهم", "מים", "👩\u200d🌾 ❤\ufe0f", "a\tb\nc", "1\u00a0000 €"]
)
def test_ordinary_text_in_any_script_is_shown_as_it_is(text):
    assert shown(text) == text


def test_what_acts_is_shown_as_its_escape_and_line_ends_of_windows_are_line_ends():
    assert shown("\x1b[31m \u202e \x9b \ud800 \r") == "\\x1b[31m \\u202e \\x9b \\ud800 \\r"
    assert shown("one\r\ntwo") == "one\ntwo"


@settings(deadline=None)
@given(text=st.text(st.characters(), min_size=1))
def test_whatever_is_printed_in_whatever_way_nothing_acts(text):
    for output in OUTPUTS:
        out, errors, before = io.StringIO(), io.StringIO(), (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = out, errors
        try:
            output(text)
        finally:
            sys.stdout, sys.stderr = before
        assert not acts(out.getvalue() + errors.getvalue()), output


def _news(text):
    game = env(scenarios=[_scenario(text)], judge=ScriptedJudge()).unwrapped
    game.reset(seed=0)
    game.step(text)
    show_news(game.game, text)
    say(game.game.scenario.names[0])


def _transcript(text):
    game = env(scenarios=[_scenario(text)], judge=ScriptedJudge(), render_mode="ansi")
    game.reset(seed=0)
    game.step(text)
    sys.stdout.write(game.render())


def _scenario(text):
    personas = tuple(Persona(f"{name}{text}", f"You need {text}") for name in "AB")
    return Scenario("a", f"A dilemma {text}", personas)


def _table(text):
    console().print(to_rich(Table(text, ("a", text), ((text, text),), text)))


def _panel(text):
    from rich.panel import Panel
    from rich.text import Text

    console().print(Panel(Text(text), title=Text(text)))
    console(error=True).print(text)


def _bar(text):
    with progress(text, 1) as advance:
        advance(None)


def _json(text):
    say_json(json.dumps({"key": text}, ensure_ascii=False))
    assert json.loads(sys.stdout.getvalue()) == {"key": text}


OUTPUTS = [say, lambda text: say(text, error=True), _panel, _table, _bar, _json, _news, _transcript]


def test_every_output_of_the_packages_goes_through_the_one_place():
    for package in ("negotiation_env", "agents", "training"):
        for path in (ROOT / package).rglob("*.py"):
            if path.name != "terminal.py":
                assert not list(_bypasses(ast.parse(path.read_text(encoding="utf-8")))), path


def _bypasses(tree):
    """Calls that print by another way; rich's own displays have to be given a console."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            loose = name == "Progress" and "console" not in {each.arg for each in node.keywords}
            writes = name.startswith(("sys.stdout.", "sys.stderr.")) and not name.endswith(".reconfigure")
            if loose or writes or name in ("print", "Console", "typer.echo", "typer.secho", "click.echo", "rprint"):
                yield f"{name} in line {node.lineno}"


def hostile_files(folder):
    """A split of two scenarios and a judge's module, full of what acts."""
    rows = [
        {
            "id": f"{number}{HOSTILE}",
            "dilemma": f"The well {HOSTILE}",
            "personas": [{"name": f"{name}{HOSTILE}", "goal": f"You need water {HOSTILE}"} for name in "AB"],
        }
        for number in range(2)
    ]
    (folder / "split.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "hostile.py").write_text(
        "from negotiation_env import ScriptedJudge\n"
        f"NAME = {HOSTILE!r}\n"
        "class Judge(ScriptedJudge):\n"
        "    def __init__(self):\n"
        "        super().__init__(score=lambda question: len(question.completion) % 6)\n"
        "        self.name = NAME\n"
        "def speak(text):\n"
        "    raise RuntimeError(NAME)\n"
        "def bug():\n"
        "    raise RuntimeError(NAME)\n",
        encoding="utf-8",
    )


def negotiate(folder, *arguments, encoding="utf-8", **more):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), "PYTHONIOENCODING": encoding}
    environment |= {"COLUMNS": "300"}
    command = [sys.executable, "-m", "negotiation_env", *map(str, arguments)]
    options = {"capture_output": True, "stdin": subprocess.DEVNULL} | more
    done = subprocess.run(command, env=environment, cwd=folder, timeout=120, check=False, **options)
    out, errors = ((each or b"").decode(encoding.partition(":")[0], "replace") for each in (done.stdout, done.stderr))
    return done.returncode, out, errors


JUDGE = "python:hostile:Judge"
PLAY = ["play", "--split", "split.jsonl", "--agents", "scripted:accommodating", "--judge", JUDGE]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (PLAY, 0),
        ([*PLAY[:3], "--agents", "function:hostile:speak", "--judge", JUDGE], 2),
        ([*PLAY[:3], "--agents", "human", "--judge", JUDGE], 2),
        ([*PLAY[:3], "--agents", "python:hostile:bug", "--judge", JUDGE], 1),
        (["eval", *PLAY[1:], "--out", "run"], 0),
        (["eval", *PLAY[1:3], "--agents", "function:hostile:speak", "--judge", JUDGE, "--out", "run"], 2),
        (["bench", "--negotiators", "scripted:liar", "scripted:pushy", "--judge", JUDGE, "--dry-run"], 0),
        (["judge-check", "--judge", JUDGE], 0),
        (["judge-check", "--judge", JUDGE, "--json"], 0),
        (["judge-compare", JUDGE, "scripted"], 0),
        (["doctor", "--agents", "function:hostile:speak", "--judge", JUDGE], 1),
        (["play", "--agents", HOSTILE.replace("\x00", "")], 2),
        (["eval", "--" + HOSTILE.replace("\x00", "")], 2),
        (["train", "split.jsonl"], 2),
    ],
)
def test_no_command_lets_other_people_s_text_act_on_the_terminal(tmp_path, arguments, code):
    hostile_files(tmp_path)
    done, out, errors = negotiate(tmp_path, *arguments)
    assert (done, acts(out + errors)) == (code, [])


def test_what_an_endpoint_says_does_not_act_on_the_terminal(tmp_path):
    hostile_files(tmp_path)
    with EndpointServer(lambda _: HOSTILE) as server:
        spec = f"openai:m@{server.url}"
        for arguments in (
            [*PLAY[:3], "--agents", spec, "--judge", spec],
            ["doctor", "--agents", spec, "--judge", spec],
            ["generate", "open", "--model", spec, "--n", "2", "--no-minilm", "--out", "data"],
        ):
            _, out, errors = negotiate(tmp_path, *arguments)
            assert not acts(out + errors)


def test_a_benchmark_shows_hostile_names_as_text(tmp_path):
    name = '"' + "".join(f"\\U{ord(each):08x}" for each in HOSTILE) + '"'
    (tmp_path / "bench.toml").write_text(
        'judge = "scripted"\ncomparisons = {}\nconflict = 1\nmulti = 0\nopen = 0\n'
        f'[negotiators]\n{name} = "scripted:liar"\n"plain" = "scripted:pushy"\n'
        f'[panel]\n"p{name[1:]} = "scripted:stubborn"\n',
        encoding="utf-8",
    )
    for more in ([], ["--json", "--resume"]):
        code, out, errors = negotiate(tmp_path, "bench", "bench.toml", "--out", "run", *more)
        assert (code, acts(out + errors)) == (0, []), errors
        assert "plain" in out


def test_rejudging_and_reports_show_hostile_ids_and_names_as_text(tmp_path):
    hostile_files(tmp_path)
    assert negotiate(tmp_path, "eval", *PLAY[1:], "--out", "run")[0] == 0
    code, out, errors = negotiate(tmp_path, "rejudge", "run", "--judge", "scripted")
    assert (code, acts(out + errors)) == (0, [])
    assert "a\\x1b[31mb\\x1b]8;;http" in out
    assert "…" not in out


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
def test_json_means_the_same_in_every_encoding(tmp_path, encoding):
    hostile_files(tmp_path)
    found = [
        json.loads(negotiate(tmp_path, "judge-check", "--judge", JUDGE, "--json", encoding=each)[1])
        for each in (encoding, "utf-8")
    ]
    assert found[0]["judge"] == found[1]["judge"] == HOSTILE


@pytest.mark.parametrize("encoding", ["cp437", "ascii"])
@pytest.mark.parametrize("command", [each.name or each.callback.__name__ for each in app.registered_commands])
def test_help_is_shown_in_every_encoding(tmp_path, command, encoding):
    code, out, errors = negotiate(tmp_path, command, "--help", encoding=encoding)
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
    assert [said.seat for said in episode.said] == [0]


def test_a_wrong_byte_from_the_keyboard_is_a_wrong_letter_and_no_more(tmp_path):
    typed = "Ours, naïve.\nPROPOSE: Share it.\n\nWe share.\n\n".encode("latin-1")
    code, _, errors = negotiate(
        tmp_path, *["play", "--agents", "human", "scripted:accommodating", "--judge", "scripted", "--out", "run"],
        stdin=None, input=typed,
    )  # fmt: skip
    assert (code, errors) == (0, "")
    [episode] = latest_episodes(tmp_path / "run" / "episodes.jsonl").values()
    assert episode.said[0].text.startswith("Ours, na�ve.")


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
def test_a_file_where_a_folder_is_needed_is_told_in_one_line(tmp_path, arguments):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    if arguments[0] == "view":
        CliRunner().invoke(app, [*COMMANDS_THAT_WRITE[1][:-1], str(tmp_path / "played")])
    places = {"OUT": str(tmp_path / "file"), "PLAYED": str(tmp_path / "played")}
    for name, place in places.items():
        arguments = [each.replace(name, place) for each in arguments]
    code, _, errors = negotiate(tmp_path, *arguments)
    assert (code, errors.count("\n")) == (2, 1)
    assert "file: a file is where a folder is needed; mend that or name another place" in errors
    assert (tmp_path / "file").read_text() == "mine"


def test_tables_as_json_are_printed_as_they_are_kept(tmp_path, capsys):
    tables = [Table("Überschrift", ("a", "b"), (("–", 1.0),))]
    say_json(tables_to_json(tables))
    assert capsys.readouterr().out == tables_to_json(tables)
