from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env.errors import UserError
from negotiation_env.game.prompts import shipped_prompts
from negotiation_env.training.config import TrainConfig, load_config
from negotiation_env.training.run_folder import check_played, check_records, check_run, numbered, rewind, write_config
from tests.helpers.arbitrary_json import json_texts
from tests.helpers.no_files import PLACES

TOLD = shipped_prompts("handshake")


def test_a_run_against_a_mixture_of_opponents_can_be_resumed(tmp_path):
    config = TrainConfig(opponent={"pool:50,8,rated": 0.5, 'python:a:"b"': 1.0})
    check_run(config, tmp_path, resume=False)
    write_config(config, tmp_path)
    check_run(config, tmp_path, resume=True)
    assert load_config(tmp_path / "config.toml") == config


def test_a_run_goes_on_with_the_judge_that_it_had(tmp_path):
    check_played(tmp_path, "strict", TOLD)
    lines = [f'{{"judge": "{name}", "prompts": "v1", "tags": {{"learner_seat": 0}}}}' for name in ("kind", "strict")]
    write_lines(tmp_path / "episodes.jsonl", lines)
    check_played(tmp_path, "strict", TOLD)
    with pytest.raises(UserError, match="judge was 'strict' and is 'kind'"):
        check_played(tmp_path, "kind", TOLD)


def test_a_run_goes_on_under_the_guards_that_it_had(tmp_path):
    line = f'{{"judge": "kind", "prompts": "{TOLD.id}", "tags": {{"learner_seat": 0}}, "guards": "careful@1"}}\n'
    (tmp_path / "episodes.jsonl").write_text(line, encoding="utf-8")
    check_played(tmp_path, "kind", TOLD, "careful@1")
    with pytest.raises(UserError, match="guards was 'careful@1' and is ''"):
        check_played(tmp_path, "kind", TOLD)


def test_a_run_goes_on_with_the_prompts_that_its_learner_had(tmp_path):
    line = '{"judge": "kind", "prompts": "%s", "tags": {"learner_seat": 1}}\n'
    for told, match in (
        (TOLD.id, None),
        ("x 1 0", "was 'x 1 0'"),
        (f"x 1 0; {TOLD.id}", None),
        (f"{TOLD.id}; x 1 0", "x 1"),
    ):
        (tmp_path / "episodes.jsonl").write_text(line % told, encoding="utf-8")
        with pytest.raises(UserError, match=match) if match else nullcontext():
            check_played(tmp_path, "kind", TOLD)


def test_a_line_is_a_line_whatever_its_text_holds_and_half_a_character_ends_none(tmp_path):
    path, line = tmp_path / "episodes.jsonl", '{"tags": {"step": 0}, "said": "one\u2028two"}\n'.encode()
    path.write_bytes(line + line + '{"said": "ö'.encode()[:-1])
    rewind(tmp_path, 1)
    assert path.read_bytes() == line + line


EPISODES = [
    f'{{"judge": "judge {step}", "prompts": "v1", "tags": {{"step": {step}, "learner_seat": 0}}, "said": "ö"}}'
    for step in range(4)
]
METRICS = [f'{{"step": {step + 1}, "loss": 0.5}}' for step in range(4)]


def write_lines(path, lines):
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["episodes.jsonl", "metrics.jsonl"])
def test_a_file_that_was_cut_at_any_byte_of_its_last_two_lines_keeps_what_is_whole(tmp_path, name):
    lines = {"episodes.jsonl": EPISODES, "metrics.jsonl": METRICS}[name]
    path = tmp_path / name
    write_lines(path, lines)
    whole = path.read_bytes()
    ends = [len("".join(f"{line}\n" for line in lines[:number]).encode()) for number in range(5)]
    for length in range(ends[2], ends[4] + 1):
        path.write_bytes(whole[:length])
        kept = sum(length >= end - 1 for end in ends[1:])  # the line end alone may be missing
        if name == "episodes.jsonl":
            check_played(tmp_path, f"judge {kept - 1}", TOLD)
        rewind(tmp_path, 9)
        assert path.read_bytes() == whole[: ends[kept]]
        path.write_bytes(whole[:length])
        rewind(tmp_path, 3)
        assert path.read_bytes() == whole[: ends[min(kept, 3)]]


@pytest.mark.parametrize("name", ["episodes.jsonl", "metrics.jsonl"])
def test_what_an_editor_added_to_a_file_says_nothing_and_is_not_counted(tmp_path, name):
    lines = {"episodes.jsonl": EPISODES, "metrics.jsonl": METRICS}[name]
    path, before = tmp_path / name, b"\xef\xbb\xbf\r\n" + "\r\n\r\n".join(lines[:2]).encode()
    for end in ("\r\n\r\n", "\r\n \n" + lines[2] + "\r\n\r\n" + lines[3]):
        path.write_bytes(before + end.encode())
        check_records(tmp_path, tmp_path)
        rewind(tmp_path, 2)
        assert path.read_bytes() == before + b"\r\n"
        rewind(tmp_path, 1)
        assert path.read_bytes() == before[: 5 + len(lines[0].encode())] + b"\r\n"
        rewind(tmp_path, 0)
        assert path.read_bytes() == b""


@pytest.mark.parametrize("name", ["episodes.jsonl", "metrics.jsonl", "config.toml"])
@pytest.mark.parametrize("kind", PLACES)
def test_what_is_no_file_is_told_and_not_waited_for(tmp_path, name, kind):
    with PLACES[kind](tmp_path / name), pytest.raises(UserError, match=rf"{name}(: a {kind} is where| is a link)"):
        rewind(tmp_path, 1) if name != "config.toml" else check_run(TrainConfig(), tmp_path, resume=True)


@pytest.mark.parametrize("step", ["true", "1.0", '"1"', "null"])
def test_a_step_is_a_whole_number(tmp_path, step):
    for name, line in (
        ("episodes.jsonl", f'{{"tags": {{"step": {step}, "learner_seat": 0}}}}'),
        ("metrics.jsonl", f'{{"step": {step}}}'),
    ):
        write_lines(tmp_path / name, [line])
        with pytest.raises(UserError, match=r"line 1 cannot be read, mend it or take it out by hand: .*step: "):
            rewind(tmp_path, 1)
        (tmp_path / name).unlink()


@pytest.mark.parametrize("broken", ["{}", "[]", '{"step": "two"}', "no JSON", '{"step": 1}', "\x00"])
def test_nothing_is_cut_where_a_line_cannot_be_read_or_stands_out_of_order(tmp_path, broken):
    write_lines(tmp_path / "episodes.jsonl", EPISODES)
    write_lines(tmp_path / "metrics.jsonl", [*METRICS[:3], broken, METRICS[3]])
    before = files(tmp_path)
    with pytest.raises(UserError, match=r"metrics.jsonl.* line [234] ") as told:
        rewind(tmp_path, 1)
    assert "\n" not in str(told.value)
    assert files(tmp_path) == before


def refusal(look):
    try:
        look()
    except UserError as error:
        return str(error)


@given(
    st.lists(
        json_texts({"judge": "strict", "prompts": "v1", "tags": {"step": 1, "learner_seat": 0}, "step": 2}), max_size=4
    )
)
def test_whatever_stands_in_the_files_is_cut_or_told_in_one_line(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("run")
    for name in ("episodes.jsonl", "metrics.jsonl"):
        (folder / name).write_bytes(b"\n".join(texts))
    before = files(folder)
    for look in (
        lambda: check_played(folder, "strict", TOLD),
        lambda: check_records(folder, None),
        lambda: rewind(folder, 1),
    ):
        if told := refusal(look):
            assert "\n" not in told
            assert files(folder) == before


def test_a_link_is_not_cut(tmp_path):
    (tmp_path / "run").mkdir()
    write_lines(tmp_path / "elsewhere", EPISODES)
    (tmp_path / "run" / "episodes.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link"):
        rewind(tmp_path / "run", 1)
    assert (tmp_path / "elsewhere").read_bytes().count(b"\n") == 4


def test_records_without_a_checkpoint_are_not_begun_anew_over(tmp_path):
    check_records(tmp_path, None)
    (tmp_path / "episodes.jsonl").write_text('{"tags": {"st')  # a killed process left half a line: no record
    (tmp_path / "metrics.jsonl").write_text("")
    check_records(tmp_path, None)
    write_lines(tmp_path / "metrics.jsonl", METRICS)
    (tmp_path / "adapter").mkdir()
    with pytest.raises(UserError, match=r"holds metrics.jsonl, adapter, but no whole checkpoint.*another --out"):
        check_records(tmp_path, None)
    check_records(tmp_path, tmp_path / "checkpoints" / "checkpoint-2")


@pytest.mark.parametrize(
    "left",
    [
        "episodes.jsonl",
        "metrics.jsonl",
        "held_out.jsonl",
        "held_out",
        "summary.json",
        "adapter",
        "model",
        "checkpoints/checkpoint-3",
    ],
)
def test_a_new_run_does_not_begin_over_what_is_left_of_another(tmp_path, left):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "my own config.toml").write_text("")
    check_run(TrainConfig(), tmp_path, resume=False)
    (tmp_path / left).mkdir()
    with pytest.raises(UserError, match=f"holds {left}, but no config.toml.*give another --out"):
        check_run(TrainConfig(), tmp_path, resume=False)


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="is no folder; give another --out"):
        check_run(TrainConfig(), tmp_path / "run", resume=False)
    with pytest.raises(UserError, match="nothing to resume"):
        check_run(TrainConfig(), tmp_path / "run", resume=True)


def test_numbered_folders_are_those_with_a_number_and_no_more(tmp_path):
    for name in ("step-2", "step-10", "step-", "step-x", "step-2-old", "step-2.5", "other-3"):
        (tmp_path / name).mkdir()
    assert numbered(tmp_path, "step-") == {2: tmp_path / "step-2", 10: tmp_path / "step-10"}
    assert numbered(tmp_path / "none", "step-") == {}
