"""Committed results load with the code beside them, and their figures are what their records come to."""

from pathlib import Path

import pytest

from measurements import committed_runs, graded_answers, ungated_answers
from negotiation_env.benchmark.config import BenchmarkConfig
from negotiation_env.benchmark.plan import plan
from negotiation_env.benchmark.verify import config_of
from negotiation_env.environment.episode import latest_episodes
from negotiation_env.episodes.evaluate import fingerprint
from negotiation_env.episodes.verify import differing, read_object
from negotiation_env.statistics.table import read_tables
from negotiation_env.training.config import load_config
from negotiation_env.training.held_out_log import read_held_out
from negotiation_env.training.report import read_metrics
from negotiation_env.training.verify import verify_training

RESULTS = Path(__file__).parents[2] / "examples" / "results"
TRAININGS = sorted(path.parent for path in RESULTS.glob("*/config.toml"))


@pytest.mark.parametrize("run", TRAININGS, ids=lambda run: run.name)
def test_a_training_s_records_load(run):
    assert [entry["step"] for entry in read_metrics(run)] == list(
        range(1, load_config(run / "config.toml").max_steps + 1)
    )
    assert bool(read_held_out(run / "held_out.jsonl")) == (run / "held_out.jsonl").exists()
    for path in run.glob("held_out/*/episodes.jsonl"):
        assert len(latest_episodes(path)) == load_config(run / "config.toml").eval_scenarios


@pytest.mark.parametrize("run", TRAININGS, ids=lambda run: run.name)
def test_every_figure_of_a_training_is_what_its_records_come_to(run):
    assert verify_training(run) == []


def test_a_benchmark_s_settings_and_tables_load_and_its_scenarios_are_those_of_today():
    run = RESULTS / "bench_embedded"
    settings = read_object(run / "run.json")
    config = config_of(settings, run / "run.json")
    assert isinstance(config, BenchmarkConfig)
    assert sorted({fingerprint(each.scenario) for each in plan(config)}) == settings["scenarios"]
    assert len(plan(config)) == 288
    assert read_tables((run / "tables.json").read_bytes())


@pytest.mark.parametrize(
    "measured", [committed_runs, graded_answers, ungated_answers], ids=lambda module: module.__name__
)
def test_what_pages_tell_of_the_trainings_is_what_their_games_and_grades_come_to(measured):
    name = f"{measured.__name__.rpartition('.')[2]}.json"
    committed = read_object(RESULTS.parents[1] / "measurements" / "results" / name)
    assert differing(name, committed, measured.figures()) == []


@pytest.mark.parametrize("run", TRAININGS, ids=lambda run: run.name)
def test_its_adapter_is_committed_small_and_with_its_card(run):
    adapter = run / "adapter"
    assert (adapter / "adapter_model.safetensors").stat().st_size <= 10_000_000
    assert "## Limits" in (adapter / "README.md").read_text(encoding="utf-8")
    assert str(Path.home()) not in (adapter / "adapter_config.json").read_text(encoding="utf-8")


def test_every_result_is_in_the_readme():
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    for folder in RESULTS.iterdir():
        assert not folder.is_dir() or f"`{folder.name}`" in text
