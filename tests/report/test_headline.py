"""What a report says first, and what it says of two runs."""

from html import unescape

import pytest

from negotiation_env import ScriptedJudge, load_scenarios
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.rejudge import rejudge
from negotiation_env.episodes.run_folder import CANDIDATES, CONFIG, SETTINGS
from negotiation_env.errors import UserError
from negotiation_env.report import write_report
from negotiation_env.report.folder import read_beside, read_run
from negotiation_env.report.listing import runs_table
from negotiation_env.report.overview import overview
from tests.report.runs import AGENTS, benchmark, evaluation, training


def scored(folder, score, count=4):
    evaluate(AGENTS, ScriptedJudge(score=score), load_scenarios("eval_conflict")[:count], folder)
    return folder


def test_an_evaluation_opens_on_what_it_came_to(tmp_path):
    head = overview(read_run(evaluation(tmp_path))).headline
    assert head.told.startswith("Agreed in 6 of 6 negotiations; answers score ")


def test_a_training_opens_on_its_held_out_play_and_an_empty_run_on_nothing(tmp_path):
    head = overview(read_run(training(tmp_path / "run"))).headline
    assert head.told.startswith("After 2 steps the policy earns the same reward as after 0: ")
    assert [row.name for row in head.rows] == ["held out after 0 steps", "held out after 2 steps"]
    (tmp_path / "episodes.jsonl").touch()
    assert overview(read_run(tmp_path)).headline.told == "Nothing has been played yet."


def test_a_benchmark_opens_on_its_negotiators_by_name_and_shows_its_tables_as_tabs(tmp_path):
    run = read_run(benchmark(tmp_path))
    head = overview(run)
    assert "of 5" in head.headline.told
    assert {row.name.partition(",")[0] for row in head.headline.rows} == set(head.who["Negotiators"])
    assert sorted(number for tabs in head.tabs.values() for number, _ in tabs) == list(range(len(run.tables)))
    assert next(iter(head.tabs.values()))[0] == (head.headline.anchor, "Outcomes")
    html = unescape(write_report(tmp_path).read_text(encoding="utf-8"))
    assert f'id="table-{head.headline.anchor}"' in html
    assert head.headline.told in html


def test_what_another_judge_made_of_a_run_is_shown_beside_it(tmp_path):
    run = training(tmp_path / "run")
    rejudge(run / "held_out" / "step-2", ScriptedJudge(score=4.5))
    parts, again = overview(read_run(run)).tables
    assert parts.title == "The parts of the run"
    assert again.title == "Judged again by scripted judge (a fake): held out after 2 steps"
    assert again.rows[0][2].value == 4.5
    assert "held_out/step-2/rejudged/scripted-judge-a-fake.summary.json" in {
        each.name for each in read_run(run).sources
    }
    assert again.title in write_report(run).read_text(encoding="utf-8")


def test_a_report_of_a_judge_that_cannot_be_read_is_named(tmp_path):
    rejudge(evaluation(tmp_path), ScriptedJudge())
    (path,) = tmp_path.glob("rejudged/*.summary.json")
    path.write_text("{}")
    with pytest.raises(UserError, match=f"{path.name} does not hold what a judge made of a run"):
        read_run(tmp_path)


def test_two_runs_are_compared_over_the_scenarios_that_both_played(tmp_path):
    first, second = scored(tmp_path / "a", 4.0), scored(tmp_path / "b", 1.0, count=3)
    head = overview(read_beside(first, second))
    assert head.headline.told == (
        "a earns 3.00 (n = 3) more reward than b, over the same 3 scenarios, which may be chance (p = 0.25)."
    )
    assert overview(read_beside(second, first)).headline.told.startswith("b earns 3.00 (n = 3) less reward than a")
    (table,) = head.tables
    assert table.columns == ("", "a", "b", "a less b", "p", "scenarios")
    path = write_report(first, beside=second)
    assert path == first / "report_beside_b.html"
    assert head.headline.told in path.read_text(encoding="utf-8")


def test_runs_of_one_name_are_told_apart_and_runs_without_a_common_scenario_are_no_pair(tmp_path):
    first, second = scored(tmp_path / "x" / "run", 4.0, count=1), scored(tmp_path / "y" / "run", 1.0, count=1)
    assert [part.name for part in read_beside(first, second).parts] == [str(first), str(second)]
    (tmp_path / "episodes.jsonl").touch()
    with pytest.raises(UserError, match="share no scenario"):
        read_beside(first, tmp_path)


def test_the_runs_of_a_folder_are_listed_with_their_figures(tmp_path):
    scored(tmp_path / "a", 4.0)
    training(tmp_path / "b")
    rows = runs_table(tmp_path).rows
    assert [(row[0], row[2]) for row in rows] == [("a", 4), ("b", 3)]
    assert rows[0][1] == "scripted:compromising, scripted:stubborn"
    assert rows[0][4].value == 4.0
    with pytest.raises(UserError, match="holds no run and no folder of one"):
        runs_table(tmp_path / "nowhere")


@pytest.mark.parametrize("name", [SETTINGS, CONFIG])
def test_a_run_that_was_stopped_before_its_first_game_ended_is_told_from_no_run(tmp_path, name):
    (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="a run of which no game has ended yet; go on with --resume"):
        runs_table(tmp_path)
    (tmp_path / CANDIDATES).touch()  # what `negotiate generate` made is no such run
    with pytest.raises(UserError, match="holds no run"):
        runs_table(tmp_path)
