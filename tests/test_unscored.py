from types import SimpleNamespace

import pytest

from agents.chat import ChatAgent
from agents.models.fake import FakeModel
from negotiation_env import ScriptedJudge
from negotiation_env.errors import JudgeError
from negotiation_env.runner import Game, play
from negotiation_env.unscored import UnscoredLimit
from tests.conftest import two_parties


def stops_at(limit, outcomes):
    """The number of negotiations after which the run stops; None where it goes on to the end."""
    for number, scored in enumerate(outcomes, start=1):
        try:
            limit.count(None if scored else "timeout")
        except JudgeError:
            return number
    return None


def test_a_dead_judge_stops_a_run_after_twenty_negotiations():
    assert stops_at(UnscoredLimit(0.2), [False] * 50) == 20


def test_the_allowed_share_itself_is_allowed():
    assert stops_at(UnscoredLimit(0.2), [True, True, True, True, False] * 40) is None
    assert stops_at(UnscoredLimit(0.29), ([False] * 29 + [True] * 71)[::-1]) is None  # 29 / 100 is no more than 0.29


def test_a_judge_that_dies_late_is_noticed_by_the_last_hundred():
    assert stops_at(UnscoredLimit(0.2), [True] * 1000 + [False] * 1000) == 1021


def test_a_limit_of_one_never_stops():
    limit = UnscoredLimit(1.0)
    assert stops_at(limit, [False] * 50) is None
    limit.finish()


def test_a_run_of_fewer_than_twenty_is_looked_at_when_it_ends():
    limit = UnscoredLimit(0.2)
    assert stops_at(limit, [False, True, True]) is None
    with pytest.raises(JudgeError, match="1 of the last 3"):
        limit.finish()
    UnscoredLimit(0.0).finish()  # a run without negotiations


def test_the_message_says_how_many_why_and_what_to_do_in_one_line():
    limit = UnscoredLimit(0.2)
    assert stops_at(limit, [True] * 10) is None
    for _ in range(9):
        limit.count("timeout")
    with pytest.raises(JudgeError) as caught:
        limit.count("HTTP 503:\n\x1b[31mtry later")
    assert str(caught.value) == (
        "stopped: 10 of the last 20 negotiations ended unscored (limit 20 %); "
        "last reason: HTTP 503: [31mtry later; mend that and go on with --resume"
    )


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_limit_is_a_share(share):
    with pytest.raises(ValueError, match="from 0 to 1"):
        UnscoredLimit(share)


def test_training_stops_after_the_rollout_that_exceeds_the_limit_and_keeps_its_episodes(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from training.config import TrainConfig
    from training.rollout import Rollout

    agent = ChatAgent(FakeModel())
    batch = [play(Game(str(n), two_parties(), (agent, agent)), ScriptedJudge(score=None)) for n in range(12)]
    log = tmp_path / "episodes.jsonl"
    rollout = Rollout(TrainConfig(unscored_limit=0.5), {}, ScriptedJudge(), log)
    monkeypatch.setattr(rollout, "_play", lambda *_: batch)
    monkeypatch.setattr(rollout, "_rows", lambda *_: {})
    network = SimpleNamespace(training=True, eval=lambda: None, train=lambda _: None)
    accelerator = SimpleNamespace(unwrap_model=lambda model: model)
    trainer = SimpleNamespace(model=network, accelerator=accelerator, processing_class=SimpleNamespace(eos_token_id=0))
    rollout(["a prompt"], trainer)
    with pytest.raises(JudgeError, match="20 of the last 20"):
        rollout(["a prompt"], trainer)
    assert len(log.read_text().splitlines()) == 24
