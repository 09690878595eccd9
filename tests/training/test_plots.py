import json
from math import isnan, sqrt

import pytest

from negotiation_env.errors import UserError
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.training.held_out_log import HELD_OUT, HeldOut, append_held_out
from negotiation_env.training.plots import (
    draw_plots,
    plot_against_control,
    plot_dialogue,
    plot_held_out,
    plot_rewards,
)
from negotiation_env.training.report import groups_with_signal

SHARE = Estimate(0.5, 0.2, 0.8, 10)


def entry(step, **metrics):
    rewards = {"group_min": 1.0, "group_mean": 2.0, "group_max": 3.0}
    return {"step": step, "agreement_rate": 0.5, "no_signal": 0.25} | rewards | metrics


def score(value):
    return Estimate(value, value - 0.5, value + 0.5, 10)


def run(folder, means, held_out=()):
    folder.mkdir()
    lines = [json.dumps(entry(step, group_mean=mean)) + "\n" for step, mean in enumerate(means, start=1)]
    (folder / "metrics.jsonl").write_text("".join(lines))
    for each in held_out:
        append_held_out(folder / HELD_OUT, each)
    return folder


def curves(axes):
    """The labelled lines' y values by label."""
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines if not line.get_label().startswith("_")}


def is_png(path):
    return path.read_bytes().startswith(b"\x89PNG")


def test_the_reward_plot_has_the_mean_agreement_and_groups_without_signal(tmp_path):
    figure = plot_rewards([entry(1), entry(2, group_mean=2.5)], "strict judge", tmp_path / "reward.png")
    top, bottom = figure.axes
    assert curves(top) == {"group mean": [2.0, 2.5]}
    assert curves(bottom) == {"agreed": [0.5, 0.5], "groups without signal": [0.25, 0.25]}
    assert top.get_title("left") == "Reward in training, by the strict judge"
    assert is_png(tmp_path / "reward.png")


def test_both_judges_scores_of_the_held_out_games_share_a_panel(tmp_path):
    evaluations = [
        HeldOut(0, "inner", score(2.0), SHARE),
        HeldOut(0, "outer", score(2.5)),
        HeldOut(50, "inner", score(4.0), SHARE),
        HeldOut(50, "outer", score(2.5)),
    ]
    top, bottom = plot_held_out(evaluations, tmp_path / "held_out.png").axes
    assert curves(top) == {"training judge: inner": [2.0, 4.0], "held-out judge: outer": [2.5, 2.5]}
    assert curves(bottom) == {"agreed": [0.5, 0.5]}
    training, held_out = top.collections
    assert [segment.tolist() for segment in training.get_segments()] == [[[0, 1.5], [0, 2.5]], [[50, 3.5], [50, 4.5]]]
    assert len(held_out.get_segments()) == 2
    assert is_png(tmp_path / "held_out.png")


def test_an_evaluation_without_scores_or_interval_is_a_gap_and_a_bare_point(tmp_path):
    nothing, alone = Estimate(None, None, None, 0), Estimate(2.0, None, None, 1)
    evaluations = [HeldOut(0, "inner", nothing, SHARE), HeldOut(50, "inner", alone, SHARE)]
    top, _ = plot_held_out(evaluations, tmp_path / "held_out.png").axes
    first, second = curves(top)["training judge: inner"]
    assert isnan(first)
    assert second == 2.0


def test_the_dialogue_plot_has_six_panels_that_average_the_last_ten_steps(tmp_path):
    log = [entry(step, **{"length/turn_words": float(step), "refused": 0.0}) for step in range(1, 13)]
    figure = plot_dialogue(log, tmp_path / "dialogue.png")
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["Length", "Repetition", "Capitulation", "Copying", "Completions", "Persona drift"]
    turns = curves(figure.axes[0])["turn"]
    assert (turns[0], turns[1], turns[9], turns[11]) == (1.0, 1.5, 5.5, 7.5)
    assert is_png(tmp_path / "dialogue.png")


def test_a_step_without_agreements_leaves_a_gap_and_no_zero(tmp_path):
    capitulation = "agreement/capitulation"
    log = [entry(1), entry(2, **{capitulation: 0.5}), entry(3, **{capitulation: None})]
    panel = plot_dialogue(log, tmp_path / "dialogue.png").axes[2]
    mean, steps = (list(line.get_ydata()) for line in panel.lines[:2])
    assert [isnan(value) for value in mean] == [True, False, False]
    assert [isnan(value) for value in steps] == [True, False, True]
    assert mean[1:] == [0.5, 0.5]


def test_a_run_stands_beside_its_control(tmp_path):
    evaluations = [HeldOut(0, "inner", score(2.0), SHARE), HeldOut(0, "outer", score(2.5))]
    runs = {
        "trained": run(tmp_path / "trained", [1.0, 2.0, 3.0], evaluations),
        "control": run(tmp_path / "control", [1.0, 1.0, 1.0], evaluations[:1]),
    }
    top, middle, bottom = plot_against_control(runs, tmp_path / "control.png").axes
    assert [list(line.get_ydata()) for line in middle.lines if len(line.get_ydata())] == [[0.5], [0.5]]
    assert curves(top) == {"trained": [1.0, 1.5, 2.0], "control": [1.0, 1.0, 1.0]}
    assert set(curves(bottom)) == {"trained, training judge", "trained, held-out judge", "control, training judge"}
    band = top.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(2.0 + 1.96 * 1.0 / sqrt(3))  # the standard deviation of 1, 2, 3 is 1
    assert is_png(tmp_path / "control.png")


def test_runs_that_never_evaluated_can_be_compared(tmp_path):
    folder = run(tmp_path / "run", [1.0, 2.0])
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "gro')  # killed
    top, middle, bottom = plot_against_control({"trained": folder}, tmp_path / "control.png").axes
    assert curves(top) == {"trained": [1.0, 1.5]}
    assert curves(middle) == curves(bottom) == {}


def test_a_folder_that_is_no_run_is_told(tmp_path):
    with pytest.raises(UserError, match="expected the folder of a training run"):
        plot_against_control({"trained": tmp_path}, tmp_path / "control.png")


@pytest.mark.parametrize("line", ["step 1", "{}", "[]", '{"step": null}', '{"step": "one"}', '{"step": 1, "loss": []}'])
def test_a_line_that_is_no_step_is_told_in_one_line(tmp_path, line):
    (tmp_path / "metrics.jsonl").write_text(f'{{"step": 1, "loss": NaN}}\n{line}\n')
    with pytest.raises(UserError, match=r"metrics.jsonl, line 2 is not what a training step logs") as told:
        plot_against_control({"trained": tmp_path}, tmp_path / "control.png")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "null"])
def test_a_metric_that_is_not_finite_is_a_gap(tmp_path, number):
    run(tmp_path / "run", [1.0, 2.0, 3.0])
    path = tmp_path / "run" / "metrics.jsonl"
    path.write_text(path.read_text().replace('"group_mean": 2.0', f'"group_mean": {number}'))
    top, *_ = plot_against_control({"trained": tmp_path / "run"}, tmp_path / "control.png").axes
    assert curves(top) == {"trained": [1.0, 1.0, 2.0]}
    assert is_png(tmp_path / "control.png")
    log = [entry(1), entry(2, group_mean=float(number.replace("null", "nan")))]
    assert isnan(curves(plot_rewards(log, "judge", tmp_path / "reward.png").axes[0])["group mean"][1])


def test_a_last_line_that_lacks_only_its_end_counts(tmp_path):
    folder = run(tmp_path / "run", [1.0, 2.0])
    whole = (folder / "metrics.jsonl").read_bytes()
    for cut, expected in ((1, [1.0, 1.5]), (2, [1.0])):
        (folder / "metrics.jsonl").write_bytes(whole[:-cut])
        assert curves(plot_against_control({"trained": folder}, tmp_path / "c.png").axes[0])["trained"] == expected


def test_the_share_of_groups_with_signal_is_over_all_steps():
    assert groups_with_signal([entry(1, no_signal=0.5), entry(2, no_signal=0.0)]) == 0.75
    assert groups_with_signal([]) == 0.0


def test_a_runs_plots_are_drawn_again_out_of_its_files(tmp_path):
    evaluations = [HeldOut(0, "inner", score(2.0), SHARE), HeldOut(0, "outer", score(2.5))]
    folder = run(tmp_path / "run", [1.0, 2.0], evaluations)
    assert [path.name for path in draw_plots(folder)] == ["reward.png", "dialogue.png", "held_out.png"]
    assert all(map(is_png, draw_plots(folder)))
    assert len(draw_plots(run(tmp_path / "other", [1.0]))) == 2


def test_legends_cover_nothing_of_what_is_drawn(tmp_path):
    evaluations = [HeldOut(0, "inner", score(2.0), SHARE), HeldOut(0, "outer", score(2.5))]
    runs = {name: run(tmp_path / name, [1.0, 2.0], evaluations) for name in ("trained", "control")}
    log = [entry(step, **{"length/turn_words": 1.0, "refused": 0.0}) for step in (1, 2)]
    drawn = (
        plot_rewards(log, "judge", tmp_path / "a.png"),
        plot_held_out(evaluations, tmp_path / "b.png"),
        plot_dialogue(log, tmp_path / "c.png"),
        plot_against_control(runs, tmp_path / "d.png"),
    )
    legends = [(axes, axes.get_legend()) for figure in drawn for axes in figure.axes if axes.get_legend()]
    assert len(legends) == 11
    for figure in drawn:
        figure.draw_without_rendering()  # what was saved had other dots per inch
    for axes, legend in legends:
        assert not legend.get_window_extent().overlaps(axes.get_window_extent())
        assert not legend.get_window_extent().overlaps(axes._left_title.get_window_extent())
