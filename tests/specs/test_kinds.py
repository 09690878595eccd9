"""Kinds of specs: what there is, what an installed package adds, and what is told where neither will do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from negotiation_env import resolve_judge
from negotiation_env.agents.contents import contents_of
from negotiation_env.agents.scripted import SCRIPTS
from negotiation_env.agents.specs import resolve_agent, resolve_model
from negotiation_env.environment.episode import read_episodes
from negotiation_env.episodes.run_folder import EPISODES
from negotiation_env.errors import UserError
from negotiation_env.judges.llm_file import judge_files
from negotiation_env.specs import parse
from negotiation_env.specs.kinds import AGENTS, JUDGES, MODELS, kinds_table
from negotiation_env.training.opponents import parse_opponents

ROOT = Path(__file__).parents[2]
CODE = """
from negotiation_env import ScriptedJudge

def judge(rest):
    return ScriptedJudge(score=float(rest or 5))

def echo(rest):
    return lambda text: f"PROPOSE: {rest}"

def fails(rest):
    raise RuntimeError("no coins")

def nothing(rest):
    return None
"""
ENTRY_POINTS = """
[negotiation_env.judges]
coin = coin_package:judge
failing = coin_package:fails
empty = coin_package:nothing
lost = coin_package:no_such_name
broken = coin_broken:judge
python = coin_package:judge

[negotiation_env.agents]
echo = coin_package:echo
human = coin_package:echo
pool = coin_package:echo
"""


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A folder on the path into which two packages are installed, one of which cannot be imported."""
    folder = tmp_path / "packages"
    told = folder / "coin_package-1.0.dist-info"
    told.mkdir(parents=True)
    (told / "entry_points.txt").write_text(ENTRY_POINTS)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: coin-package\nVersion: 1.0\n")
    (folder / "coin_package.py").write_text(CODE)
    (folder / "coin_broken.py").write_text("raise OSError('no mint here')\n")
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop("coin_package", None)


def negotiate(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "negotiation_env", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), "COLUMNS": "400"},
    )


@pytest.mark.parametrize("kinds", [AGENTS, JUDGES])
def test_the_documented_tables_are_those_of_the_code(kinds):
    assert kinds_table(kinds) in (ROOT / "docs" / "names.md").read_text(encoding="utf-8")


def test_the_scripts_of_the_table_are_those_there_are():
    (form,) = [kind.form for kind in AGENTS.built_in if kind.name == "scripted"]
    assert form == f"scripted:{'|'.join(SCRIPTS)}"


@pytest.mark.parametrize("kind", [kind for kinds in (AGENTS, JUDGES) for kind in kinds.built_in if kind.factory])
def test_every_built_in_factory_can_be_imported(kind):
    assert callable(kind.load())


@pytest.mark.parametrize(
    ("command", "kinds"), [("play", (AGENTS, JUDGES)), ("judge-check", (JUDGES,)), ("generate", (MODELS,))]
)
def test_the_help_of_a_command_names_every_built_in_kind(command, kinds):
    shown = " ".join(negotiate(ROOT, command, "--help").stdout.split())
    for each in kinds:
        assert each.forms() in shown


@pytest.mark.parametrize(
    ("resolve", "spec", "told"),
    [
        (resolve_agent, "embeded", "no agent 'embeded' (did you mean embedded?)"),
        (resolve_agent, "Scripted:stubborn", "did you mean scripted:accommodating|"),
        (resolve_agent, "hf:", "did you mean hf:ID_OR_DIR[+ADAPTER_DIR]?"),
        (resolve_agent, "human:me", "did you mean human?"),
        (resolve_agent, "scripted:brave", "no script 'brave'; expected one of: accommodating, "),
        (resolve_model, "human", "no model 'human'; expected one of: embedded, "),
        (resolve_judge, "openia:m", "did you mean openai:MODEL[@BASE_URL]?"),
        (resolve_judge, "panel:scripted", "panel:scripted: a panel needs at least 2 judges"),
        (resolve_judge, "embedded:", "no judge 'embedded:' (did you mean embedded?)"),
        (resolve_judge, "http://me:secret@h/v1", "no judge 'http://h/v1'"),
        (judge_files, "panel:mode:scripted,scripted", "a panel needs at least 2 judges and median or mean"),
        (parse_opponents, "curent", "no opponent 'curent' (did you mean current?)"),
        (parse_opponents, "scriptd:stubborn", "did you mean scripted:accommodating|"),
    ],
)
def test_what_is_no_spec_is_told_with_what_comes_nearest(resolve, spec, told):
    with pytest.raises(UserError) as error:
        resolve(spec)
    assert told in str(error.value)
    assert "secret" not in str(error.value)


def test_a_game_is_played_and_judged_by_kinds_of_an_installed_package(packages, tmp_path):
    arguments = ["--agents", "echo:We share it.", "--judge", 'panel:mean:coin:2,"coin:4"', "--out", str(tmp_path)]
    done = negotiate(packages, "play", *arguments)
    assert done.returncode == 0, done.stderr
    (episode,) = read_episodes(tmp_path / EPISODES)
    assert episode.agents == ("echo:We share it.",) * 2
    assert episode.outcome.score == 3.0


def test_an_added_kind_needs_nothing_after_it(packages):
    assert resolve_judge("coin").name == resolve_judge("coin:2").name
    assert parse_opponents({"echo:Hm.": 1, "current": 1}).agents == ["echo:Hm."]
    assert judge_files("panel:median:coin:1,coin:2") == []


@pytest.mark.parametrize(
    ("resolve", "spec", "told"),
    [
        (resolve_judge, "coi:3", "did you mean coin[:…]?"),
        (
            resolve_judge,
            "broken:3",
            "broken (added by coin_broken:judge) cannot be loaded: it raised OSError at coin_broken",
        ),
        (resolve_judge, "lost", "lost (added by coin_package:no_such_name) cannot be loaded: module"),
        (
            resolve_judge,
            "failing",
            "failing (added by coin_package:fails) raised RuntimeError at coin_package.py:11: no coins",
        ),
        (resolve_judge, "empty:1", "empty:1 made a NoneType; expected a Judge"),
        (resolve_judge, "python:a:b", "the name 'python' is taken, and added by coin_package:judge; uninstall that"),
        (resolve_agent, "human", "the name 'human' is taken, and added by coin_package:echo"),
        (parse_opponents, "pool:2,3", "the name 'pool' is taken"),
        (judge_files, "broken:3", "cannot be loaded"),
        (resolve_judge, len, "got a builtin_function_or_method; expected a Judge (name, judge); FunctionJudge makes"),
        (resolve_judge, 3, "got a int; expected a Judge"),
        (resolve_judge, Path("lost"), "lost (added by coin_package:no_such_name) cannot be loaded"),
    ],
)
def test_an_added_kind_that_will_not_do_is_told_in_one_line(packages, resolve, spec, told):
    with pytest.raises(UserError) as error:
        resolve(spec)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_broken_package_is_in_nobody_else_s_way(packages):
    assert resolve_judge("scripted").judge([]) == []
    assert resolve_agent("scripted:stubborn").act([]) == []


def test_the_doctor_lists_added_kinds_and_what_ails_them(packages):
    done = negotiate(packages, "doctor", "--agents", "scripted:stubborn", "--judge", "scripted")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.split()}
    assert "installed" in rows["coin[:…]"]
    assert "cannot be loaded" in rows["broken[:…]"]
    assert set(rows) >= {kind.form for kind in (*AGENTS.built_in, *JUDGES.built_in)}


def test_a_run_goes_on_only_with_the_same_code_behind_an_added_kind(packages):
    before = contents_of(["echo:Hm."], ["coin", "scripted"])
    assert set(before) == {"echo:Hm.", "coin"}
    (packages / "coin_package.py").write_text(CODE + "# other\n")
    after = contents_of(["echo:Hm."], ["coin", "scripted"])
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())


def test_where_packages_are_looked_for_decides_which_kinds_there_are(packages, monkeypatch):
    assert "coin" in JUDGES
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place != str(packages)])
    assert "coin" not in JUDGES
    assert not JUDGES.find(parse("python:a:b"), "").added
