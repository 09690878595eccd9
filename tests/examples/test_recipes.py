"""Every recipe passes a dry run, and fits where it says."""

import json
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("torch")

from typer.testing import CliRunner

from negotiation_env.cli import app
from negotiation_env.judges.llm_file import read_llm_judge
from negotiation_env.training.config import load_config

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "recipes"
MULTINODE = FOLDER / "multinode" / "multinode.toml"
RECIPES = {FOLDER / "paper.toml": 1, FOLDER / "single_agent.toml": 1, FOLDER / "gpu24.toml": 1, MULTINODE: 16}
ROOM = {"paper.toml": 74, "single_agent.toml": 74, "gpu24.toml": 22, "multinode.toml": 74}
"""GiB: of an 80 GB GPU, and of one of 24 GB, with some to spare."""
LAUNCHES = sorted(MULTINODE.parent.glob("*.yaml"))


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@cache
def dry_run(path):
    arguments = ["train", str(path), "--dry-run", "--json", "--processes", str(RECIPES[path])]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_no_recipe_is_left_out():
    others = {*FOLDER.glob("judge_*.toml"), *FOLDER.glob("bench_*.toml"), *FOLDER.glob("prime_rl/*")}
    assert set(FOLDER.rglob("*.toml")) - others == set(RECIPES)


def test_the_papers_evaluation_is_priced_before_it_is_run():
    done = CliRunner().invoke(app, ["bench", str(FOLDER / "bench_paper.toml"), "--dry-run", "--json"])
    table, *_ = json.loads(done.stdout)  # and what this machine lacks
    calls = {row[0].removeprefix("negotiator ").removeprefix("comparing "): row[2] for row in table["rows"]}
    runs = 1 + 3  # greedy games are the same in every run
    assert calls["base"] == calls["multi-agent"] == calls["single-agent"] == runs * (100 * 7 + 100 + 100 + 100)
    pairs = 3  # of three negotiators, each with itself or each alone; nine where one negotiated and one did not
    conflicts, questions = 2 * runs * 100 * (pairs + pairs + 9), 2 * runs * 100 * pairs  # in both orders
    assert calls["Collective Agency"] == conflicts + questions
    assert calls["conflict resolution"] == conflicts
    assert all(row[-1] > 0 for row in table["rows"] if row[0] in ("judge", "comparing Collective Agency"))
    told = f"says {calls['all']:,} calls and, for the judges, {table['rows'][-1][-1]:.0f} dollars at most"
    assert told in (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_passes_its_dry_run_and_fits(path):
    found = dry_run(path)
    assert found["budget"]["memory"]["peak"] < ROOM[path.name]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_readme_shows_what_the_dry_run_prints(path):
    """Peak, trained parameters, the judge's calls and their price, the hours."""
    budget = dry_run(path)["budget"]
    [bill] = budget["bills"]
    peak, trained = budget["memory"]["peak"], budget["parameters"]["trainable"]
    row = f"`{path.relative_to(FOLDER)}` | {trained:,} | {peak:.1f} | {budget['step']['sampled']:,} |"
    row += f" {bill['calls']:,} | {bill['dollars']:,.0f} |"
    row += f" {budget['step']['decodes'] * budget['steps'] * budget['decode']['milliseconds'] / 3.6e6:.1f} |"
    assert row in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_what_the_pages_tell_of_memory_is_what_dry_runs_say():
    parts = {each["name"]: each["gib"] for each in dry_run(MULTINODE)["budget"]["memory"]["standing"]}
    trained, text = parts["gradients"] + parts["AdamW"], (MULTINODE.parent / "README.md").read_text(encoding="utf-8")
    assert f"{dry_run(MULTINODE)['budget']['memory']['peak']:.1f} before dividing, of which {trained:.1f} are" in text
    assert f"of which {trained + parts['adapter'] + parts['weights']:.1f} are divided" in text
    wide = CliRunner().invoke(
        app, ["train", str(FOLDER / "paper.toml"), "--eval_scenarios", "64", "--dry-run", "--json"]
    )
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"64 would need {json.loads(wide.stdout)['budget']['memory']['peak']:.0f} GiB" in page
    assert f"three models of {parts['weights']:.0f} GiB" in page


def test_the_papers_settings_are_the_papers():
    config = load_config(FOLDER / "paper.toml")
    assert (config.model, config.quantise, config.learning_rate, config.beta) == ("Qwen/Qwen3-14B", "4bit", 5e-6, 0.0)
    assert (config.group_size, config.games_per_step, config.max_steps, config.max_turns) == (8, 16, 1900, 7)
    assert (config.temperature, config.completion_temperature, config.history_turns) == (0.7, 0.1, 2)
    assert config.opponent == "frozen:1"


def test_the_baseline_differs_from_the_paper_in_its_method_alone():
    paper, baseline = (load_config(FOLDER / f"{name}.toml").model_dump() for name in ("paper", "single_agent"))
    differing = {name for name in paper if paper[name] != baseline[name]}
    assert differing == {"method", "beta", "temperature", "history_turns", "max_turn_tokens"}
    assert (baseline["beta"], baseline["temperature"]) == (0.04, 1.0)


def test_the_judge_of_the_recipes_has_prices_and_a_pinned_revision():
    judge = read_llm_judge(FOLDER / "judge_gpt-4o-mini.toml")
    assert judge.judge.revision == judge.endpoint.model
    assert judge.endpoint.prompt_price
    assert judge.endpoint.completion_price


@pytest.mark.parametrize("path", LAUNCHES, ids=lambda path: path.stem)
def test_accelerate_reads_the_launch_files(path):
    from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file

    found = load_config_from_file(str(path))
    assert isinstance(found, ClusterConfig)
    assert (found.num_machines, found.num_processes, found.mixed_precision) == (2, 16, "bf16")
    assert found.num_processes == RECIPES[MULTINODE]


@pytest.mark.parametrize("path", LAUNCHES, ids=lambda path: path.stem)
def test_the_launch_files_hold_only_options_that_accelerate_launch_has(path):
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import launch_command_parser

    known = vars(launch_command_parser().parse_args(["x.py"]))
    found = load_config_from_file(str(path))
    settings = {f"fsdp_{name.removeprefix('fsdp_')}": value for name, value in found.fsdp_config.items()}
    assert set(found.deepspeed_config) | set(settings) <= set(known)
    stage = {"zero2": 2, "zero3": 3}.get(path.stem)
    assert found.deepspeed_config.get("zero_stage") == stage
