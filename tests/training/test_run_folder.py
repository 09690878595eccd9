from training.config import TrainConfig, load_config
from training.run_folder import open_run, rewind


def test_a_run_against_a_mixture_of_opponents_can_be_resumed(tmp_path):
    config = TrainConfig(opponent={"pool:50,8,rated": 0.5, 'python:a:"b"': 1.0})
    open_run(config, tmp_path, resume=False)
    open_run(config, tmp_path, resume=True)
    assert load_config(tmp_path / "config.toml") == config


def test_a_line_is_a_line_whatever_its_text_holds_and_half_a_character_ends_none(tmp_path):
    path, line = tmp_path / "episodes.jsonl", '{"tags": {"step": 0}, "said": "one\u2028two"}\n'.encode()
    path.write_bytes(line + line + '{"said": "ö'.encode()[:-1])
    rewind(tmp_path, 1)
    assert path.read_bytes() == line + line
