"""What a benchmark leaves beside its games, as the report reads and shows it."""

import json

import pytest

from negotiation_env.environment.episode import latest_episodes
from negotiation_env.errors import UserError
from negotiation_env.report import write_report
from negotiation_env.report.probes_and_challenges import FILES, Afterwards, read_afterwards, show_afterwards
from tests.report.runs import benchmark, evaluation

JUDGE = "a judge"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return benchmark(tmp_path_factory.mktemp("benchmark"))


def shown(folder):
    return show_afterwards(read_afterwards(folder), latest_episodes(folder / "episodes.jsonl"))


def lines(folder, name):
    return [json.loads(line) for line in (folder / name).read_bytes().splitlines()]


def preference(value, reason=""):
    return {"value": value, "judge": JUDGE, "reason": reason}


def comparing(folder, forward, backward, **more):
    """The first real comparison with another result, as both of its games see it."""
    line = lines(folder, "comparisons.jsonl")[0]
    line["duel"] = {"forward": forward, "backward": backward, **more}
    (folder / "comparisons.jsonl").write_text(json.dumps(line) + "\n")
    games = [game for game in shown(folder).values() if game.comparisons]
    return [game.comparisons[0] for game in games]


@pytest.fixture
def copied(folder, tmp_path):
    for name in ("episodes.jsonl", *FILES):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    return tmp_path


def test_every_line_of_a_benchmark_is_shown_in_its_game_and_a_comparison_in_both(folder):
    found = shown(folder).values()
    assert sum(len(game.probes) for game in found) == len(lines(folder, "probes.jsonl"))
    assert sum(game.challenge is not None for game in found) == len(lines(folder, "challenges.jsonl"))
    assert sum(len(game.comparisons) for game in found) == 2 * len(lines(folder, "comparisons.jsonl"))
    assert [bool(lines(folder, name)) for name in FILES] == [True] * 3


def test_a_probe_says_who_accepts_and_how_satisfied_it_is(folder):
    episodes = latest_episodes(folder / "episodes.jsonl")
    asked = {line["id"]: line for line in lines(folder, "probes.jsonl")}
    (first, *_), line = next(iter(shown(folder).values())).probes, next(iter(asked.values()))
    name = episodes[line["episode"]].scenario.personas[line["seat"]].name
    accepts = "accepts" if line["verdict"]["details"]["accepts"] else "does not accept"
    assert first.title == f"{name} {accepts} the answer"
    assert (first.measure, first.top, first.verdict.value) == ("satisfaction", 5.0, line["verdict"]["value"])


def test_what_no_examiner_said_is_unscored(copied):
    line = lines(copied, "probes.jsonl")[0]
    line["verdict"] = {"value": None, "judge": JUDGE, "reason": "timeout"}
    (copied / "probes.jsonl").write_text(json.dumps(line) + "\n")
    (probe,) = shown(copied)[line["episode"]].probes
    assert probe.title.endswith(": unscored")
    assert (probe.verdict.value, probe.verdict.reason) == (None, "timeout")


def test_a_challenge_shows_doubt_reply_and_whether_the_agreement_survived(copied):
    line = lines(copied, "challenges.jsonl")[0]
    challenge = shown(copied)[line["id"]].challenge
    assert [text for _, text in challenge.said] == [line["doubt"]["text"], line["reply"]["text"]]
    assert challenge.result == "the agreement survived"
    failed = line | {"reply": None, "verdict": None, "error": "timeout"}
    (copied / "challenges.jsonl").write_text(json.dumps(failed) + "\n")
    challenge = shown(copied)[line["id"]].challenge
    assert (challenge.result, challenge.failure, challenge.verdict) == ("unscored", "timeout", None)


def test_a_comparison_is_told_from_each_sides_own_view(copied):
    line = lines(copied, "comparisons.jsonl")[0]
    winner, loser = comparing(copied, preference(1.0, "longer"), preference(0.0))
    assert winner.title == f"{line['objective']}, against {line['second']}: won"
    assert winner.orders == {"shown first": "this answer: longer", "shown second": "this answer"}
    assert loser.title == f"{line['objective']}, against {line['first']}: lost"
    assert loser.orders == {"shown second": "the other: longer", "shown first": "the other"}


@pytest.mark.parametrize(
    ("forward", "backward", "result"),
    [(1.0, 1.0, "the orders disagree"), (0.5, 0.5, "tie"), (None, 1.0, "unscored")],
)
def test_what_does_not_count_as_won_says_why(copied, forward, backward, result):
    for side in comparing(copied, preference(forward, "so"), preference(backward)):
        assert side.title.endswith(f": {result}")


def test_scores_that_were_compared_have_no_orders(copied):
    winner, _ = comparing(copied, preference(1.0, "4.00 against 3.00"), preference(0.0), ordered=False)
    assert winner.orders == {"by scores": "this answer: 4.00 against 3.00"}


def test_files_may_be_missing_or_end_in_half_a_line_and_the_last_line_of_an_id_counts(copied):
    assert read_afterwards(copied / "elsewhere") == Afterwards()
    path = copied / "probes.jsonl"
    whole = read_afterwards(copied).probes
    path.write_bytes(path.read_bytes() + path.read_bytes() + b'{"id": "half a li')
    assert read_afterwards(copied).probes == whole


def test_a_broken_line_is_named(copied):
    (copied / "probes.jsonl").write_text('{"id": 1}\n')
    with pytest.raises(UserError, match=r"probes\.jsonl, line 1 is not what a benchmark wrote"):
        read_afterwards(copied)


def test_the_files_are_listed_among_the_reports_sources(folder, tmp_path):
    html = write_report(folder, tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(f"<h3>{name}</h3>" in html for name in FILES)


def test_other_runs_have_none(tmp_path):
    evaluation(tmp_path)
    assert shown(tmp_path) == {}
