import json
import re
import sys
from itertools import count

import pytest
import typer

from negotiation_env.cli import app
from negotiation_env.cli.app import PANELS
from negotiation_env.environment.episode import latest_episodes
from negotiation_env.version import __version__
from tests.helpers.command_line import negotiate
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply


def test_eval_writes_episodes_and_a_summary_and_names_the_judge(tmp_path):
    out = str(tmp_path / "a")
    done = negotiate(
        *["eval", "--agents", "scripted:compromising", "scripted:stubborn", "--judge", "scripted"],
        *["--split", "eval_conflict", "--n", "4", "--seed", "3", "--out", out],
    )
    assert done.returncode == 0, done.stderr
    assert "judge: scripted judge (a fake)" in done.stdout
    assert json.loads((tmp_path / "a" / "summary.json").read_text())["episodes"] == 4
    first = json.loads((tmp_path / "a" / "episodes.jsonl").read_text().splitlines()[0])
    assert first["agents"] == ["scripted:compromising", "scripted:stubborn"]


def test_an_evaluation_prints_its_summary_as_json_and_nothing_else(tmp_path):
    for more in ("--n=2",), ("--n=3", "--resume"):
        done = negotiate("eval", *SCRIPTS, *more, "--json", "--out", tmp_path / "run")
        assert json.loads(done.stdout) == json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))


def test_a_single_turn_is_no_negotiation_and_is_refused():
    done = negotiate("play", *SCRIPTS, "--max-turns", "1")
    assert done.returncode == 2
    assert "expected max turns of 2 or more, so that each party can speak, or 0" in done.stderr


@pytest.mark.parametrize(
    ("words", "row"), [("", "turns and answers that are empty"), ("so " * 2000, "cut at the longest")]
)
def test_turns_without_words_and_turns_without_end_have_a_row_of_their_own(tmp_path, monkeypatch, words, row):
    (tmp_path / "odd_party.py").write_text(f"def speak(text):\n    return {words!r}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    party = ("--agents", "function:odd_party:speak", "--judge", "scripted", "--prompts", "handshake")
    done = negotiate("eval", *party, "--n", "2", "--out", tmp_path / "run")
    assert row in done.stdout
    assert "turns and answers" not in negotiate("eval", *SCRIPTS, "--n", "2", "--out", tmp_path / "other").stdout
    sys.modules.pop("odd_party", None)


def test_a_score_without_an_agreement_is_said_to_earn_nothing():
    stubborn = ("--agents", "scripted:stubborn", "--judge", "scripted")
    assert negotiate("play", *stubborn).stdout.rstrip().endswith("; reward 0, without agreement")


def test_a_benchmark_can_be_made_small_on_the_command_line(tmp_path):
    two = ("--negotiators", "scripted:stubborn", "scripted:pushy", "--judge", "scripted", "--n", "1")
    planned = json.loads(negotiate("bench", *two, "--dry-run", "--json").stdout)
    assert "; 56 games." in planned[0]["note"]


def test_the_list_of_commands_says_what_each_does_in_a_whole_sentence(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, listed = negotiate("--help").stdout.split("Every day:")
    assert "..." not in listed
    assert listed.split()[0] == "play"


def test_every_command_stands_in_one_group_and_every_group_names_commands():
    grouped = [name for names in PANELS.values() for name in names]
    assert sorted(grouped) == sorted({*typer.main.get_command(app).commands})


def test_the_version_is_told():
    done = negotiate("--version")
    assert (done.returncode, done.stdout) == (0, f"negotiation_env {__version__}\n")


SCRIPTS = ("--agents", "scripted:compromising", "--judge", "scripted")


def test_an_evaluation_grows_and_keeps_what_was_played(tmp_path):
    out = tmp_path / "run"
    assert negotiate("eval", *SCRIPTS, "--n", "2", "--out", out).returncode == 0
    before = (out / "episodes.jsonl").read_bytes()
    done = negotiate("eval", *SCRIPTS, "--n", "30", "--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    assert "kept: 2 of 30 negotiations; to be played: 28" in done.stdout
    assert (out / "episodes.jsonl").read_bytes().startswith(before)
    assert json.loads((out / "summary.json").read_text())["episodes"] == 30
    assert "every figure is what its records come to" in negotiate("verify", out).stdout


def test_more_scenarios_than_there_are_is_told(tmp_path):
    done = negotiate("eval", *SCRIPTS, "--split", "eval_multi", "--n", "1000", "--out", tmp_path)
    held = json.loads((tmp_path / "summary.json").read_text())["episodes"]
    assert f"eval_multi holds {held}, fewer than --n 1000: each is taken once" in done.stderr


def test_an_evaluation_does_not_shrink_nor_change_its_scenarios(tmp_path):
    out = tmp_path / "run"
    assert negotiate("eval", *SCRIPTS, "--n", "3", "--out", out).returncode == 0
    for other in (("--n", "2"), ("--n", "4", "--split", "eval_multi")):
        done = negotiate("eval", *SCRIPTS, *other, "--out", out, "--resume")
        assert done.returncode == 2
        assert "a run that goes on may have more, not fewer" in done.stderr
    done = negotiate("eval", *SCRIPTS, "--n", "3", "--seed", "1", "--out", out, "--resume")
    assert (done.returncode, done.stdout) == (2, "")
    assert "seed was 0 and is 1; --resume needs the same" in done.stderr


def test_how_to_sample_is_for_chat_models():
    done = negotiate("play", *SCRIPTS, "--temperature", "0.5", "--max-turn-tokens", "9")
    assert done.returncode == 2
    assert "--temperature, --max-turn-tokens: for chat models; there is none among scripted:compromising" in done.stderr


def test_play_shows_a_live_transcript(tmp_path):
    done = negotiate(
        "play", "--agents", "scripted:stubborn", "scripted:accommodating", "--judge", "scripted", "--seed", "2"
    )
    assert done.returncode == 0, done.stderr
    assert "PROPOSE:" in done.stdout
    assert "agreed after 2 turns" in done.stdout


def test_with_no_turns_a_single_agent_plays_and_is_evaluated(tmp_path):
    shared = ["--agents", "scripted:stubborn", "--judge", "scripted", "--max-turns", "0"]
    played = negotiate("play", *shared)
    assert "answered; Collective Agency" in played.stdout, played.stderr
    done = negotiate("eval", *shared, "--split", "eval_multi", "--n", "2", "--out", str(tmp_path / "a"))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "a" / "summary.json").read_text())["turns"]["value"] == 0.0


def test_a_person_can_play(tmp_path):
    done = negotiate(
        "play",
        "--agents",
        "human",
        "scripted:accommodating",
        "--judge",
        "scripted",
        stdin="Ours.\nPROPOSE: Share it.\n\nWe share.\n\n",
    )
    assert done.returncode == 0, done.stderr
    assert "who you are" in done.stdout
    assert "agreed after 2 turns" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["play", "--scenario", "no-such", "--agents", "scripted:stubborn"], "no scenario 'no-such'"),
        (["play", "--agents", "nobody"], "no agent 'nobody'"),
        (["play", "--agents", "openai:m@http://127.0.0.1:9/v1", "--judge", "scripted"], "nobody answers at"),
        (["eval", "--judge", "oracle", "--agents", "scripted:stubborn"], "no judge 'oracle'"),
        (["eval", "--split", "no-such", "--agents", "scripted:stubborn"], "no split or file 'no-such'"),
        (["train", "no-such.toml"], "no config file 'no-such.toml'"),
        (["train", "examples/selfplay_embedded.toml", "--max_stepz", "3"], "there is no key 'max_stepz'"),
        (["train", "examples/selfplay_embedded.toml", "max_steps"], "expected overrides as --KEY VALUE"),
    ],
)
def test_what_a_user_can_mend_ends_in_one_line_and_code_2(arguments, told):
    done = negotiate(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["plya"], "play"),
        (["play", "--agentss", "human"], "--agents"),
        (["play", "--agents", "trainde"], "trained"),
        (["play", "--agents", "scripted:pushi", "--judge", "scripted"], "pushy"),
        (["play", "--agents", "scripted:pushy", "--judge", "scriptd"], "scripted"),
        (["play", "--split", "eval_conflct", *SCRIPTS], "eval_conflict"),
        (["play", "--scenario", "ec_010", *SCRIPTS], "ec-010"),
        (["play", "--prompts", "natrual", *SCRIPTS], "natural"),
        (["play", "--guards", "carefull", *SCRIPTS], "careful"),
        (["init", "selfpaly"], "selfplay"),
        (["generate", "dilemma", "--model", "embedded", "--out", "x"], "dilemmas"),
        (["train", "examples/selfplay_embedded.toml", "--dry-runn"], "--dry-run"),
        (["train", "examples/selfplay_embedded.toml", "--max_stepz", "3"], "max_steps"),
    ],
)
def test_what_is_misspelt_is_told_with_what_it_looks_like(arguments, meant):
    done = negotiate(*arguments)
    assert done.returncode == 2
    assert re.search(rf"(did you mean |Did you mean '|Possible options: ){meant}\b", done.stderr)


def test_a_recorded_evaluation_repeats_without_its_server(tmp_path):
    def arguments(url, out, *more):
        agents = [f"openai:m@{url}", "scripted:accommodating"]
        return [
            "eval",
            "--agents",
            *agents,
            "--judge",
            f"openai:m@{url}",
            "--n",
            "3",
            "--out",
            str(tmp_path / out),
            *more,
        ]

    def answer(asked):
        return judge_reply(asked) if "response_format" in asked else "Hm.\nPROPOSE: We share it."

    tape = str(tmp_path / "tape")
    with EndpointServer(answer) as server:
        live = negotiate(*arguments(server.url, "live", "--workers", "3", "--record", tape))
    assert live.returncode == 0, live.stderr
    again = negotiate(*arguments(server.url, "again", "--replay", tape))
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "summary.json").read_bytes() == (tmp_path / "live" / "summary.json").read_bytes()
    other = negotiate(*arguments(server.url, "other", "--replay", tape, "--seed", "9"))
    assert (other.returncode, "holds no such request" in other.stderr) == (2, True)


def test_a_recorded_evaluation_that_was_killed_goes_on_and_then_repeats_without_its_server(tmp_path):
    tape, episodes = tmp_path / "tape", tmp_path / "live" / "episodes.jsonl"
    replies = count()

    def evaluate(out, url, *more):
        agents = ["--agents", f"openai:m@{url}", "scripted:accommodating", "--judge", "scripted", "--n", "3"]
        return negotiate("eval", *agents, "--workers", "2", "--out", str(tmp_path / out), *more)

    with EndpointServer(lambda _: f"Take {next(replies)}.\nPROPOSE: We share it.") as server:
        live = evaluate("live", server.url, "--record", str(tape))
        assert live.returncode == 0, live.stderr
        episodes.write_bytes(b"".join(episodes.read_bytes().splitlines(keepends=True)[:1]))
        tape.write_bytes(tape.read_bytes()[:-9])
        blocked = evaluate("other", server.url, "--record", str(tape))
        assert (blocked.returncode, "go on with --resume" in blocked.stderr) == (2, True)
        resumed = evaluate("live", server.url, "--resume", "--record", str(tape))
        assert resumed.returncode == 0, resumed.stderr
    again = evaluate("again", server.url, "--replay", str(tape))
    assert again.returncode == 0, again.stderr
    played = [latest_episodes(tmp_path / out / "episodes.jsonl") for out in ("live", "again")]
    assert played[0] == played[1]


def test_the_doctor_s_exit_code_says_whether_all_will_do():
    with EndpointServer(lambda _: "O well, deep well") as server:
        ill = negotiate("doctor", "--agents", "scripted:stubborn", "--judge", f"openai:m@{server.url}")
    assert ill.returncode == 1, ill.stderr
    assert "not honoured" in ill.stdout
    assert negotiate("doctor", "--agents", "scripted:stubborn", "--judge", "scripted").returncode == 0


def test_the_doctor_loads_no_agent_that_nobody_named(monkeypatch):
    examined = []
    monkeypatch.setattr("negotiation_env.agents.doctor.examine_agent", lambda agent, *_: examined.append(agent) or [])
    assert negotiate("doctor", "--judge", "scripted").returncode == 0
    assert examined == []
    assert negotiate("doctor", "--judge", "scripted", "--agents", "scripted:pushy").returncode == 0
    assert [agent.name for agent in examined] == ["scripted:pushy"]


def test_a_table_says_what_stands_in_brackets_where_there_is_no_interval(tmp_path):
    done = negotiate("eval", *SCRIPTS, "--n", "2", "--out", tmp_path)
    assert "or n where no two values differ" in " ".join(done.stdout.split())
