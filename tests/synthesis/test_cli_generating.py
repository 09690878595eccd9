import json

import pytest
from typer.testing import CliRunner

from negotiation_env.cli import app, generating
from negotiation_env.endpoints.recording import Recorder
from negotiation_env.errors import UserError
from negotiation_env.synthesis.generate import generate
from negotiation_env.synthesis.settings import Settings
from negotiation_env.synthesis.sources import load_sources
from tests.synthesis import writers

DOMAINS = 'everyday = ["queues", "lifts", "gifts"]\nprofessional = ["ferries", "mills"]\n'


def negotiate(*arguments):
    assert generating.generate_command  # its import adds the command
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "100"})


@pytest.fixture
def domains(tmp_path):
    path = tmp_path / "domains.toml"
    path.write_text(DOMAINS, encoding="utf-8")
    return path


def options(domains, out):
    return ["--domains", domains, "--n", 8, "--no-shipped", "--no-minilm", "--judge", "judge", "--out", out]


def test_the_command_writes_what_the_library_writes(tmp_path, domains):
    recorder = Recorder(tmp_path / "traffic.jsonl")
    author, judge = (
        recorder.model(model.name, lambda model=model: model) for model in (writers.author(), writers.judge())
    )
    generate(
        Settings("dilemmas", 8), author, judge, tmp_path / "library", load_sources("dilemmas", domains, shipped=False)
    )
    replay = ["--replay", tmp_path / "traffic.jsonl"]
    done = negotiate("generate", "dilemmas", "--model", "author", *options(domains, tmp_path / "command"), *replay)
    assert done.exit_code == 0, done.output
    for name in ("README.md", "dilemmas_everyday.jsonl", "scenarios.jsonl", "run.json"):
        assert (tmp_path / "command" / name).read_text() == (tmp_path / "library" / name).read_text()
    assert "What became of the candidates" in done.stdout
    again = negotiate(
        "generate", "dilemmas", "--model", "author", *options(domains, tmp_path / "command"), *replay, "--resume"
    )
    assert again.exit_code == 0, again.output


def test_a_dry_run_tells_calls_tokens_and_price_and_writes_nothing(tmp_path, domains):
    endpoint = tmp_path / "model.toml"
    endpoint.write_text('model = "m"\nprompt_price = 1.0\ncompletion_price = 10.0\n', encoding="utf-8")
    out = tmp_path / "out"
    done = negotiate("generate", "dilemmas", "--model", endpoint, *options(domains, out), "--dry-run")
    assert done.exit_code == 0, done.output
    author = next(line for line in done.stdout.splitlines() if "author" in line)
    assert " 24 " in author
    assert " 19,200 " in author
    assert "$0.2" in author
    assert not out.exists()


def test_a_prefix_that_would_break_ids_is_refused(tmp_path, domains):
    done = negotiate("generate", "open", "--model", "author", *options(domains, tmp_path / "out"), "--prefix", "a/b")
    assert isinstance(done.exception, UserError)
    assert "'a/b'" in str(done.exception)


def test_the_run_file_names_everything_that_decides(tmp_path, domains):
    generate(
        Settings("dilemmas", 2), writers.author(), None, tmp_path, load_sources("dilemmas", domains, shipped=False)
    )
    kept = json.loads((tmp_path / "run.json").read_text())
    assert {"kind", "seed", "author", "judge", "encoder", "domains", "personas", "known", "prompts", "near"} <= set(
        kept
    )
