"""`negotiate play` at a terminal: what stands there, in which order, and that nothing stands there twice."""

import re
import sys
from io import BytesIO, TextIOWrapper

import pytest

from negotiation_env.cli.waiting import Waiting
from negotiation_env.data import load_scenarios
from tests.helpers.command_line import Terminal, negotiate

(SCENARIO,) = (each for each in load_scenarios("eval_conflict") if each.id == "ec-001")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")


def in_one_line(text):
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", _CONTROL.sub("", text)).split())


def played(*options, typed="", judge="scripted"):
    done = negotiate("play", *options, "--judge", judge, "--scenario", "ec-001", stdin=typed, stream=Terminal)
    assert done.returncode == 0, done.stderr
    return in_one_line(done.stdout)


def test_the_dilemma_and_the_personas_come_first_then_the_words_the_verdict_and_how_it_ended(tmp_path):
    shown = played("--agents", "scripted:compromising", "--out", tmp_path / "run")
    wanted = [
        SCENARIO.dilemma,
        *(each.goal for each in SCENARIO.personas),
        f"{SCENARIO.names[0]} is thinking",
        f"1. {SCENARIO.names[0]}",
        f"2. {SCENARIO.names[1]}",
        "judge: they agree",
        "joint answer, by",
        "verdict Collective Agency 3.00 of 5, by the scripted judge",
        "agreed after 3 turns",
        "record:",
    ]
    places = [shown.index(" ".join(each.split())) for each in wanted]
    assert places == sorted(places)


def test_a_game_that_is_watched_goes_on_record_like_any_other(tmp_path):
    options = ("--agents", "scripted:compromising", "scripted:liar", "--guards", "careful", "--judge", "scripted")
    for place, stream in ("watched", Terminal), ("unwatched", TextIOWrapper):
        assert negotiate("play", *options, "--out", tmp_path / place, stream=stream).returncode == 0
    watched, unwatched = (tmp_path / place / "episodes.jsonl" for place in ("watched", "unwatched"))
    assert watched.read_bytes() == unwatched.read_bytes()


def test_cards_are_there_before_a_model_is_loaded():
    options = ("--agents", "python:builtins:int", "--judge", "scripted", "--scenario", "ec-001")
    done = negotiate("play", *options, stream=Terminal)
    assert done.returncode == 2
    assert " ".join(SCENARIO.dilemma.split()) in in_one_line(done.stdout)


def test_a_name_that_is_wrong_is_told_before_the_cards():
    done = negotiate("play", "--agents", "scripted:stubborm", stream=Terminal)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean stubborn?" in done.stderr


@pytest.mark.parametrize("seat", [0, 1])
def test_a_person_at_the_terminal_sees_the_dilemma_its_own_card_and_the_others_words_once(seat):
    agents = ["scripted:compromising"] * 2
    agents[seat] = "human"
    shown = played("--agents", *agents, "--max-turns", "2", typed="We keep twelve.\n\nWe share them.\n\n")
    own, other = SCENARIO.personas[seat], SCENARIO.personas[1 - seat]
    assert shown.count(" ".join(SCENARIO.dilemma.split())) == 1
    before, _, _ = shown.partition("your turn")
    assert before.count(own.goal) == 1
    assert f"{own.name} Goal: {own.goal}" in before
    assert "Played by: you" in before
    assert "PROPOSE: <one-sentence plan>" in before
    assert other.red_line not in before
    heard = "Let each of us give something up and get something back."
    assert shown.count(heard) == 1


_JUDGE = """
from negotiation_env.game.events import QuestionKind, Verdict

class Telling:
    name = "telling judge"

    def judge(self, questions):
        return [
            Verdict(3.0 if each.kind is QuestionKind.SCORE else 0.0, self.name, f"of {each.kind}", {"fairness": 0.5})
            for each in questions
        ]
"""


@pytest.mark.parametrize(("agents", "sees_all"), [(["human", "scripted:liar"], False), (["scripted:liar"], True)])
def test_the_evidence_is_shown_and_to_a_person_with_a_seat_once_the_game_is_over(
    tmp_path, monkeypatch, agents, sees_all
):
    (tmp_path / "telling.py").write_text(_JUDGE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    options = ("--agents", *agents, "--max-turns", "2")
    shown = played(*options, judge="python:telling:Telling", typed="We keep twelve.\n\nWe share them.\n\n")
    assert ("no agreement: of agreement" in shown) == sees_all
    assert "by the telling judge of score fairness ██████████░░░░░░░░░░ 0.5" in shown


def test_a_person_whose_words_a_guard_refuses_is_told_why():
    agents, typed = ("human", "scripted:compromising"), "ACCEPT\n\nWe keep twelve.\n\nWe share them.\n\n"
    shown = played("--agents", *agents, "--max-turns", "2", "--guards", "anti_hacking", typed=typed)
    assert "to you alone" in shown
    assert "say what you need, and what you would change, before you accept." in shown


_WRITER = """
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.interfaces import Reply

class Writer:
    name = "writer"

    def chat(self, requests):
        return [self.stream(each, print) for each in requests]

    def stream(self, request, hear):
        for words in ("", "\\n</think>\\nTwelve", "\\n</think>\\nTwelve stay."):
            hear(text := f"<think>\\nbluff{words}")
        return Reply(text)

def make():
    return ChatAgent(Writer())
"""


@pytest.fixture
def writer(tmp_path, monkeypatch):
    (tmp_path / "a_writer.py").write_text(_WRITER, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(Waiting, "show", lambda waiting, *told: shown.append([*told]))
    shown: list[list] = []
    return shown


def test_words_are_shown_while_they_are_written_and_thoughts_never(writer):
    shown = played("--agents", "python:a_writer:make", "--max-turns", "2")
    under_way = [above.renderable.plain for title, *panels in writer for above in panels if "is speaking" in title]
    assert under_way == ["Twelve", "Twelve stay."] * 3
    assert "bluff" not in shown


def test_a_person_at_the_table_hears_words_once_they_are_delivered(writer):
    shown = played("--agents", "python:a_writer:make", "human", "--max-turns", "2", typed="No.\n\n")
    assert [title for title, *panels in writer if panels] == []
    assert "Twelve stay." in shown


def test_what_libraries_print_goes_by_in_the_bottom_line_and_own_lines_stay(monkeypatch):
    out, errors = Terminal(BytesIO(), encoding="utf-8"), Terminal(BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", errors)
    waiting = Waiting()
    waiting.show("loading")
    sys.stderr.write("\rLoading weights: 38%")
    sys.stderr.write("negotiate: warning: a file is old\n")
    waiting.hide()
    assert sys.stderr is errors
    errors.flush()
    assert errors.buffer.getvalue() == b""
    out.flush()
    assert "negotiate: warning: a file is old\n" in _CONTROL.sub("", out.buffer.getvalue().decode())
