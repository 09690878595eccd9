import pytest

from negotiation_env.environment.episode import append_episode
from negotiation_env.game.events import Task
from negotiation_env.report.contents import contents, trained_tasks
from negotiation_env.report.folder import read_run
from tests.report.runs import guarded, learned


def test_an_advantage_is_the_one_on_record(tmp_path):
    for row, tags in enumerate(({"advantage": -0.25}, {"advantage": "high"}, {})):
        append_episode(tmp_path / "episodes.jsonl", learned(0, row, 1.0, **tags))
    assert [row.advantage for row in contents(read_run(tmp_path)).rows] == [-0.25, None, None]


def test_the_rules_of_a_game_name_its_prompts_and_guards(tmp_path):
    (detail,) = contents(read_run(guarded(tmp_path))).details
    assert detail.rules["prompts"].startswith("handshake 1 ")
    assert detail.rules["guards"].startswith("safety@")


def test_what_was_thought_before_refused_words_is_shown_with_them(tmp_path):
    (detail,) = contents(read_run(guarded(tmp_path, refused="They look tired."))).details
    assert [each.thought for turn in detail.said for each in turn.refused] == ["They look tired."] * 4


@pytest.mark.parametrize(
    ("config", "tasks"),
    [
        ({}, {Task.UTTERANCE}),
        ({"trained_tokens": "dialogue+completion"}, {Task.UTTERANCE, Task.COMPLETION}),
        ({"trained_tokens": "completion"}, {Task.COMPLETION}),
        ({"method": "single-agent"}, {Task.COMPLETION}),
    ],
)
def test_the_settings_say_whose_tokens_carry_the_gradient(config, tasks):
    assert trained_tasks(config) == tasks
