"""A folder belongs to one run at a time, and to the run that began it."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from negotiation_env import ScriptedJudge, load_scenarios
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.benchmark.run import run_benchmark
from negotiation_env.endpoints.recording import Recorder
from negotiation_env.environment.episode import append_episode, latest_episodes
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.rejudge import rejudge
from negotiation_env.episodes.run_folder import EPISODES, claim, open_games
from negotiation_env.episodes.runner import Game, play
from negotiation_env.errors import UserError
from negotiation_env.synthesis.generate import generate
from tests.benchmark.small_benchmark import cast_of, small
from tests.conftest import two_parties
from tests.helpers.killing import kill_when
from tests.synthesis import writers

SCENARIOS = load_scenarios("eval_conflict")[:3]
HOLDER = """
import sys, time
from pathlib import Path
from negotiation_env.episodes.run_folder import claim

with claim(Path(sys.argv[1])):
    print("claimed", flush=True)
    time.sleep(600)
"""


def evaluation(out, script="stubborn", **more):
    return evaluate([ScriptedAgent(script)], ScriptedJudge(), SCENARIOS, out, **more)


def benchmark(out):
    config = small()
    run_benchmark(config, cast_of(config), out)


def generation(out):
    generate(writers.SETTINGS, writers.author(), writers.judge(), out, writers.SOURCES)


def single_game(out):
    with open_games(out):
        raise AssertionError


def in_another_thread(work):
    """What it raises there: a claim is the thread's that made it."""
    caught = []

    def run():
        try:
            work()
        except UserError as error:
            caught.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return caught


@pytest.mark.parametrize(
    "run", [evaluation, benchmark, generation, single_game, lambda out: rejudge(out, ScriptedJudge())]
)
def test_while_a_run_has_a_folder_no_other_begins_there(tmp_path, run):
    with claim(tmp_path / "run"):
        told = in_another_thread(lambda: run(tmp_path / "run"))
        assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
    assert told == [f"another run has {tmp_path / 'run'}; wait until it has ended, or give another folder"]


def test_a_killed_run_claims_nothing(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"claimed\n"
    with pytest.raises(UserError, match="another run has"), claim(tmp_path):
        pass
    kill_when(lambda: True, process, patience=10)
    process.stdout.close()
    assert evaluation(tmp_path).episodes == 3


def test_a_run_may_claim_its_folder_again_and_gives_it_back_at_the_end(tmp_path):
    with claim(tmp_path):
        with claim(tmp_path / "." / "x" / ".."):
            pass
        assert in_another_thread(lambda: evaluation(tmp_path))
    assert in_another_thread(lambda: evaluation(tmp_path)) == []


def test_a_folder_that_was_made_for_nothing_is_removed_and_one_that_was_there_stays(tmp_path):
    (tmp_path / "there").mkdir()
    for name in ("there", "not"):
        with pytest.raises(UserError, match="nothing to resume"):
            evaluation(tmp_path / name, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_what_cannot_be_a_folder_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="a file is where a folder is needed"):
        evaluation(tmp_path / "file")


def test_a_lock_that_is_a_link_is_refused(tmp_path):
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"\.lock is a link"):
        evaluation(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"script": "compromising"}, "agents.0 was 'scripted:compromising' and is 'scripted:stubborn'"),
        ({"seed": 5}, r"seed was \d+ and is \d+"),
    ],
)
def test_a_run_does_not_take_the_games_of_another_for_its_own(tmp_path, more, told):
    evaluation(tmp_path / "own")
    evaluation(tmp_path / "other", **more)
    foreign = latest_episodes(tmp_path / "other" / EPISODES)[SCENARIOS[1].id]
    append_episode(tmp_path / "own" / EPISODES, foreign)
    with pytest.raises(UserError, match=f"holds another run's game {SCENARIOS[1].id}: .*{told}.*; give another folder"):
        evaluation(tmp_path / "own", resume=True)


@pytest.mark.parametrize("first", [evaluation, benchmark, generation])
@pytest.mark.parametrize("second", [evaluation, benchmark, generation])
def test_no_run_begins_where_another_was(tmp_path, first, second):
    first(tmp_path)
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(UserError, match="already; go on with --resume, or give another --out"):
        second(tmp_path)
    assert (tmp_path / "run.json").read_bytes() == before


def test_games_of_one_folder_keep_apart_and_none_is_added_to_a_run(tmp_path):
    agent = ScriptedAgent("stubborn")
    game = play(Game("well", two_parties(), (agent, agent)), ScriptedJudge(), max_turns=2)
    for _ in range(3):
        with open_games(tmp_path / "games") as keep:
            keep(game)
    assert list(latest_episodes(tmp_path / "games" / EPISODES)) == ["well", "well/2", "well/3"]
    evaluation(tmp_path / "run")
    with pytest.raises(UserError, match="is the folder of a run"), open_games(tmp_path / "run"):
        pass


def test_two_runs_do_not_record_into_one_file(tmp_path):
    recorder = Recorder(tmp_path / "tape")
    assert in_another_thread(lambda: Recorder(tmp_path / "tape")) == [
        f"another run records into {tmp_path / 'tape'}; give another file"
    ]
    del recorder
    assert in_another_thread(lambda: Recorder(tmp_path / "tape")) == []


def negotiate(*arguments):
    command = [sys.executable, "-m", "negotiation_env", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


COMMANDS = {
    "eval": ["--agents", "hf:no-such-model"],  # what is refused at once loads no model
    "bench": ["--negotiators", "hf:no-such-model", "scripted:pushy"],
    "generate": ["dilemmas", "--model", "hf:no-such-model"],
    "train": ["examples/selfplay_embedded.toml", "--model", "no-such-model"],
    "play": ["--agents", "hf:no-such-model"],
}


@pytest.mark.parametrize("command", [*COMMANDS, "rejudge"])
def test_a_command_is_refused_at_once_in_one_line(tmp_path, command):
    if command in ("generate", "play"):
        pytest.importorskip("torch")  # they look for the model's extra first
    evaluation(tmp_path)
    place = [str(tmp_path)] if command == "rejudge" else ["--out", str(tmp_path)]
    with claim(tmp_path):
        done = negotiate(command, *COMMANDS.get(command, []), *place)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"negotiate: another run has {tmp_path}; wait until it has ended, or give another folder"
    ]


def test_the_measuring_of_abilities_claims_its_folder_too(tmp_path):
    from negotiation_env.benchmark.ability.comparison import AbilitySettings
    from negotiation_env.benchmark.ability.measuring import measure

    with claim(tmp_path):
        told = in_another_thread(lambda: measure(["embedded"], {}, Path(tmp_path), AbilitySettings("0.4.13")))
    assert told == [f"another run has {tmp_path}; wait until it has ended, or give another folder"]
