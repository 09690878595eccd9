import pytest

pytest.importorskip("torch")

from negotiation_env import ScriptedJudge
from negotiation_env.errors import UserError
from training.config import TrainConfig
from training.run import train


def test_a_run_that_cannot_begin_leaves_nothing_that_stands_in_the_way_of_the_next(tmp_path):
    with pytest.raises(UserError, match="cannot load"):
        train(TrainConfig(model=str(tmp_path / "no-such-model")), tmp_path / "run", judge=ScriptedJudge())
    assert not (tmp_path / "run").exists()
