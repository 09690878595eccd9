"""A benchmark's tables are derived again out of its games and answers."""

import json
import shutil
from dataclasses import replace

import pytest

from negotiation_env.benchmark.run import run_benchmark
from negotiation_env.benchmark.verify import verify_benchmark
from tests.benchmark.small_benchmark import cast_of, small

pytestmark = pytest.mark.usefixtures("few_draws")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, few_draws):
    out = tmp_path_factory.mktemp("bench") / "run"
    config = small(conflict=1, comparisons={"quality": "checksum"}, alone=True)
    run_benchmark(config, cast_of(config), out)
    return out


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def without_last_line(path):
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")


def test_a_benchmark_verifies(run):
    assert verify_benchmark(run) == []


def test_a_changed_cell_is_told_by_its_table_row_and_column(run):
    tables = json.loads((run / "tables.json").read_text(encoding="utf-8"))
    row, column = tables[0]["rows"][0], tables[0]["columns"].index("wins")
    before, row[column] = row[column], 99
    (run / "tables.json").write_text(json.dumps(tables), encoding="utf-8")
    title = tables[0]["title"]
    told = f"tables.json: {title}.row 1 ({row[0]}).wins is 99; its records come to {before}"
    assert verify_benchmark(run) == [told]


@pytest.mark.parametrize("name", ["comparisons", "probes", "challenges"])
def test_a_missing_answer_is_told(run, name):
    without_last_line(run / f"{name}.jsonl")
    assert any(told.startswith(f"{name}.jsonl: there is no line of ") for told in verify_benchmark(run))


def test_a_missing_game_is_told(run):
    without_last_line(run / "episodes.jsonl")
    lost, rest = verify_benchmark(run)
    assert lost.startswith("episodes.jsonl: there is no line of eval_")
    assert rest == "tables.json cannot be derived without them"


def test_an_answer_that_was_changed_moves_the_tables(run):
    path = run / "comparisons.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        told = json.loads(line)
        for order in ("forward", "backward"):
            told["duel"][order]["value"] = 0.0
        lines[number] = json.dumps(told)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert any(told.startswith("tables.json: Wins against base") for told in verify_benchmark(run))


def test_who_was_trained_by_the_judge_is_kept_with_the_settings(tmp_path):
    config = small(conflict=1, open=0, panel={}, probes=False, comparisons={"quality": "checksum"})
    cast = replace(cast_of(config), trainees={"quality": ("meek",)})
    run_benchmark(config, cast, tmp_path)
    assert "(the training judge of meek)" in (tmp_path / "tables.json").read_text(encoding="utf-8")
    assert verify_benchmark(tmp_path) == []
