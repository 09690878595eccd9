"""The benchmark from Python: the same run as the command line's."""

import json
from importlib.resources import files
from statistics import mean

import pytest
from pettingzoo.utils import BaseWrapper
from typer.testing import CliRunner

from negotiation_env import UserError, bench, read_episodes
from negotiation_env.benchmark.config import read_benchmark
from negotiation_env.benchmark.verify import verify_benchmark
from negotiation_env.cli import app

NEGOTIATORS = ["scripted:compromising", "scripted:stubborn"]
TOML = """
negotiators = {a = "scripted:stubborn", b = "scripted:pushy"}
judge = "scripted"
comparisons = {"Collective Agency" = "scripted"}
panel = {liar = "scripted:liar"}
conflict = 2
multi = 0
open = 1
probes = false
"""


class Polite(BaseWrapper):
    def step(self, action):
        super().step(action if action is None else f"Please. {action}")


@pytest.fixture
def config(tmp_path):
    pytest.importorskip("choix")
    path = tmp_path / "bench.toml"
    path.write_text(TOML)
    return path


def test_bench_is_the_command_in_python(tmp_path, config):
    tables = bench(config, tmp_path / "python", negotiators=NEGOTIATORS, workers=1)
    arguments = [str(config), "--negotiators", NEGOTIATORS[0], "--negotiators", NEGOTIATORS[1]]
    done = CliRunner().invoke(app, ["bench", *arguments, "--out", str(tmp_path / "shell"), "--workers", "1"])
    assert done.exit_code == 0, done.output
    for name in ("run.json", "tables.json", "episodes.jsonl", "comparisons.jsonl"):
        assert (tmp_path / "python" / name).read_bytes() == (tmp_path / "shell" / name).read_bytes()
    assert [table.title for table in tables] == [each["title"] for each in _tables(tmp_path / "python")]


def test_keys_win_over_the_file_and_a_wrong_one_is_told(tmp_path, config):
    bench(config, tmp_path / "run", conflict=1, open=0)
    assert len({episode.scenario.id for episode in read_episodes(tmp_path / "run" / "episodes.jsonl")}) == 1
    with pytest.raises(UserError, match="conflict: expected 0 or more, got -1"):
        bench(config, tmp_path / "other", conflict=-1)


def test_wrappers_stand_around_every_game_and_the_run_goes_on_with_the_same_only(tmp_path, config):
    bench(config, tmp_path / "run", wrap=Polite)
    episodes = list(read_episodes(tmp_path / "run" / "episodes.jsonl"))
    assert all(turn.text.startswith("Please. ") for episode in episodes for turn in episode.turns)
    with pytest.raises(UserError, match=r"contents\.wrap was '\S+Polite' and is None"):
        bench(config, tmp_path / "run", resume=True)


def test_a_run_with_prompts_of_ones_own_goes_on_with_the_same_only(tmp_path, config, monkeypatch):
    (tmp_path / "content.py").write_text("def verdict(question):\n    return 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    shipped = files("negotiation_env.game").joinpath("prompt_sets", "natural.toml").read_text(encoding="utf-8")
    told = tmp_path / "mine.toml"
    told.write_text(shipped.replace('"natural"', '"mine"'), encoding="utf-8")
    keys = {"negotiators": ["function:builtins:ascii", "scripted:pushy"], "judge": "function:content:verdict"}
    keys |= {"prompts": str(told), "comparisons": {"Collective Agency": "scripted"}}
    bench(config, tmp_path / "run", **keys)
    ids = {part for each in read_episodes(tmp_path / "run" / "episodes.jsonl") for part in each.prompts.split("; ")}
    assert {each.partition(" ")[0] for each in ids} == {"mine", "handshake"}  # the scripts have their own
    bench(config, tmp_path / "run", resume=True, **keys)
    told.write_text(told.read_text(encoding="utf-8").replace("Speak freely", "Speak up"), encoding="utf-8")
    with pytest.raises(UserError, match=r"prompts was 'mine 1 .*' and is 'mine 1 "):
        bench(config, tmp_path / "run", resume=True, **keys)


def test_guards_hold_in_every_game_and_the_run_goes_on_under_the_same_only(tmp_path, config):
    bench(config, tmp_path / "run", guards=["safety"])
    episodes = list(read_episodes(tmp_path / "run" / "episodes.jsonl"))
    assert all(episode.guards.startswith("safety@") for episode in episodes)
    pressing = [each for each in episodes if "scripted:pushy" in each.agents and not each.rules.single]
    assert pressing
    assert all("no_pressure" in {each.constraint for each in episode.broken()} for episode in pressing)
    with pytest.raises(UserError, match="guards"):
        bench(config, tmp_path / "run", resume=True)


def test_what_guards_change_is_told_pair_by_pair_and_verified(tmp_path, config):
    tables = bench(config, tmp_path / "run", guards="safety", guards_paired=True)
    told = [each for each in tables if each.title.startswith("With guards and without: ")]
    assert [each.title.split(", ")[-1] for each in told] == ["with itself", "against the panel"]
    guarded = {each.id: each for each in read_episodes(tmp_path / "run" / "episodes.jsonl") if each.guards}
    free = {each.id: each for each in read_episodes(tmp_path / "run" / "without_guards.jsonl")}
    assert free.keys() == {id for id, each in guarded.items() if not each.rules.single}
    assert not any(each.guards for each in free.values())
    rows = {row[:2]: row[2:] for row in told[0].rows}
    own = [each for each in guarded.values() if each.tags["negotiator"] == "b" and each.tags["opponent"] == "itself"]
    turns = [mean(some[each.id].outcome.turns for each in own) for some in (guarded, free)]
    assert [each.value for each in rows["b", "turns"][:3]] == [*turns, turns[0] - turns[1]]
    assert verify_benchmark(tmp_path / "run") == []
    bench(config, tmp_path / "run", guards="safety", guards_paired=True, resume=True)


def test_a_game_without_guards_that_was_changed_is_found(tmp_path, config):
    bench(config, tmp_path / "run", guards="safety", guards_paired=True)
    file = tmp_path / "run" / "without_guards.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[1:]))
    assert any("without_guards.jsonl" in told for told in verify_benchmark(tmp_path / "run"))
    with pytest.raises(UserError, match="guards_paired: expected guards to compare with"):
        bench(config, tmp_path / "other", guards_paired=True)


def test_one_name_is_a_list_of_one(config):
    style = {"judge": "scripted", "settings": "eval_open"}
    found = read_benchmark(config, [], {"guards": "safety", "decoding": "greedy", "comparisons": {"style": style}})
    assert (found.guards, found.decoding) == (("safety",), ("greedy",))
    assert found.objectives["style"].settings == ("eval_open",)


def _tables(folder):
    return json.loads((folder / "tables.json").read_text())
