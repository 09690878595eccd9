import pytest

from negotiation_env.errors import UserError
from training.config import TrainConfig, load_config
from training.run_folder import check_judge, check_run, rewind, write_config


def test_a_run_against_a_mixture_of_opponents_can_be_resumed(tmp_path):
    config = TrainConfig(opponent={"pool:50,8,rated": 0.5, 'python:a:"b"': 1.0})
    check_run(config, tmp_path, resume=False)
    write_config(config, tmp_path)
    check_run(config, tmp_path, resume=True)
    assert load_config(tmp_path / "config.toml") == config


def test_a_run_goes_on_with_the_judge_that_it_had(tmp_path):
    check_judge(tmp_path, "strict")
    (tmp_path / "episodes.jsonl").write_text('{"judge": "kind"}\n{"judge": "strict"}\n', encoding="utf-8")
    check_judge(tmp_path, "strict")
    with pytest.raises(UserError, match="had the judge 'strict', now it is 'kind'"):
        check_judge(tmp_path, "kind")


def test_a_line_is_a_line_whatever_its_text_holds_and_half_a_character_ends_none(tmp_path):
    path, line = tmp_path / "episodes.jsonl", '{"tags": {"step": 0}, "said": "one\u2028two"}\n'.encode()
    path.write_bytes(line + line + '{"said": "ö'.encode()[:-1])
    rewind(tmp_path, 1)
    assert path.read_bytes() == line + line
