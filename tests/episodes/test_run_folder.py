import threading

import pytest

from negotiation_env import ScriptedJudge
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.environment.episode import latest_episodes
from negotiation_env.episodes.run_folder import open_run, play_into
from negotiation_env.episodes.runner import Game
from negotiation_env.episodes.unscored_limit import UnscoredLimit
from negotiation_env.errors import JudgeError, UserError
from tests.conftest import three_parties, two_parties

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
