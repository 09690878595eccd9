import json

import pytest

pytest.importorskip("torch")

from hypothesis import given

from negotiation_env import ScriptedJudge
from negotiation_env.errors import UserError
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.contents import check_contents, run_contents, write_contents
from tests.helpers.arbitrary_json import json_texts

THEN = {"the learner's weights": "0123456789ab", "function:who:speak": "ba9876543210"}


def test_a_run_goes_on_with_what_it_had_and_one_that_kept_no_contents_as_it_is(tmp_path):
    check_contents(tmp_path, THEN)
    write_contents(tmp_path, THEN)
    check_contents(tmp_path, THEN)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (THEN | {"function:who:speak": "000000000000"}, "function:who:speak was 'ba9876543210' and is '000000000000'"),
        ({"function:who:speak": "ba9876543210"}, "the learner's weights was '0123456789ab' and is None"),
        (THEN | {"held_out_judge": "strict"}, "held_out_judge was None and is 'strict'"),
    ],
)
def test_what_changed_behind_its_name_is_told(tmp_path, now, told):
    write_contents(tmp_path, THEN)
    with pytest.raises(UserError, match=f"changed behind its name: {told}; --resume needs the same"):
        check_contents(tmp_path, now)


@given(json_texts(THEN))
def test_whatever_stands_in_the_file_is_the_same_or_told_in_one_line(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("run")
    (folder / "contents.json").write_bytes(text)
    told = refusal(folder)
    assert "\n" not in told
    if not told:
        assert {name: value for name, value in json.loads(text).items() if value is not None} == THEN


def refusal(folder):
    try:
        check_contents(folder, THEN)
    except UserError as error:
        return str(error)
    return ""


def test_weights_code_and_judges_are_looked_at(tmp_path, monkeypatch):
    (tmp_path / "who_speaks.py").write_text("def speak(text):\n    return text\n")
    monkeypatch.syspath_prepend(tmp_path)
    for folder in ("model", "adapter"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "weights.safetensors").write_text(folder)
    opponents = {"function:who_speaks:speak": 1, "frozen:2": 1, "scripted:stubborn": 1}
    config = TrainConfig(model=str(tmp_path / "model"), adapter=str(tmp_path / "adapter"), opponent=opponents)
    before = run_contents(config, ScriptedJudge())
    assert before["held_out_judge"] == ScriptedJudge().name
    assert set(before) == {"the learner's weights", "function:who_speaks:speak", "held_out_judge"}
    for name, changed in (
        ("model/weights.safetensors", "the learner's weights"),
        ("adapter/weights.safetensors", "the learner's weights"),
        ("who_speaks.py", "function:who_speaks:speak"),
    ):
        (tmp_path / name).write_text("# other\n")
        after = run_contents(config, ScriptedJudge())
        assert [key for key in before if before[key] != after[key]] == [changed]
        before = after
