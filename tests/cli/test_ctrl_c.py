"""Ctrl-C, and whoever takes the games failing: all stops at once, and every game that had ended is kept."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from negotiation_env import Reply, ScriptedJudge
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.console.interrupts import interruptible, put_off
from negotiation_env.console.threads import left_behind, side_by_side
from negotiation_env.environment.episode import latest_episodes
from negotiation_env.episodes.run_folder import play_into
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.judges.cache import ReplyCache
from tests.conftest import two_parties
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply

pytestmark = pytest.mark.slow

HANGS = 60.0
"""Seconds that an answer takes in these tests, far longer than any of them."""


def negotiate(cache, *arguments, **more):
    command = [sys.executable, "-m", "negotiation_env", *map(str, arguments)]
    environment = os.environ | {"NEGOTIATION_ENV_CACHE": str(cache)}
    return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=environment, **more)


def until(moment, process=None):
    deadline = time.monotonic() + 60
    while not moment():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def press():
    signal.raise_signal(signal.SIGINT)


def interrupted(process, moment):
    """Exit code, output and errors of a command that gets Ctrl-C at that moment."""
    with process:
        try:
            until(moment, process)
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=HANGS / 2)
        finally:
            process.kill()
    return process.returncode, out, errors


def test_an_evaluation_keeps_what_had_ended_asks_nobody_any_more_and_goes_on(tmp_path):
    completions = []

    def answer(asked):
        if "joint answer" in asked["messages"][-1]["content"]:
            completions.append(asked)
        return "Hm."

    with EndpointServer(answer, latency=lambda _: 0 if len(server.bodies) <= 40 else HANGS) as server:
        arguments = ["eval", "--agents", f"openai:m@{server.url}", "--judge", "scripted", "--n", 12]
        arguments += ["--workers", 4, "--out", tmp_path / "run"]
        process = negotiate(tmp_path, *arguments)
        code, _, errors = interrupted(process, lambda: len(server.bodies) == 44 and server.under_way == 4)
        assert (code, errors.count("\n"), len(server.bodies)) == (130, 1, 44)
        assert errors == f"negotiate: stopped; all that had ended is kept in {tmp_path / 'run'}; go on with --resume\n"
        ended = latest_episodes(tmp_path / "run" / "episodes.jsonl")
        assert len(ended) == len(completions) > 0
        server.latency = 0.0
        again = negotiate(tmp_path, *arguments, "--resume")
        assert again.communicate(timeout=60)[1] == ""
    assert again.returncode == 0
    assert len(completions) == 12


PANEL = "panel:median:URL,URL"
PANEL_OF_TWO = "panel:median:JUDGE,OTHER"
BENCH_JUDGE = ["--judge", "JUDGE"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["eval", "--agents", "URL", "--judge", "scripted", "--n", 2, "--out", "OUT"], "go on with --resume"),
        (["eval", "--agents", "scripted:stubborn", "--judge", PANEL, "--n", 2, "--out", "OUT"], "with --resume"),
        (["bench", "--negotiators", "URL", "scripted:liar", "--judge", "scripted", "--out", "OUT"], "with --resume"),
        (["generate", "open", "--model", "URL", "--n", 2, "--no-minilm", "--out", "OUT"], "go on with --resume"),
        (["play", "--agents", "URL", "--judge", "scripted"], "had not ended is not kept"),
        (["judge-check", "--judge", "URL"], "stopped; nothing is written"),
        (["judge-compare", PANEL, "scripted"], "stopped; nothing is written"),
        (["doctor", "--agents", "scripted:stubborn", "--judge", "URL"], "stopped"),
        (["rejudge", "PLAYED", "--judge", "URL"], "go on with the same command"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_every_command_stops_in_one_line_while_an_endpoint_hangs(tmp_path, arguments, told):
    (tmp_path / "played").mkdir()
    play_into(tmp_path / "played" / "episodes.jsonl", GAMES[:2], ScriptedJudge(), **HOW)
    with EndpointServer(latency=HANGS) as server:
        places = {"URL": f"openai:m@{server.url}", "OUT": str(tmp_path / "out"), "PLAYED": str(tmp_path / "played")}
        for name, place in places.items():
            arguments = [str(each).replace(name, place) for each in arguments]
        code, out, errors = interrupted(negotiate(tmp_path, *arguments), lambda: server.under_way > 0)
    assert (code, errors.count("\n"), out.count("Traceback")) == (130, 1, 0), errors
    assert told in errors


@pytest.mark.parametrize(
    ("arguments", "again"),
    [
        (["eval", "--agents", "scripted:stubborn", "--judge", "JUDGE", "--n", 6, "--out", "OUT"], ["--resume"]),
        (["eval", "--agents", "scripted:stubborn", "--judge", PANEL_OF_TWO, "--n", 3, "--out", "OUT"], ["--resume"]),
        (["bench", "--negotiators", "scripted:stubborn", "scripted:liar", *BENCH_JUDGE, "--out", "OUT"], ["--resume"]),
        (["rejudge", "PLAYED", "--judge", "JUDGE"], []),
        (["judge-check", "--judge", "JUDGE"], []),
    ],
    ids=lambda value: value[0] if value else "",
)
def test_what_a_judge_had_answered_before_ctrl_c_is_not_asked_again(tmp_path, arguments, again):
    def latency(body):
        if len(answered) == 3:
            return HANGS
        answered.append(body)
        return 0.0

    answered = []
    (tmp_path / "played").mkdir()
    play_into(tmp_path / "played" / "episodes.jsonl", GAMES, ScriptedJudge(), **HOW)
    with EndpointServer(judge_reply, latency=latency) as server:
        places = {"JUDGE": f"openai:j@{server.url}", "OTHER": f"openai:k@{server.url}"}
        places |= {"OUT": str(tmp_path / "out"), "PLAYED": str(tmp_path / "played")}
        for name, place in places.items():
            arguments = [str(each).replace(name, place) for each in arguments]
        process = negotiate(tmp_path, *arguments)
        kept = ReplyCache(tmp_path / "judge_replies.sqlite")
        code, _, errors = interrupted(process, lambda: len(answered) == 3 and kept.measure()[0] == len(set(answered)))
        assert (code, errors.count("\n")) == (130, 1), errors
        before = len(server.bodies)
        process = negotiate(tmp_path, *arguments, *again)
        with process:
            until(lambda: len(server.bodies) > before, process)
            process.kill()
        assert not set(answered) & set(server.bodies[before:])


def test_a_second_ctrl_c_kills(tmp_path):
    (tmp_path / "clinging.py").write_text(
        "import threading, time\n"
        "def speak(text):\n"
        f"    threading.Thread(target=time.sleep, args=({HANGS},)).start()\n"
        "    print('here', flush=True)\n"
        f"    time.sleep({HANGS})\n"
    )
    arguments = ["play", "--agents", "function:clinging:speak", "--judge", "scripted"]
    with negotiate(tmp_path, *arguments, cwd=tmp_path) as process:
        while process.stdout.readline() != "here\n":
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert "stopped" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=HANGS / 2) == -signal.SIGINT


STUBBORN = ScriptedAgent("stubborn")
GAMES = [Game(f"game {number}", two_parties(), (STUBBORN,) * 2) for number in range(4)]
HOW = {"batch": 2, "workers": 1, "limit": UnscoredLimit(1.0), "progress": lambda _: None}


class Slow(ScriptedAgent):
    """Counts its turns, and waits in all games but the first until the test is over."""

    def __init__(self):
        super().__init__("stubborn")
        self.turns, self.over = [], threading.Event()

    def act(self, requests):
        self.turns.append(requests[0].game)
        if requests[0].game != "game 0":
            self.over.wait(HANGS)
        return super().act(requests)


@pytest.fixture
def slow():
    agent = Slow()
    yield agent
    agent.over.set()
    until(lambda: not left_behind())


def slow_games(agent):
    return [Game(f"game {number}", two_parties(), (agent,) * 2) for number in range(6)]


def stopped(agent):
    """No turn is taken any more, also where those under way end."""
    turns = len(agent.turns)
    agent.over.set()
    until(lambda: not left_behind())
    return len(agent.turns) == turns


def test_a_consumer_that_fails_ends_the_games_under_way_without_another_turn(slow):
    def consume():
        for _ in play_many(slow_games(slow), ScriptedJudge(), workers=3):
            raise RuntimeError("a bug of the caller")

    with pytest.raises(RuntimeError, match="a bug of the caller"):
        consume()
    assert stopped(slow)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@contextmanager
def full_disk():
    """As full as a process may fill it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_full_disk_ends_a_run_at_once(tmp_path, slow, workers):
    games = slow_games(slow)
    with full_disk(), pytest.raises(OSError, match="File too large"):
        play_into(tmp_path / "episodes.jsonl", games, ScriptedJudge(), **HOW | {"batch": 1, "workers": workers})
    assert stopped(slow)


def test_the_command_line_tells_of_a_full_disk_in_one_line_and_what_was_written_stays(tmp_path):
    out = tmp_path / "run"
    evaluation = f"{sys.executable} -m negotiation_env eval --agents scripted:stubborn --judge scripted --out {out}"
    done = subprocess.run(["bash", "-c", f"ulimit -f 24; exec {evaluation}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert (
        done.stderr
        == f"negotiate: stopped: File too large; mend that; all that had ended is kept in {out}; go on with --resume\n"
    )
    assert 0 < len(latest_episodes(out / "episodes.jsonl")) < 20
    again = subprocess.run([*evaluation.split(), "--resume"], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert len(latest_episodes(out / "episodes.jsonl")) == 20


def test_games_that_end_while_another_is_written_are_kept_though_ctrl_c_comes_then(tmp_path):
    def busy(episode):
        if not told:  # all three have ended, and only one is on file
            until(lambda: sum(judge.calls) == sum(unbroken.calls) and not left_behind())
            press()
        told.append(episode.id)

    told = []
    unbroken, judge = ScriptedJudge(), ScriptedJudge()
    play_into(tmp_path / "unbroken.jsonl", GAMES[:3], unbroken, **HOW)
    path = tmp_path / "episodes.jsonl"
    with pytest.raises(KeyboardInterrupt):
        play_into(path, GAMES, judge, **HOW | {"workers": 3, "progress": busy})
    assert len(told) == len(latest_episodes(path)) == 3


def test_in_lockstep_a_game_that_has_ended_in_the_round_that_breaks_off_is_kept(tmp_path):
    class Failing(ScriptedAgent):
        def act(self, requests):
            return [Reply("", error="the endpoint is down")] * len(requests)

    class Interrupting(ScriptedAgent):
        def act(self, requests):
            press()
            raise AssertionError("it is not put off here")

    kinds = (Failing("stubborn"), Interrupting("stubborn"))
    games = [Game(f"game {number}", two_parties(), (kind,) * 2) for number, kind in enumerate(kinds)]
    with pytest.raises(KeyboardInterrupt):
        play_into(tmp_path / "episodes.jsonl", games, ScriptedJudge(), **HOW)
    assert [each.failure for each in latest_episodes(tmp_path / "episodes.jsonl").values()] == [
        "the agent failed: the endpoint is down"
    ]


def test_ctrl_c_is_put_off_until_one_waits_and_a_second_one_is_not():
    def first_waits():
        press()
        done.append("written")
        with interruptible():
            done.append("waited")

    def twice():
        press()
        press()
        done.append("after the second")

    def no_waiting():
        press()
        done.append("at the end")

    done = []
    for work in (first_waits, twice, no_waiting):
        with pytest.raises(KeyboardInterrupt), put_off():
            work()
    assert done == ["written", "at the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_one_waits_it_can_be_put_off_for_a_while():
    def keeping():
        with interruptible():
            with put_off():
                press()
                done.append("written")
            done.append("not reached")

    def waiting_again():
        with interruptible():
            with put_off(), interruptible():
                done.append("waited")
            press()
            done.append("not reached")

    done = []
    for work in (keeping, waiting_again):
        with pytest.raises(KeyboardInterrupt), put_off():
            work()
    assert done == ["written", "waited"]


def test_a_program_s_own_handler_of_ctrl_c_stays():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with put_off():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            press()
    finally:
        signal.signal(signal.SIGINT, before)


def test_side_by_side_gives_results_in_order_and_raises_once_all_have_ended():
    ended = []

    def work(number):
        time.sleep(0.02 * number)
        ended.append(number)
        if number == 1:
            raise ValueError("the second")
        return number

    assert side_by_side(str, [1, 2]) == ["1", "2"]
    with pytest.raises(ValueError, match="the second"):
        side_by_side(work, range(4))
    assert sorted(ended) == [0, 1, 2, 3]
