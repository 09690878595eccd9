"""`negotiate play --browser` as a process of its own, which Ctrl-C ends."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from negotiation_env.environment.episode import read_episodes
from negotiation_env.judges.ratings import read_ratings
from tests.browser.pages import ask, say, state, until
from tests.browser.test_study import FILE, LEVELS, play_one

PLAY = [sys.executable, "-m", "negotiation_env", "play", "--browser", "--no-open"]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]+/")


@contextmanager
def playing(*options):
    """The process and its pages' addresses; what it printed meanwhile stays in its pipes."""
    with subprocess.Popen(
        [*PLAY, *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as own:
        try:
            addresses = []
            while "Ctrl-C" not in (line := own.stdout.readline()):
                assert line or own.poll() is None, own.stderr.read()
                addresses += ADDRESS.findall(line)
            yield own, addresses
        finally:
            own.kill()


def stopped(process):
    os.kill(process.pid, signal.SIGINT)
    out, error = process.communicate(timeout=30)
    return process.returncode, out, error


@pytest.mark.slow
def test_a_game_that_has_ended_is_kept_and_ctrl_c_ends_the_server(tmp_path):
    options = ("--agents", "scripted:compromising", "human", "--judge", "scripted", "--out", tmp_path)
    with playing(*options) as (process, (seat, watcher)):
        until(seat, bool)  # there is nothing to see before the game has begun
        while not state(watcher)["over"]:
            now = state(seat)
            if now["speaker"] == 1 and not now["over"]:
                ask(seat, "answer", said={"move": now["move"], "words": "ACCEPT"})
        code, out, error = stopped(process)
    assert (code, error) == (0, "")
    assert "the negotiation ended" in out
    (episode,) = read_episodes(tmp_path / "episodes.jsonl")
    assert episode.agents[1] == "human"


@pytest.mark.slow
def test_a_game_that_has_not_ended_is_not_kept_and_says_so(tmp_path):
    options = ("--agents", "human", "--judge", "scripted", "--out", tmp_path)
    with playing(*options) as (process, (first, *_)):
        say(first, "Hi.")
        code, _, error = stopped(process)
    assert code == 130
    assert error == "negotiate: stopped; a negotiation that had not ended is not kept\n"
    assert not (tmp_path / "episodes.jsonl").exists()


@pytest.mark.slow
def test_a_participant_who_comes_back_goes_on_where_the_ratings_end(tmp_path):
    (tmp_path / "study.toml").write_text(FILE)
    out = tmp_path / "out"
    for trial in (0, 1):
        with playing("--study", tmp_path / "study.toml", "--out", out, "--participant", "Ada") as (process, (page,)):
            ask(page, "answer", said={"consent": True})
            until(page, lambda now, trial=trial: now["stage"] == "game" and now["trial"] == trial and now["game"])
            play_one(page)
            ask(page, "answer", said={"trial": trial, "ratings": LEVELS})
            until(page, lambda now, trial=trial: now["trial"] != trial or now["stage"] == "over")
            assert stopped(process)[0] == 0
    rated = read_ratings(out / "ratings.jsonl")
    assert [(game.participant, game.trial) for game in rated] == [("Ada", 0), ("Ada", 1)]
    assert {game.condition for game in rated} == {"a", "b"}
    for game, episode in zip(rated, read_episodes(out / "episodes.jsonl"), strict=True):
        assert episode.tags == {
            "study": game.study,
            "participant": "Ada",
            "trial": game.trial,
            "condition": game.condition,
        }
        assert (episode.dialogue, episode.outcome.completion) == (game.dialogue, game.completion)
