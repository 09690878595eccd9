"""What a speaker was told, made again, beside what it was told."""

import pytest

from negotiation_env import ScriptedJudge, load_scenarios
from negotiation_env.environment.episode import read_episodes
from negotiation_env.episodes.runner import Game, play
from negotiation_env.interfaces import Reply
from negotiation_env.report.shown_prompts import shown_prompts
from tests.report.runs import guarded


class Listener:
    """Keeps what it is shown, and says always the same."""

    name = "listener"

    def __init__(self):
        self.shown = []

    def act(self, requests):
        self.shown += [request.messages for request in requests]
        return [Reply("I hear you.\nPROPOSE: We share.") for _ in requests]


@pytest.mark.parametrize("rules", [{}, {"history_turns": 2}, {"max_turns": 0}, {"personas": False}])
def test_prompts_are_those_that_the_speakers_were_shown(rules):
    listener = Listener()
    game = Game("g", load_scenarios("eval_conflict")[0], (listener, listener))
    episode = play(game, ScriptedJudge(), complete_without_agreement=True, **rules)
    assert [list(each) for each in shown_prompts(episode)] == [list(each) for each in listener.shown]


def test_where_the_record_does_not_tell_them_there_are_none(tmp_path):
    (episode,) = read_episodes(guarded(tmp_path) / "episodes.jsonl")
    assert set(shown_prompts(episode)) == {()}
