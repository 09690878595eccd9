"""Nothing that other people wrote acts on a terminal."""

import ast
import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negotiation_env import Persona, Scenario, ScriptedJudge, env
from negotiation_env.console.progress import progress
from negotiation_env.console.terminal import console, one_line, say, say_json, shown
from negotiation_env.environment.render import show_news
from negotiation_env.statistics.table import Table, tables_to_json, to_rich
from tests.helpers.command_line import negotiate
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.hostile import HOSTILE, JUDGE, PLAY, acts

ROOT = Path(__file__).parents[2]


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
    text = text.encode(errors="replace").decode()  # half a character, which a scenario refuses
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


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (PLAY, 0),
        ([*PLAY[:3], "--agents", "function:hostile:speak", "--judge", JUDGE], 2),
        ([*PLAY[:3], "--agents", "human", "--judge", JUDGE], 2),
        ([*PLAY[:3], "--agents", "python:hostile:bug", "--judge", JUDGE], 2),
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
def test_no_command_lets_other_people_s_text_act_on_the_terminal(hostile_place, arguments, code):
    done, out, errors = negotiate(*arguments)
    assert (done, acts(out + errors)) == (code, [])


def test_what_an_endpoint_says_does_not_act_on_the_terminal(hostile_place):
    with EndpointServer(lambda _: HOSTILE) as server:
        spec = f"openai:m@{server.url}"
        for arguments in (
            [*PLAY[:3], "--agents", spec, "--judge", spec],
            ["doctor", "--agents", spec, "--judge", spec],
            ["generate", "open", "--model", spec, "--n", "2", "--no-minilm", "--out", "data"],
        ):
            _, out, errors = negotiate(*arguments)
            assert not acts(out + errors)


def test_a_benchmark_shows_hostile_names_as_text(hostile_place, tmp_path):
    name = '"' + "".join(f"\\U{ord(each):08x}" for each in HOSTILE) + '"'
    (tmp_path / "bench.toml").write_text(
        'judge = "scripted"\ncomparisons = {}\nconflict = 1\nmulti = 0\nopen = 0\n'
        f'[negotiators]\n{name} = "scripted:liar"\n"plain" = "scripted:pushy"\n'
        f'[panel]\n"p{name[1:]} = "scripted:stubborn"\n',
        encoding="utf-8",
    )
    for more in ([], ["--json", "--resume"]):
        code, out, errors = negotiate("bench", "bench.toml", "--out", "run", *more)
        assert (code, acts(out + errors)) == (0, []), errors
        assert "plain" in out


def test_rejudging_and_reports_show_hostile_ids_and_names_as_text(hostile_place):
    assert negotiate("eval", *PLAY[1:], "--out", "run")[0] == 0
    code, out, errors = negotiate("rejudge", "run", "--judge", "scripted")
    assert (code, acts(out + errors)) == (0, [])
    assert "a\\x1b[31mb\\x1b]8;;http" in out
    assert "…" not in out


def test_tables_as_json_are_printed_as_they_are_kept(tmp_path, capsys):
    tables = [Table("Überschrift", ("a", "b"), (("–", 1.0),))]
    say_json(tables_to_json(tables))
    assert capsys.readouterr().out == tables_to_json(tables)
