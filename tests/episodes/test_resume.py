"""A run that is killed goes on where it was, and ends as one that was not."""

import os
import subprocess
import sys
import threading
import time

import pytest

from negotiation_env import Reply, ScriptedJudge, load_scenarios
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.environment.episode import latest_episodes, read_episodes
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.errors import JudgeError, UserError
from tests.helpers.killing import holds_lines, kill_when

pytestmark = pytest.mark.slow

SCENARIOS = load_scenarios("eval_conflict")[:6]

MOODY = '''
"""Slow; accepts by the seed and by how many share its batch, as a model's last bits do; hangs on demand."""

import os
import time
from pathlib import Path

from negotiation_env import Reply


class Moody:
    name = "moody"

    def act(self, requests):
        time.sleep(0.02)
        while hanging():
            time.sleep(0.02)
        return [Reply(words(request, len(requests))) for request in requests]


def words(request, company):
    accepts = "PROPOSE:" in request.messages[-1]["content"] and (request.seed + company) % 3 == 0
    return f"One of {company}.\\n" + ("ACCEPT" if accepts else f"PROPOSE: Plan {request.seed % 1000}.")


def hanging():
    path = Path(os.environ["EPISODES"])
    return path.is_file() and path.read_bytes().count(b"\\n") >= int(os.environ["HANG_AT"])
'''


def command(folder, out, workers, *more):
    told = ["--agents", "python:moody:Moody", "--judge", "scripted", "--n", "40", "--workers", str(workers)]
    return [sys.executable, "-m", "negotiation_env", "eval", *told, "--out", str(folder / out), *more]


def surroundings(folder, out, hang_at=1000):
    paths = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return os.environ | {
        "PYTHONPATH": paths,
        "EPISODES": str(folder / out / "episodes.jsonl"),
        "HANG_AT": str(hang_at),
    }


def run(folder, out, workers, *more):
    environment = surroundings(folder, out)
    done = subprocess.run(command(folder, out, workers, *more), env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr


def run_and_kill(folder, out, workers, *, at):
    """Kill -9 once that many episodes are on file; the agents hang then, so that the run cannot end before."""
    path = folder / out / "episodes.jsonl"
    environment = surroundings(folder, out, at)
    process = subprocess.Popen(command(folder, out, workers), env=environment, stderr=subprocess.DEVNULL)
    kill_when(lambda: holds_lines(path, at), process, patience=60)


# In lockstep the 34th episode is in the second batch of 32.
@pytest.mark.parametrize(("workers", "at"), [(1, 34), (4, 10)])
def test_a_run_that_was_killed_ends_with_the_summary_of_an_unbroken_one(tmp_path, workers, at):
    (tmp_path / "moody.py").write_text(MOODY)
    run(tmp_path, "unbroken", workers)
    run_and_kill(tmp_path, "killed", workers, at=at)
    first = (tmp_path / "killed" / "episodes.jsonl").read_bytes()
    assert at <= first.count(b"\n") < 40
    run(tmp_path, "killed", workers, "--resume")
    lines = (tmp_path / "killed" / "episodes.jsonl").read_bytes()
    assert lines.startswith(first[: first.rindex(b"\n") + 1])
    assert lines.count(b"\n") == 40
    unbroken, resumed = tmp_path / "unbroken", tmp_path / "killed"
    assert (resumed / "summary.json").read_bytes() == (unbroken / "summary.json").read_bytes()
    assert latest_episodes(resumed / "episodes.jsonl") == latest_episodes(unbroken / "episodes.jsonl")


class Counting(ScriptedAgent):
    """Notes the batches that it is asked in."""

    def __init__(self, script="compromising"):
        super().__init__(script)
        self.calls = []

    def act(self, requests):
        self.calls.append({request.game for request in requests})
        return super().act(requests)


def play(out, agent=None, judge=None, **settings):
    agent = agent or ScriptedAgent("compromising")
    return evaluate([agent], judge or ScriptedJudge(), SCENARIOS, out, **{"batch": 3} | settings)


def ids(*positions):
    return {SCENARIOS[position].id for position in positions}


def keep_lines(out, count, tail=b""):
    path = out / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:count]) + lines[count][: len(lines[count]) // 2] + tail)
    return lines


@pytest.mark.parametrize("tail", [b"", "é".encode()[:1]])
def test_half_a_line_is_cut_off_and_nothing_is_lost_or_glued(tmp_path, tail):
    play(tmp_path)
    lines = keep_lines(tmp_path, 4, tail)
    assert len(list(read_episodes(tmp_path / "episodes.jsonl"))) == 4
    play(tmp_path, resume=True)
    assert (tmp_path / "episodes.jsonl").read_bytes() == b"".join(lines)


def test_in_lockstep_a_broken_batch_is_played_whole_and_a_complete_one_not_at_all(tmp_path):
    play(tmp_path)
    keep_lines(tmp_path, 4)
    agent = Counting()
    play(tmp_path, agent, resume=True)
    assert all(call == ids(3, 4, 5) for call in agent.calls)
    assert len(list(read_episodes(tmp_path / "episodes.jsonl"))) == 6


def test_with_workers_only_the_missing_games_are_played(tmp_path):
    play(tmp_path)
    keep_lines(tmp_path, 4)
    agent = Counting()
    play(tmp_path, agent, resume=True, workers=2)
    assert set.union(*agent.calls) == ids(4, 5)


def test_an_unscored_episode_is_played_again_and_its_last_line_counts(tmp_path):
    def fails_on_one(question):
        return None if question.scenario.id == SCENARIOS[2].id else 3.0

    assert play(tmp_path, judge=ScriptedJudge(score=fails_on_one)).unscored == 1
    assert play(tmp_path, resume=True).unscored == 0
    written = [episode.id for episode in read_episodes(tmp_path / "episodes.jsonl")]
    assert (len(written), written.count(SCENARIOS[2].id)) == (7, 2)
    play(tmp_path / "at once")
    assert (tmp_path / "summary.json").read_bytes() == (tmp_path / "at once" / "summary.json").read_bytes()


def test_a_finished_run_can_be_resumed_and_asks_nobody(tmp_path):
    agent, told = Counting(), []
    summary = play(tmp_path)
    assert play(tmp_path, agent, resume=True, progress=told.append) == summary
    assert agent.calls == []
    assert len(told) == 6


def test_a_run_with_too_many_unscored_episodes_stops_without_a_summary_and_goes_on_later(tmp_path):
    with pytest.raises(JudgeError, match=r"6 of the last 6 .* last reason: scripted; .* --resume"):
        play(tmp_path, judge=ScriptedJudge(score=None))
    assert not (tmp_path / "summary.json").exists()
    assert len(list(read_episodes(tmp_path / "episodes.jsonl"))) == 6
    assert play(tmp_path, resume=True).unscored == 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"max_turns": 5}, r"rules\.max_turns was 7 and is 5"),
        ({"batch": 2}, "batch was 3 and is 2"),
        ({"agent": ScriptedAgent("stubborn")}, r"agents\.0 was 'scripted:compromising' and is 'scripted:stubborn'"),
    ],
)
def test_a_run_goes_on_with_the_same_settings_only(tmp_path, settings, told):
    play(tmp_path)
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(UserError, match=told):
        play(tmp_path, resume=True, **settings)
    assert (tmp_path / "run.json").read_bytes() == before


def test_a_run_goes_on_with_no_fewer_scenarios(tmp_path):
    play(tmp_path)
    with pytest.raises(UserError, match=rf"6 scenarios, of which 1 are not asked for now, such as {SCENARIOS[5].id} "):
        evaluate([ScriptedAgent("compromising")], ScriptedJudge(), SCENARIOS[:5], tmp_path, batch=3, resume=True)


def test_where_nothing_was_begun_there_is_nothing_to_resume(tmp_path):
    with pytest.raises(UserError, match="nothing to resume"):
        play(tmp_path, resume=True)
    play(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(UserError, match="does not hold a run's settings"):
        play(tmp_path, resume=True)


class Patient(ScriptedAgent):
    """In one game it waits for leave."""

    def __init__(self, waits_in):
        super().__init__("compromising")
        self.leave = threading.Event()
        self._waits_in = waits_in

    def act(self, requests):
        if requests[0].game == self._waits_in:
            assert self.leave.wait(timeout=30)
        return super().act(requests)


def games(agent):
    return [Game(scenario.id, scenario, (agent, agent)) for scenario in SCENARIOS]


def test_with_workers_an_episode_comes_as_soon_as_its_game_ends():
    agent = Patient(SCENARIOS[0].id)
    episodes = play_many(games(agent), ScriptedJudge(), workers=2)
    first = [next(episodes).id for _ in range(5)]
    agent.leave.set()
    assert set(first) == ids(1, 2, 3, 4, 5)
    assert [episode.id for episode in episodes] == [SCENARIOS[0].id]


def test_with_workers_an_error_ends_the_run_and_games_that_have_not_begun_are_dropped():
    begun = []

    class Broken(ScriptedAgent):
        def act(self, requests: list) -> list[Reply]:
            begun.append(requests[0].game)
            time.sleep(0.05)
            raise UserError("no weights")

    with pytest.raises(UserError, match="no weights"):
        list(play_many(games(Broken("stubborn")), ScriptedJudge(), workers=2))
    assert len(begun) < 6
