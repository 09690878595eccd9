import threading

import pytest

from negotiation_env import ScriptedJudge
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.benchmark.ability.comparison import REPORT
from negotiation_env.environment.episode import latest_episodes
from negotiation_env.episodes.rejudge import rejudge
from negotiation_env.episodes.run_folder import keep_apart, open_games, open_run, play_into, refuse_own
from negotiation_env.episodes.runner import Game
from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.errors import JudgeError, UserError
from negotiation_env.synthesis.dataset import HELD_OUT as HELD_OUT_TEXTS
from negotiation_env.synthesis.dataset import SCENARIOS
from negotiation_env.training.held_out_log import HELD_OUT
from negotiation_env.training.run_folder import CHECKPOINTS, METRICS
from tests.conftest import three_parties, two_parties
from tests.report.runs import benchmark, training

STUBBORN = ScriptedAgent("stubborn")
PAIRS = [Game(f"pair {number}", two_parties(), (STUBBORN,) * 2) for number in range(3)]
TRIOS = [Game(f"trio {number}", three_parties(), (STUBBORN,) * 3) for number in range(2)]


def play(path, games, judge=None, *, limit=None, told=None, workers=1, **rules):
    note = [].append if told is None else told if callable(told) else told.append
    limit = limit or UnscoredLimit(1.0)
    play_into(path, games, judge or ScriptedJudge(), batch=2, workers=workers, limit=limit, progress=note, **rules)


def test_games_of_several_kinds_share_a_file_and_each_is_played_by_its_own_rules(tmp_path):
    path, told = tmp_path / "episodes.jsonl", []
    play(path, PAIRS, max_turns=2)
    pairs = path.read_bytes()
    play(path, TRIOS, told=told, max_turns=3)
    assert path.read_bytes().startswith(pairs)
    assert [episode.id for episode in told] == ["trio 0", "trio 1"]
    assert [each.rules.max_turns for each in latest_episodes(path).values()] == [2, 2, 2, 3, 3]


def test_games_that_are_kept_count_for_the_limit(tmp_path):
    path, limit = tmp_path / "episodes.jsonl", UnscoredLimit(0.3)
    play(path, PAIRS)
    play(path, [*PAIRS, *TRIOS], ScriptedJudge(agrees=lambda _: None), limit=limit)
    with pytest.raises(JudgeError, match=r"2 of the last 5"):
        limit.finish()


def test_an_error_lets_the_games_under_way_end_and_be_kept_and_no_other_begin(tmp_path):
    path, leave, begun = tmp_path / "episodes.jsonl", threading.Event(), set()

    class Waiting(ScriptedAgent):
        """In the first game it waits for leave."""

        def act(self, requests):
            begun.add(requests[0].game)
            assert requests[0].game != "game 0" or leave.wait(timeout=30)
            return super().act(requests)

    def spent(episode):
        leave.set()
        raise UserError(f"the money is spent at {episode.id}")

    games = [Game(f"game {number}", two_parties(), (Waiting("stubborn"),) * 2) for number in range(6)]
    with pytest.raises(UserError, match="spent at game 1"):
        play(path, games, told=spent, workers=2)
    assert begun == set(latest_episodes(path)) == {"game 0", "game 1"}


def test_in_lockstep_an_error_lets_its_batch_end_and_be_kept(tmp_path):
    path, limit = tmp_path / "episodes.jsonl", UnscoredLimit(1.0)

    def spent(episode):
        raise UserError(f"the money is spent at {episode.id}")

    with pytest.raises(UserError, match="spent at pair 0"):
        play(path, PAIRS, limit=limit, told=spent)
    assert list(latest_episodes(path)) == ["pair 0", "pair 1"]


def test_settings_that_are_gone_or_new_are_named_and_no_more_than_three(tmp_path):
    open_run(tmp_path, {"seed": 1, "panel": {"a": "x", "b": "y"}, "order": ("a", "b")}, resume=False)
    open_run(tmp_path, {"seed": 1, "panel": {"a": "x", "b": "y"}, "order": ["a", "b"]}, resume=True)
    with pytest.raises(UserError) as error:
        open_run(tmp_path, {"seed": 1, "panel": {"a": "x", "c": "z"}, "order": ["b", "a"]}, resume=True)
    told = (
        "panel.b was 'y' and is None; order.0 was 'a' and is 'b'; order.1 was 'b' and is 'a'; --resume needs the same"
    )
    assert str(error.value) == f"the run in {tmp_path} had other settings: {told}"


def test_a_list_that_may_grow_may_not_shrink(tmp_path):
    open_run(tmp_path, {"scenarios": ["a 1", "b 2"]}, resume=False)
    open_run(tmp_path, {"scenarios": ["b 2", "c 3", "a 1"]}, resume=True, grows="scenarios")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "run.json").write_text('{"scenarios": 5}')
    with pytest.raises(UserError, match="had other settings: scenarios was 5 and is None"):
        open_run(tmp_path / "elsewhere", {"scenarios": ["c 3"]}, resume=True, grows="scenarios")
    with pytest.raises(UserError, match=r"had other settings: seed was None and is 2; --resume"):
        open_run(tmp_path, {"scenarios": ["c 3"], "seed": 2}, resume=True, grows="scenarios")
    with pytest.raises(UserError) as error:
        open_run(tmp_path, {"scenarios": ["c 3"]}, resume=True, grows="scenarios")
    told = "has 3 scenarios, of which 2 are not asked for now, such as b 2; a run that goes on may have more, not fewer"
    assert str(error.value) == f"the run in {tmp_path} {told}"


def test_a_single_game_is_not_played_for_a_folder_whose_record_cannot_be_read(tmp_path):
    (tmp_path / "episodes.jsonl").write_text("mine")
    with open_games(tmp_path):
        pass  # half a line of a game that was killed: nothing is known of whose it was
    (tmp_path / "episodes.jsonl").write_text("mine\n")
    with pytest.raises(UserError, match="line 1 is not an episode"), open_games(tmp_path):
        pytest.fail("the game would be played")
    assert (tmp_path / "episodes.jsonl").read_text() == "mine\n"


@pytest.fixture
def run(tmp_path):
    out = tmp_path / "runs" / "run"
    play_into_folder(out)
    return out


def play_into_folder(out):
    out.mkdir(parents=True)
    (out / ".lock").touch()
    play(out / "episodes.jsonl", PAIRS)


@pytest.mark.parametrize(
    "name",
    [
        "episodes.jsonl",
        "run.json",
        ".lock",
        "metrics.jsonl",
        "rejudged/judge.jsonl",
        "held_out/step-2",
        "adapter",
        "../run/run.json",
        "../../runs/run/summary.json",
        "link/episodes.jsonl",
    ],
)
def test_what_a_run_writes_no_command_is_told_to_write(run, name):
    (run / "link").symlink_to(run)
    with pytest.raises(UserError, match=rf"belongs to the run in .*{run.name}; give another place"):
        refuse_own(run / name)


def test_all_that_runs_write_is_known_as_theirs(tmp_path):
    benchmark(tmp_path / "bench")
    training(tmp_path / "train")
    rejudge(tmp_path / "bench", ScriptedJudge())
    written = {path.name for folder in tmp_path.iterdir() for path in folder.iterdir()}
    named = {METRICS, CHECKPOINTS, HELD_OUT, SCENARIOS, HELD_OUT_TEXTS, REPORT, "summary.json", "contents.json"}
    for name in written | named:
        with pytest.raises(UserError, match="belongs to the run"):
            refuse_own(tmp_path / "bench" / name)


def test_beside_and_in_a_run_s_folder_there_is_room_for_other_things(run, tmp_path):
    (tmp_path / "config.toml").touch()  # of a run that is not there yet
    for path in (run, run / "mine.html", run / "judge.json", run.parent / "run.json", tmp_path / "model"):
        refuse_own(path)


def recordings(run, tmp_path):
    """Places where no recording of the run may be, by how they are spelt."""
    (tmp_path / "to the run").symlink_to(run)
    (tmp_path / "to a file").symlink_to(run / "tape")
    (tmp_path / "hard link").hardlink_to(run / ".lock")
    return [
        *(run, run / "tape", run / "run.json", run / ".lock", run / "deep" / "tape", run.parent),
        *(tmp_path / "runs" / "other" / ".." / "run" / "tape", tmp_path / "to the run" / "tape"),
        *(tmp_path / "to a file", tmp_path / "hard link"),
    ]


def test_a_recording_is_not_where_its_run_writes_however_its_path_is_spelt(run, tmp_path):
    for path in recordings(run, tmp_path):
        with pytest.raises(UserError, match=r"in one place; give the recording one of its own|belongs to the run"):
            keep_apart(run, path)
    for path in (tmp_path / "tape", run.parent / "tape", run.parent / "run-tape", run.parent / "run.jsonl"):
        keep_apart(run, path)


def test_a_recording_is_kept_out_of_a_folder_that_is_not_there_yet(tmp_path):
    for path in ("new", "new/tape", "new/run.json", "x/../new/tape"):
        with pytest.raises(UserError, match="in one place"):
            keep_apart(tmp_path / "new", tmp_path / path)
    with pytest.raises(UserError, match="in one place"):
        keep_apart(tmp_path / "tape" / "run", tmp_path / "tape")
    keep_apart(tmp_path / "new", tmp_path / "new.tape")
    assert list(tmp_path.iterdir()) == []
