from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from accelerate import PartialState  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from negotiation_env.agents.models.training_card import TrainingCard, read_card  # noqa: E402
from negotiation_env.errors import UserError  # noqa: E402
from negotiation_env.training.checkpoints import (  # noqa: E402
    SavePlayers,
    check_checkpoint,
    last_checkpoint,
    remove_after,
    steps_behind,
)
from negotiation_env.training.opponents import RATINGS  # noqa: E402

CARD = TrainingCard("a judge", ("a model",), "4bit")


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
    for other in ("checkpoint-11-copy", "checkpoint-best", "checkpoint-"):
        (tmp_path / other).mkdir()
        (tmp_path / other / RATINGS).write_text("{}")
    assert last_checkpoint(tmp_path) == newest
    assert steps_behind(newest) == 10
    assert half.exists()  # to look changes nothing
    remove_after(tmp_path, 10)
    assert not half.exists()
    assert newest.exists()


def test_without_one_a_run_starts_over(tmp_path):
    checkpoint(tmp_path, 1, whole=False)
    assert last_checkpoint(tmp_path) is None
    assert last_checkpoint(tmp_path / "none") is None
    assert steps_behind(None) == 0


def with_weights(folder, step, *values):
    made = checkpoint(folder, step)
    save_file({"a": torch.ones(2), "b": torch.tensor(values)}, made / "adapter_model.safetensors")
    torch.save({"state": 1}, made / "optimizer.pt")
    return made


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_checkpoint_that_can_be_gone_on_from_is_told_from_one_that_cannot(tmp_path):
    check_checkpoint(with_weights(tmp_path, 1, 0.5, -2.0))
    with pytest.raises(UserError, match=r"checkpoint-2: weights in adapter_model.safetensors are not finite; move"):
        check_checkpoint(with_weights(tmp_path, 2, 0.5, float("nan")))
    with pytest.raises(UserError, match=r"checkpoint-3: weights in adapter_model.safetensors are not finite"):
        check_checkpoint(with_weights(tmp_path, 3, float("-inf")))


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "optimizer.pt", RATINGS])
def test_a_checkpoint_with_half_a_file_is_told_in_one_line(tmp_path, name):
    made = with_weights(tmp_path, 4, 1.0)
    cut_in_half(made / name)
    with pytest.raises(UserError, match=r"checkpoint-4.*; move that checkpoint away") as told:
        check_checkpoint(made)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("text", ["[]", "null", "1", '{"a": 1}', '{"1": null}', "", "{"])
def test_ratings_that_are_none_are_told_in_one_line(tmp_path, text):
    made = checkpoint(tmp_path, 1)
    (made / RATINGS).write_text(text)
    with pytest.raises(UserError, match="checkpoint-1 cannot be read") as told:
        check_checkpoint(made)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("first", "expected"), [(True, ["waits", "saves checkpoint-7"]), (False, ["waits"])])
def test_a_checkpoint_is_made_whole_after_every_process_has_written_its_part(tmp_path, monkeypatch, first, expected):
    done = []
    monkeypatch.setattr(PartialState, "wait_for_everyone", lambda self: done.append("waits"))
    players = SimpleNamespace(save=lambda folder: done.append(f"saves {folder.name}"))
    state = SimpleNamespace(global_step=7, is_world_process_zero=first)
    checkpoint(tmp_path, 7, whole=False)
    SavePlayers(players, CARD).on_save(SimpleNamespace(output_dir=str(tmp_path)), state, None)
    assert done == expected
    assert read_card(tmp_path / "checkpoint-7") == (CARD if first else None)
