from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from accelerate import PartialState

from training.checkpoints import SavePlayers, last_checkpoint, steps_behind
from training.opponents import RATINGS


def checkpoint(folder, step, whole=True):
    made = folder / f"checkpoint-{step}"
    made.mkdir(parents=True)
    if whole:
        (made / RATINGS).write_text("{}")
    return made


def test_the_newest_whole_checkpoint_is_the_one_to_go_on_from(tmp_path):
    checkpoint(tmp_path, 9)
    newest = checkpoint(tmp_path, 10)
    half = checkpoint(tmp_path, 11, whole=False)
    assert last_checkpoint(tmp_path) == newest
    assert steps_behind(newest) == 10
    assert not half.exists()


def test_without_one_a_run_starts_over(tmp_path):
    checkpoint(tmp_path, 1, whole=False)
    assert last_checkpoint(tmp_path) is None
    assert last_checkpoint(tmp_path / "none") is None
    assert steps_behind(None) == 0


@pytest.mark.parametrize(("first", "expected"), [(True, ["waits", "saves checkpoint-7"]), (False, ["waits"])])
def test_a_checkpoint_is_made_whole_after_every_process_has_written_its_part(tmp_path, monkeypatch, first, expected):
    done = []
    monkeypatch.setattr(PartialState, "wait_for_everyone", lambda self: done.append("waits"))
    players = SimpleNamespace(save=lambda folder: done.append(f"saves {folder.name}"))
    state = SimpleNamespace(global_step=7, is_world_process_zero=first)
    SavePlayers(players).on_save(SimpleNamespace(output_dir=str(tmp_path)), state, None)
    assert done == expected
