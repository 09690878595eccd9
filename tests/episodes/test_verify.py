"""A folder's figures are derived again out of its lines, and what differs is said."""

import json

import pytest

from negotiation_env.environment.episode import latest_episodes
from negotiation_env.episodes.verify import differing, verify_evaluation
from negotiation_env.errors import UserError
from tests.report.runs import evaluation


@pytest.fixture
def run(tmp_path):
    return evaluation(tmp_path / "run")


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def rewrite(run, number, change):
    """One of the run's lines, changed as somebody would by hand."""
    path = run / "episodes.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    line = json.loads(lines[number])
    change(line)
    lines[number] = json.dumps(line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_run_verifies(run):
    assert verify_evaluation(run) == []


def test_a_changed_figure_is_told_with_what_it_should_be(run):
    edit(run / "summary.json", '"unscored": 0', '"unscored": 2')
    assert verify_evaluation(run) == ["summary.json: unscored is 2; its records come to 0"]


def test_a_changed_score_is_told_by_its_verdict_and_by_the_figures(run):
    def lift(line):
        line["outcome"]["score"] = line["reward"] = 5.0

    rewrite(run, 1, lift)
    wrong = verify_evaluation(run)
    id = list(latest_episodes(run / "episodes.jsonl"))[1]
    assert f"episodes.jsonl: {id}: outcome.score is 5.0, by its verdicts 0.0" in wrong
    assert any(told.startswith("summary.json: score.value is 0.0; its records come to 0.8") for told in wrong)


def test_an_agreement_that_no_verdict_saw_is_told(run):
    def disagree(line):
        for ruling in line["rulings"]:
            if ruling["kind"] == "agreement":
                ruling["verdict"]["value"] = 0.0

    rewrite(run, 0, disagree)
    assert [told.partition(": outcome")[2] for told in verify_evaluation(run)] == [
        ".agreed is True, by its verdicts False"
    ]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("judge", "another judge", "judge was 'scripted judge (a fake)' and is 'another judge'"),
        ("seed", 7, " and is 7"),
        ("agents", ["somebody", "else"], "agents.0 was"),
    ],
)
def test_a_line_that_is_not_what_the_settings_say_is_told(run, key, value, told):
    rewrite(run, 0, lambda line: line.update({key: value}))
    assert any("by the settings" in each and told in each for each in verify_evaluation(run))


def test_a_scenario_that_was_changed_is_told(run):
    rewrite(run, 0, lambda line: line["scenario"].update(dilemma="Another one?"))
    assert any("by the settings scenario was" in told for told in verify_evaluation(run))


def test_a_missing_line_is_told_and_a_foreign_one(run):
    path = run / "episodes.jsonl"
    *lines, last = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines), encoding="utf-8")
    id = json.loads(last)["id"]
    assert f"episodes.jsonl: there is no line of {id}" in verify_evaluation(run)
    path.write_text("".join(lines) + last.replace(f'"id":"{id}"', '"id":"stranger"', 1), encoding="utf-8")
    assert "episodes.jsonl: stranger is no game of this run's settings" in verify_evaluation(run)


def test_a_folder_without_episodes_cannot_be_verified(run):
    (run / "episodes.jsonl").unlink()
    with pytest.raises(UserError, match="no episode file"):
        verify_evaluation(run)


def test_the_last_bits_of_a_float_and_what_older_versions_did_not_write_are_no_difference():
    assert differing("f", {"a": 0.1 + 0.2}, {"a": 0.3, "echoes": 0.0}) == []
    assert differing("f", {"a": 0.31}, {"a": 0.3}) == ["f: a is 0.31; its records come to 0.3"]
    assert differing("f", {"a": 1, "b": None}, {"a": 1}) == ["f: b is None; its records come to 'nothing'"]
