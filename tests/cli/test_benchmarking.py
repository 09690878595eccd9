import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.benchmark.headline import standing
from negotiation_env.cli import app, main
from negotiation_env.errors import UserError
from negotiation_env.statistics.table import read_tables
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.killing import holds_lines, kill_when
from tests.helpers.llm_replies import judge_reply

ROOT = Path(__file__).parents[2]
FILES = ("episodes.jsonl", "comparisons.jsonl", "probes.jsonl", "challenges.jsonl")
JUDGE = "python:tests.benchmark.checksum_judge:HangingJudge"
CONFIG = f"""
judge = "{JUDGE}"
conflict = 2
multi = 0
open = 1
decoding = ["greedy"]
batch = 4
[negotiators]
base = "scripted:compromising"
meek = "scripted:accommodating"
"[bold]hard[/bold]" = "scripted:stubborn"
[panel]
pushy = "scripted:pushy"
[comparisons]
quality = "{JUDGE}"
"""
QUICK = """
judge = "scripted"
conflict = 1
multi = 0
open = 0
decoding = ["greedy"]
probes = false
panel = {}
comparisons = {}
"""


def bench(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "bench.toml"
    path.write_text(CONFIG)
    return path


def quick(tmp_path, text=""):
    path = tmp_path / "quick.toml"
    path.write_text(QUICK + text)
    return path


def command(config, out, *more):
    return [sys.executable, "-m", "negotiation_env", "bench", str(config), "--out", str(out), *more]


def run_and_kill(config, out, *more, name, at):
    """Kill -9 once a file has so many lines; the judge hangs then, so that the run cannot end before."""
    path = out / name
    environment = os.environ | {"HANG_ON": str(path), "HANG_AT": str(at)}
    process = subprocess.Popen(command(config, out, *more), env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
    kill_when(lambda: holds_lines(path, at), process, patience=100)
    return {each: (out / each).read_bytes() if (out / each).is_file() else b"" for each in FILES}


@pytest.mark.slow
def test_a_run_that_was_killed_at_every_step_ends_with_the_tables_of_an_unbroken_one(config, tmp_path):
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    assert bench(config, "--out", unbroken).exit_code == 0
    left, resume = [], ()
    for name, at in zip(FILES, (6, 5, 5, 5), strict=True):
        left.append(run_and_kill(config, killed, *resume, name=name, at=at))
        resume = ("--resume",)
    done = subprocess.run(command(config, killed, *resume), cwd=ROOT, capture_output=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert (killed / "tables.json").read_bytes() == (unbroken / "tables.json").read_bytes()
    for name in FILES:
        whole = (killed / name).read_bytes()
        assert Counter(whole.splitlines()) == Counter((unbroken / name).read_bytes().splitlines())
        assert all(whole.startswith(before[name][: before[name].rfind(b"\n") + 1]) for before in left)


def test_two_negotiators_need_no_file(tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    specs = ["scripted:stubborn", "scripted:pushy"]
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "argv", ["negotiate", "bench", "--dry-run", "--negotiators", *specs, "--out", str(out)])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 0
    shown = capsys.readouterr().out
    assert all(spec in shown for spec in specs)


def test_it_says_who_is_best_by_which_judge_and_where_all_tables_and_games_are(config, tmp_path):
    done = bench(config, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    tables = read_tables((tmp_path / "run" / "tables.json").read_text())
    found = standing(tables)
    told = " ".join(done.stdout.split())
    for part in (found.told, found.table.title, "Judge: ", f"all {len(tables)} tables", "negotiate view"):
        assert part in told


def test_as_json_it_prints_the_tables_and_nothing_else(tmp_path):
    path = quick(tmp_path, '[negotiators]\na = "scripted:stubborn"\nb = "scripted:pushy"\n')
    done = bench(path, "--out", tmp_path / "run", "--json")
    assert done.exit_code == 0, done.output
    assert done.stdout == (tmp_path / "run" / "tables.json").read_text(encoding="utf-8")


def test_a_dry_run_tells_calls_and_dollars_and_plays_and_writes_nothing(tmp_path):
    (tmp_path / "paid.toml").write_text('model = "m"\nprompt_price = 1.0\ncompletion_price = 2.0\n')
    (tmp_path / "judge.toml").write_text(
        '[judge]\nsamples = 3\n[endpoint]\nmodel = "j"\nprompt_price = 1.0\ncompletion_price = 2.0\n'
    )
    negotiators = f'[negotiators]\npaid = "{tmp_path / "paid.toml"}"\nfree = "openai:nobody"\n'
    path = quick(tmp_path, negotiators)
    panel = f"panel:median:{tmp_path / 'judge.toml'},scripted"
    done = bench(path, "--judge", panel, "--dry-run", "--json", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    table, lacking = read_tables(done.stdout)
    assert [row[0].rpartition(" ")[2] for row in lacking.rows] == ["OPENAI_API_KEY"] * 3
    rows = {(row[0], row[1]): row[2:] for row in table.rows}
    calls, prompt, reply, dollars = rows["negotiator paid", str(tmp_path / "paid.toml")]
    assert calls == 8  # seven turns and the answer
    assert dollars == pytest.approx(prompt + 2 * reply)
    assert rows["negotiator free", "openai:nobody"][3] is None
    assert rows["judge", "scripted"][0] == 14  # for either negotiator six looks at the dialogue and a score
    assert rows["judge", str(tmp_path / "judge.toml")][0] == 3 * 14
    assert not (tmp_path / "run").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["judge.toml", "paid.toml", "quick.toml"]


def test_the_shipped_benchmark_can_be_priced():
    done = bench(ROOT / "examples" / "bench_embedded.toml", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "no warm start" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name what is to be compared: a config file, or --negotiators A B"),
        (["no-such.toml"], "no benchmark file 'no-such.toml'"),
        (["--negotiators", "scripted:pushy"], "expected two or more negotiators"),
        (["--negotiators", "a", "--negotiators", "b", "--judge", "scripted"], "no agent 'a'"),
        (["--negotiators", "scripted:pushy", "--negotiators", "scripted:liar", "--judge", "x"], "no judge 'x'"),
        (
            ["--negotiators", "a.toml", "--negotiators", "b.toml", "--dry-run"],
            "no endpoint file or agent file 'a.toml'",
        ),
        (["--negotiators", "embeded", "--negotiators", "human", "--dry-run"], "did you mean embedded?"),
        (["--negotiators", "human", "--negotiators", "embedded", "--judge", "x", "--dry-run"], "no judge 'x'"),
    ],
)
def test_what_a_user_can_mend_is_a_user_error(arguments, told):
    error = bench(*arguments).exception
    assert isinstance(error, UserError), error
    assert told in str(error)


def test_a_run_goes_on_only_with_the_adapter_that_it_began_with(tmp_path, monkeypatch):
    pytest.importorskip("torch")  # of the extra that these agents need
    monkeypatch.setattr("negotiation_env.agents.needs.resolve_agent", lambda spec, traffic: ScriptedAgent("stubborn"))
    weights = tmp_path / "adapter" / "adapter_model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    (weights.parent / "adapter_config.json").write_text("{}")
    path = quick(tmp_path, f'[negotiators]\na = "embedded"\nb = "hf:embedded+{weights.parent}"\n')
    assert bench(path, "--out", tmp_path / "run").exit_code == 0
    assert bench(path, "--out", tmp_path / "run", "--resume").exit_code == 0
    weights.write_bytes(b"other weights")
    assert f"contents.hf:embedded+{weights.parent} was" in str(
        bench(path, "--out", tmp_path / "run", "--resume").exception
    )


@pytest.mark.parametrize("spec", ["function:own_agent:say", "python:own_agent:make"])
def test_a_run_goes_on_only_with_the_code_that_it_began_with(tmp_path, monkeypatch, spec):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_agent", raising=False)
    module = tmp_path / "own_agent.py"
    module.write_text("def say(text):\n    return 'PROPOSE: Let us share.'\n\n\ndef make():\n    return say\n")
    path = quick(tmp_path, f'[negotiators]\na = "scripted:stubborn"\nb = "{spec}"\n')
    assert bench(path, "--out", tmp_path / "run").exit_code == 0
    assert bench(path, "--out", tmp_path / "run", "--resume").exit_code == 0
    module.write_text(module.read_text().replace("share", "wait"))
    assert f"contents.{spec} was" in str(bench(path, "--out", tmp_path / "run", "--resume").exception)


def test_a_run_goes_on_only_with_all_the_weights_of_a_folder(tmp_path, monkeypatch):
    pytest.importorskip("torch")  # of the extra that these agents need
    monkeypatch.setattr("negotiation_env.agents.needs.resolve_agent", lambda spec, traffic: ScriptedAgent("stubborn"))
    shards = [tmp_path / "all+weights" / f"model-{number}.safetensors" for number in (1, 2)]
    shards[0].parent.mkdir()
    for shard in shards:
        shard.write_bytes(b"weights")
    path = quick(tmp_path, f'[negotiators]\na = "embedded"\nb = \'hf:"{shards[0].parent}"\'\n')
    assert bench(path, "--out", tmp_path / "run").exit_code == 0
    shards[1].write_bytes(b"other weights")
    told = str(bench(path, "--out", tmp_path / "run", "--resume").exception)
    assert f'contents.hf:"{shards[0].parent}" was' in told


def lacking():
    raise ImportError("no module named 'mine'", name="mine")


def test_what_an_agent_of_ones_own_lacks_is_not_told_as_missing_here(tmp_path):
    path = quick(tmp_path, '[negotiators]\na = "scripted:stubborn"\nb = "python:tests.cli.test_benchmarking:lacking"\n')
    error = bench(path, "--out", tmp_path / "run").exception
    assert type(error) is UserError
    assert "tests.cli.test_benchmarking:lacking raised ImportError at test_benchmarking.py:" in str(error)
    assert str(error).endswith(": no module named 'mine'")


def test_a_dry_run_refuses_scenarios_that_cannot_be_used(tmp_path):
    (tmp_path / "none.jsonl").write_text("")
    path = quick(tmp_path, '[negotiators]\na = "scripted:stubborn"\nb = "scripted:pushy"\n')
    path.write_text(f'conflict_split = "{tmp_path / "none.jsonl"}"\n' + path.read_text())
    assert "expected a file of scenarios" in str(bench(path, "--dry-run").exception)


def test_a_run_at_an_endpoint_stops_at_the_cost_limit_and_goes_on_only_with_the_same_model(tmp_path):
    def endpoint(model):
        price = "prompt_price = 1000.0\ncompletion_price = 1000.0"  # 0.11 dollars a reply
        (tmp_path / "m.toml").write_text(f'model = "{model}"\nbase_url = "{server.url}"\n{price}\n')

    with EndpointServer() as server:
        endpoint("m")
        path = quick(tmp_path, f'[negotiators]\na = "scripted:stubborn"\nb = "{tmp_path / "m.toml"}"\n')
        run = [path, "--out", tmp_path / "run"]
        assert "$0.55 spent, the limit is $0.50" in str(bench(*run, "--cost-limit", "0.5").exception)
        asked = len(server.bodies)
        endpoint("another")
        assert f"@{server.url}' and is 'openai:another@" in str(bench(*run, "--resume").exception)
        endpoint("m")
        done = bench(*run, "--resume", "--json")
        assert (done.exit_code, len(server.bodies)) == (0, asked + 8)  # the game that was cut off, anew
    beyond = next(table for table in read_tables(done.stdout) if "dollars a game" in table.columns)
    cells = {row[0]: row[beyond.columns.index("dollars a game")] for row in beyond.rows}
    assert (cells["a"].value, cells["b, greedy"].value) == (None, pytest.approx(0.88))


PRICE = "prompt_price = 1000.0\ncompletion_price = 1000.0\n"
"""0.11 dollars a reply."""


@pytest.mark.parametrize("more", [["--workers", "8"], []], ids=["workers", "lockstep"])
@pytest.mark.parametrize("limit", [0.05, 2.0])
def test_however_many_games_are_under_way_one_reply_at_most_is_paid_beyond_the_limit_and_its_tenth(
    tmp_path, limit, more
):
    with EndpointServer(judge_reply_or_words, latency=0.01) as server:
        (tmp_path / "m.toml").write_text(f'model = "m"\nbase_url = "{server.url}"\n{PRICE}')
        (tmp_path / "j.toml").write_text(f'[endpoint]\nmodel = "j"\nbase_url = "{server.url}"\n{PRICE}')
        path = tmp_path / "bench.toml"
        path.write_text(
            f'judge = "{tmp_path / "j.toml"}"\nconflict = 16\nmulti = 0\nopen = 0\nunscored_limit = 1.0\n'
            f'[negotiators]\na = "scripted:stubborn"\nb = "{tmp_path / "m.toml"}"\n'
            '[panel]\nhalving = "scripted:compromising"\n[comparisons]\n'
        )
        told = str(bench(path, "--out", tmp_path / "run", "--cost-limit", str(limit), "--no-cache", *more).exception)
    spent = 0.11 * len(server.bodies)
    assert spent <= 1.1 * limit + 0.11
    assert f"${spent:.2f} spent, the limit is $" in told


def judge_reply_or_words(asked):
    return judge_reply(asked) if "response_format" in asked else "Hm."


@pytest.mark.parametrize(
    "changes",
    [
        {"negotiators": "URL"},
        {"halving": "URL"},
        {"judge": "URL"},
        {"judge": "panel:median:scripted,URL"},
        {"compared": "URL"},
        {"compared": "panel:mean:scripted,URL"},
    ],
    ids=str,
)
@pytest.mark.parametrize("given", ["cost_limit = 1.0\n", ""], ids=["key", "option"])
def test_with_a_cost_limit_whoever_is_asked_needs_a_price_before_anything_is(tmp_path, changes, given):
    specs = {"negotiators": "scripted:pushy", "halving": "scripted:compromising", "judge": "scripted"} | changes
    with EndpointServer() as server:
        specs = {name: spec.replace("URL", f"openai:m@{server.url}") for name, spec in specs.items()}
        path = tmp_path / "bench.toml"
        path.write_text(
            f'{given}judge = "{specs["judge"]}"\nconflict = 1\nmulti = 0\nopen = 0\n'
            f'[negotiators]\na = "scripted:stubborn"\nb = "{specs["negotiators"]}"\n'
            f'[panel]\nhalving = "{specs["halving"]}"\n[comparisons]\nCA = "{specs.get("compared", "scripted")}"\n'
        )
        option = [] if given else ["--cost-limit", "1.0"]
        error = bench(path, "--out", tmp_path / "run", *option).exception
    assert isinstance(error, UserError)
    assert f"needs the prices of openai:m@{server.url}; set prompt_price and completion_price" in str(error)
    assert not server.bodies
    assert not (tmp_path / "run").exists()


def test_workers_and_judge_of_the_command_line_take_the_place_of_the_file_s(tmp_path):
    path = quick(tmp_path, 'workers = 1\n[negotiators]\na = "scripted:stubborn"\nb = "scripted:pushy"\n')
    out = tmp_path / "run"
    assert (
        bench(path, "--out", out, "--workers", "2", "--judge", "python:tests.cli.test_benchmarking:strict").exit_code
        == 0
    )
    assert json.loads((out / "run.json").read_text())["judges"]["games"] == "strict"


def strict():
    from negotiation_env import ScriptedJudge

    judge = ScriptedJudge(score=1.0)
    judge.name = "strict"
    return judge
