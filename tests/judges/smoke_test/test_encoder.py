"""The sentence encoder: vectors of unit length that depend on their own text alone, from weights that are known."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from negotiation_env.errors import JudgeError
from negotiation_env.judges.smoke_test.encoder import DIMENSIONS, Encoder, fetch_model, load_encoder


def test_importing_the_judge_loads_no_torch() -> None:
    code = "import sys, negotiation_env.judges.smoke_test.judge; print({'torch', 'transformers'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_other_weights_raise_instead_of_scoring(tmp_path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(JudgeError, match="expected SHA-256"):
        Encoder(tmp_path)


@pytest.mark.models
@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "added_tokens.json"])
def test_any_other_file_raises_instead_of_scoring(tmp_path, name) -> None:
    shutil.copytree(fetch_model(), tmp_path, copy_function=os.symlink, dirs_exist_ok=True)
    Encoder(tmp_path)
    before = (tmp_path / name).read_text() if (tmp_path / name).exists() else "{}"
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).write_text(before + "\n")
    with pytest.raises(JudgeError, match=r"expected SHA-256 .*; delete that folder"):
        Encoder(tmp_path)


EIGHT_GAMES = """
import sys
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env import load_scenarios
from negotiation_env.judges.specs import resolve_judge
from negotiation_env.episodes.runner import Game, play_many

agent = ScriptedAgent("compromising")
games = [Game(each.id, each, (agent, agent), seed=1) for each in load_scenarios("everyday")[:8]]
for episode in sorted(play_many(games, resolve_judge("embedded"), workers=int(sys.argv[1])), key=lambda each: each.id):
    print(episode.id, episode.reward)
"""


@pytest.mark.models
def test_games_in_threads_that_need_it_at_once_are_scored_as_in_one_thread() -> None:
    in_one, in_eight = (
        subprocess.run([sys.executable, "-c", EIGHT_GAMES, workers], capture_output=True, text=True, check=True).stdout
        for workers in ("1", "8")
    )
    assert in_eight == in_one
    assert in_one.count("\n") == 8
    assert "None" not in in_one


@pytest.mark.models
def test_vectors_have_unit_length() -> None:
    vectors = load_encoder().encode(["A bridge is built.", "ok"])
    assert vectors.shape == (2, DIMENSIONS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.models
def test_no_texts_give_no_rows() -> None:
    assert load_encoder().encode([]).shape == (0, DIMENSIONS)


@pytest.mark.models
def test_rows_keep_their_order_and_repeats() -> None:
    vectors = load_encoder().encode(["a long sentence about the weather in May", "short", "short"])
    np.testing.assert_array_equal(vectors[1], vectors[2])
    np.testing.assert_allclose(vectors[0], load_encoder().encode(["a long sentence about the weather in May"])[0])


@pytest.mark.models
def test_like_meanings_are_nearer_than_unlike_ones() -> None:
    cat, kitten, tax = load_encoder().encode(["The cat sleeps.", "A kitten is napping.", "Taxes are due in April."])
    assert cat @ kitten > cat @ tax + 0.2
