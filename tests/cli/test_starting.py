"""`negotiate init`: a file to begin with loads and runs as it is."""

import re
from pathlib import Path

import pytest

from negotiation_env.benchmark.config import read_benchmark
from negotiation_env.environment.prompting import load_prompts
from negotiation_env.game.prompts import SHIPPED as PROMPTS
from negotiation_env.guards import SHIPPED as GUARDS
from negotiation_env.judges.llm_file import read_llm_judge
from tests.helpers.command_line import negotiate

READ = {
    "bench": lambda path: read_benchmark(path, [], {}),
    "judge": read_llm_judge,
    "prompts": load_prompts,
}
RUN = ("play", "--agents", "scripted:compromising", "--judge", "scripted")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", READ)
def test_a_file_is_written_that_says_what_it_is_and_loads(kind):
    done = negotiate("init", kind)
    assert done.returncode == 0, done.stderr
    assert f"written to {kind}.toml; try:\n  negotiate " in done.stdout
    assert Path(f"{kind}.toml").read_text(encoding="utf-8").startswith("# ")
    READ[kind](Path(f"{kind}.toml"))


@pytest.mark.parametrize(
    ("kind", "name"), [*(("prompts", each) for each in PROMPTS), *(("guards", each) for each in GUARDS)]
)
def test_a_copy_of_what_is_shipped_is_played_under(kind, name):
    assert negotiate("init", kind, "new/own.toml", "--like", name).returncode == 0
    done = negotiate(*RUN, f"--{kind}", "new/own.toml")
    assert done.returncode == 0, done.stderr


def test_a_training_to_begin_with_can_be_trained():
    pytest.importorskip("trl")
    assert negotiate("init", "selfplay").returncode == 0
    done = negotiate("train", "selfplay.toml", "--dry-run", "--guards", "careful", "safety", "--prompts", "natural")
    assert done.returncode == 0, done.stderr
    assert "did you mean careful?" in negotiate("train", "selfplay.toml", "--dry-run", "--guards", "carful").stderr


@pytest.mark.models
def test_a_benchmark_to_begin_with_runs():
    assert negotiate("init", "bench").returncode == 0
    path = Path("bench.toml")
    less = path.read_text(encoding="utf-8")
    for key in ("conflict", "open", "max_turn_tokens", "max_completion_tokens"):
        less, found = re.subn(rf"^{key} = \d+", f"{key} = {8 if 'tokens' in key else 1}", less, flags=re.MULTILINE)
        assert found == 1
    path.write_text(less, encoding="utf-8")
    done = negotiate("bench", "bench.toml", "--out", "run")
    assert done.returncode == 0, done.stderr


def test_what_is_there_is_not_overwritten():
    Path("judge.toml").write_text("mine")
    done = negotiate("init", "judge")
    assert (done.returncode, Path("judge.toml").read_text()) == (2, "mine")
    assert "is not overwritten" in done.stderr


def test_a_set_that_is_not_shipped_is_told():
    done = negotiate("init", "guards", "--like", "safty")
    assert done.returncode == 2
    assert "no guards 'safty' (did you mean safety?); expected one of careful, anti_hacking, safety" in done.stderr


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (("train", "mine.toml"), "selfplay"),
        (("bench", "mine.toml"), "bench"),
        ((*RUN[:3], "--judge", "mine.toml"), "judge"),
    ],
)
def test_a_file_that_is_not_there_is_told_with_the_command_that_writes_one(command, kind):
    done = negotiate(*command)
    assert done.returncode == 2
    assert f"'mine.toml'; `negotiate init {kind}` writes one" in done.stderr
