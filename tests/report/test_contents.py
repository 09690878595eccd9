import pytest

from negotiation_env.environment.episode import append_episode
from negotiation_env.game.events import Task
from negotiation_env.report.contents import contents, trained_tasks
from negotiation_env.report.folder import read_run
from tests.report.runs import learned


def test_an_advantage_is_the_one_on_record(tmp_path):
    for row, tags in enumerate(({"advantage": -0.25}, {"advantage": "high"}, {})):
        append_episode(tmp_path / "episodes.jsonl", learned(0, row, 1.0, **tags))
    assert [row.advantage for row in contents(read_run(tmp_path)).rows] == [-0.25, None, None]


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
