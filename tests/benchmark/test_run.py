import json
import sys
from collections import Counter
from dataclasses import replace
from itertools import count

import pytest

from negotiation_env import Reply, ScriptedJudge, Verdict
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.benchmark.compare import Compared
from negotiation_env.benchmark.config import Decoding
from negotiation_env.benchmark.run import TABLES, run_benchmark
from negotiation_env.benchmark.spending import BenchmarkSpending
from negotiation_env.environment.episode import latest_episodes, read_episodes
from negotiation_env.episodes.answer_file import AnswerFile
from negotiation_env.errors import JudgeError, MissingExtra, UserError
from negotiation_env.game.events import JudgeCall
from negotiation_env.judges.pairwise import Preference
from negotiation_env.statistics.table import read_tables
from tests.benchmark.checksum_judge import ChecksumJudge
from tests.benchmark.small_benchmark import FILES, NEGOTIATORS, cast_of, scripted, small

pytestmark = pytest.mark.usefixtures("few_draws")

CONFIG = small(panel={"pushy": "scripted:pushy"}, comparisons={"quality": "checksum"})
GAMES = 21  # of three negotiators: two scenarios with itself and from both seats with one opponent, and a question
QUICK = small(conflict=1, open=0, panel={}, probes=False)
"""Three games."""


def run(out, config=CONFIG, judge=None, agent=scripted, *, resume=False, contents=None):
    return run_benchmark(config, cast_of(config, judge, agent, contents), out, resume=resume)


def tables_of(out):
    return (out / TABLES).read_bytes()


def lines(out, name):
    return (out / name).read_bytes().splitlines(keepends=True)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, few_draws):
    """A whole run's folder."""
    out = tmp_path_factory.mktemp("bench") / "unbroken"
    run(out)
    return out


class Counting(ScriptedAgent):
    """Notes which games it is asked about, once for each turn."""

    def __init__(self, spec, asked):
        super().__init__(spec.partition(":")[2])
        self._asked = asked

    def act(self, requests):
        self._asked.extend(request.game for request in requests)
        return super().act(requests)


class CountingJudge(ChecksumJudge):
    """Counts what it is asked."""

    def __init__(self):
        super().__init__()
        self.asked = Counter()

    def judge(self, questions):
        self.asked.update(question.kind for question in questions)
        return super().judge(questions)

    def compare(self, pairs):
        self.asked["pair"] += len(pairs)
        return super().compare(pairs)

    def examine(self, probes):
        self.asked["probe"] += len(probes)
        return super().examine(probes)


def test_a_run_leaves_its_settings_games_answers_and_tables(unbroken):
    assert [len(lines(unbroken, name)) for name in FILES[:2]] == [GAMES, 9]
    assert json.loads((unbroken / "run.json").read_text())["negotiators"] == NEGOTIATORS
    titles = [table.title for table in read_tables(tables_of(unbroken).decode())]
    assert titles[0] == "Wins against base, quality: conflict tasks, with itself"
    assert "Who gets its way: conflict tasks, against the panel" in titles
    assert len(set(titles)) == len(titles)


def test_who_answers_alone_is_compared_with_who_answers_alone_and_with_who_negotiated(tmp_path):
    config = replace(QUICK, alone=True, comparisons={"quality": "checksum"})
    found = {table.title: table for table in run(tmp_path, config)}
    mixed = "quality: conflict tasks, with itself against alone"
    assert [row[0] for row in found[f"Wins against base, {mixed}"].rows] == list(NEGOTIATORS)
    assert "answered alone" in found[f"Wins against base, {mixed}"].note
    assert [row[0] for row in found["Wins against base, quality: conflict tasks, alone"].rows] == ["meek", "hard"]
    assert [row[0] for row in found["conflict tasks, alone"].rows] == list(NEGOTIATORS)
    assert f"Ranking, {mixed}" not in found
    single = [each for each in read_episodes(tmp_path / "episodes.jsonl") if each.tags["opponent"] == ""]
    assert [len(each.turns) for each in single] == [1, 1, 1]
    assert json.loads((tmp_path / "run.json").read_text())["alone"]


def test_a_run_from_before_one_could_answer_alone_goes_on(tmp_path):
    run(tmp_path, QUICK)
    assert "alone" not in json.loads((tmp_path / "run.json").read_text())
    run(tmp_path, QUICK, resume=True)
    with pytest.raises(UserError, match="alone"):
        run(tmp_path, replace(QUICK, alone=True), resume=True)


def test_the_tables_on_file_are_those_that_it_returns(tmp_path):
    assert tuple(run(tmp_path, QUICK)) == read_tables(tables_of(tmp_path).decode())


def copy(unbroken, out):
    out.mkdir()
    for path in unbroken.iterdir():
        (out / path.name).write_bytes(path.read_bytes())


@pytest.mark.parametrize("name", FILES)
def test_half_a_line_is_healed_and_asked_for_again(unbroken, tmp_path, name):
    out = tmp_path / "broken"
    copy(unbroken, out)
    whole = (out / name).read_bytes()
    (out / name).write_bytes(whole[:-20])
    (out / TABLES).unlink()
    run(out, resume=True)
    assert (out / name).read_bytes() == whole
    assert tables_of(out) == tables_of(unbroken)


def test_a_finished_run_goes_on_without_asking_anybody(unbroken, tmp_path):
    out, judge, asked = tmp_path / "again", CountingJudge(), []
    copy(unbroken, out)
    run(out, judge=judge, agent=lambda spec: Counting(spec, asked), resume=True)
    assert (asked, judge.asked) == ([], Counter())
    assert all((out / name).read_bytes() == (unbroken / name).read_bytes() for name in (*FILES, TABLES))


def test_only_what_is_missing_is_asked(unbroken, tmp_path):
    out, judge, asked = tmp_path / "again", CountingJudge(), []
    copy(unbroken, out)
    for name, kept in (("episodes.jsonl", GAMES), ("comparisons.jsonl", 7), ("probes.jsonl", 8)):
        (out / name).write_bytes(b"".join(lines(out, name)[:kept]))
    run(out, judge=judge, agent=lambda spec: Counting(spec, asked), resume=True)
    assert asked == []
    whole_batches = 4 + 1  # of nine pairs the last two are missing
    assert judge.asked == {"pair": 2 * whole_batches, "probe": len(lines(unbroken, "probes.jsonl")) - 8}
    assert lines(out, "comparisons.jsonl") == lines(unbroken, "comparisons.jsonl")


class Wordy(ScriptedAgent):
    """Plays like its script in other words."""

    def act(self, requests):
        return [Reply(f"Well then. {each.text}") for each in super().act(requests)]


def test_what_was_said_of_games_that_are_gone_is_asked_again(unbroken, tmp_path):
    out = tmp_path / "again"
    copy(unbroken, out)
    (out / "episodes.jsonl").unlink()
    run(out, agent=lambda spec: Wordy(spec.partition(":")[2]), resume=True)
    assert len(lines(out, "episodes.jsonl")) == GAMES
    for name in FILES[1:]:
        assert len({json.loads(line)["said"] for line in lines(out, name)}) > len(
            {json.loads(line)["said"] for line in lines(unbroken, name)}
        )
        assert lines(out, name)[: len(lines(unbroken, name))] == lines(unbroken, name)


@pytest.mark.parametrize("name", FILES[1:])
def test_nothing_is_asked_in_other_company_than_in_an_unbroken_run(unbroken, tmp_path, name):
    class Company(ChecksumJudge):
        """Notes how many it is asked at a time."""

        def __init__(self, asked):
            super().__init__()
            for method in ("judge", "compare", "examine"):
                setattr(self, method, noted(getattr(self, method), asked))

    def noted(method, asked):
        return lambda some: asked.append(some) or method(some)

    out, whole, again = tmp_path / "again", [], []
    copy(unbroken, out)
    for each in FILES[1:]:
        (out / each).unlink()
    run(out, judge=Company(whole), resume=True)
    (out / name).write_bytes(b"".join(lines(out, name)[::2]))
    run(out, judge=Company(again), resume=True)
    assert again
    assert all(some in whole for some in again)
    assert sorted(lines(out, name)) == sorted(lines(unbroken, name))


def test_with_workers_no_finished_game_is_played_again(unbroken, tmp_path):
    out, asked = tmp_path / "again", []
    copy(unbroken, out)
    (out / "episodes.jsonl").write_bytes(b"".join(lines(out, "episodes.jsonl")[:-5]))
    run(out, replace(CONFIG, workers=3), agent=lambda spec: Counting(spec, asked), resume=True)
    assert set(asked) == {json.loads(line)["id"] for line in lines(unbroken, "episodes.jsonl")[-5:]}
    assert tables_of(out) == tables_of(unbroken)


def test_workers_play_the_same_benchmark(unbroken, tmp_path):
    run(tmp_path, replace(CONFIG, workers=4))
    assert tables_of(tmp_path) == tables_of(unbroken)


def test_what_may_change_in_a_run_that_goes_on(tmp_path):
    run(tmp_path, QUICK)
    before = tables_of(tmp_path)
    run(tmp_path, replace(QUICK, workers=3, cost_limit=5.0, unscored_limit=0.5), resume=True)
    assert tables_of(tmp_path) == before


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "quick"
    run(out, QUICK, contents={"hf:x+adapter": "abc"})
    return out


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"negotiators": NEGOTIATORS | {"hard": "scripted:liar"}},
            "negotiators.hard was 'scripted:stubborn' and is 'scripted:liar'",
        ),
        ({"negotiators": NEGOTIATORS | {"new": "scripted:liar"}}, "negotiators.new was None and is 'scripted:liar'"),
        ({"negotiators": dict(reversed(NEGOTIATORS.items()))}, "reference was 'base' and is 'hard'"),
        (
            {"negotiators": dict(reversed(NEGOTIATORS.items())), "reference": "base"},
            "order.0 was 'base' and is 'hard'",
        ),
        ({"panel": {"pushy": "scripted:pushy"}}, "panel.pushy was None and is 'scripted:pushy'"),
        ({"decoding": (Decoding.SAMPLED,)}, "decoding.0 was 'greedy' and is 'sampled'"),
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"repetitions": 2}, "repetitions was 1 and is 2"),
        ({"judge": "scripted"}, "judge was 'embedded' and is 'scripted'"),
        ({"conflict": 2}, "conflict was 1 and is 2"),
        ({"max_turn_tokens": 95}, "max_turn_tokens was 96 and is 95"),
        ({"comparisons": {"quality": "checksum"}}, "comparisons.quality was None and is 'checksum'"),
    ],
)
def test_a_run_does_not_go_on_with_other_settings(quick, changes, told):
    before = (quick / "run.json").read_bytes()
    with pytest.raises(UserError) as error:
        run(quick, replace(QUICK, **changes), resume=True)
    assert told in str(error.value)
    assert (quick / "run.json").read_bytes() == before


def test_a_run_does_not_go_on_with_another_judge_or_other_weights(quick):
    other = ChecksumJudge()
    other.name = "another"
    with pytest.raises(UserError, match=r"judges\.games was 'checksum judge \(a fake\)' and is 'another'"):
        run(quick, QUICK, other, resume=True, contents={"hf:x+adapter": "abc"})
    with pytest.raises(UserError, match=r"contents\.hf:x\+adapter was 'abc' and is 'def'"):
        run(quick, QUICK, resume=True, contents={"hf:x+adapter": "def"})


def test_a_folder_holds_one_run(quick, tmp_path):
    with pytest.raises(UserError, match="holds episodes already; go on with --resume"):
        run(quick, QUICK)
    with pytest.raises(UserError, match="nothing to resume"):
        run(tmp_path / "new", QUICK, resume=True)


def columns(tables):
    return {column for table in tables for column in table.columns}


def test_a_judge_that_answers_no_probes_leaves_them_out_and_still_rules_on_challenges(tmp_path):
    tables = run(tmp_path, judge=ScriptedJudge())
    assert (tmp_path / "challenges.jsonl").is_file()
    assert not (tmp_path / "probes.jsonl").exists()
    assert "durable" in columns(tables)
    assert not columns(tables) & {"accepted by all", "faithful, 0–1", "own satisfaction, 0–5"}


def test_probes_can_be_left_out(tmp_path):
    tables = run(tmp_path, replace(CONFIG, probes=False))
    assert not {"probes.jsonl", "challenges.jsonl"} & {path.name for path in tmp_path.iterdir()}
    assert not columns(tables) & {"accepted by all", "durable"}


def test_a_judge_that_only_scores_compares_by_its_scores(tmp_path):
    tables = run(tmp_path, replace(CONFIG, probes=False), ScriptedJudge(score=lambda asked: len(asked.completion) % 6))
    assert json.loads(lines(tmp_path, "comparisons.jsonl")[0])["judge"] == "scores of scripted judge (a fake)"
    (ranking,) = (table for table in tables if table.title == "Ranking, quality: conflict tasks, with itself")
    assert {row[0] for row in ranking.rows} == set(NEGOTIATORS)


class Ill(ChecksumJudge):
    """Cannot bring itself to give a 2."""

    def judge(self, questions):
        return [Verdict(None, self.name, "ill") if each.value == 2.0 else each for each in super().judge(questions)]


def test_an_unscored_game_counts_nowhere_and_is_played_compared_and_probed_later(unbroken, tmp_path):
    ill = run(tmp_path, replace(CONFIG, unscored_limit=1.0), Ill())
    unscored = sum(row[-1] for table in ill for row in table.rows if table.columns[-1] == "unscored")
    episodes = latest_episodes(tmp_path / "episodes.jsonl").values()
    assert 0 < unscored == sum(each.reward is None for each in episodes)
    assert 0 < len(lines(tmp_path, "comparisons.jsonl")) < 9
    run(tmp_path, resume=True)
    assert tables_of(tmp_path) == tables_of(unbroken)
    assert len(lines(tmp_path, "episodes.jsonl")) == GAMES + unscored


def test_a_pair_that_a_failed_game_leaves_out_is_told(tmp_path):
    config = replace(CONFIG, panel={}, probes=False, unscored_limit=1.0)
    tables = run(tmp_path, config, Ill())
    wins = [table for table in tables if table.title.startswith("Wins against base")]
    planned = 3 * 2  # scenarios, and negotiators beside the reference
    counts = ("wins", "losses", "ties", "unscored", "not played")
    told = [sum(row[table.columns.index(name)] for table in wins for row in table.rows) for name in counts]
    inconsistent = sum(
        not each.duel.consistent
        for each in AnswerFile(tmp_path / "comparisons.jsonl", Compared).answers()
        if "base" in (each.first, each.second)
    )
    assert told[-1] > 0
    assert sum(told) + inconsistent == planned


def test_what_came_to_nothing_was_paid_for_too(tmp_path):
    def costly(spec):
        return Costly(spec, [])

    with pytest.raises(JudgeError):
        run(tmp_path, QUICK, ScriptedJudge(score=None), costly)
    with pytest.raises(UserError, match=r"\$5\.00 spent"):
        run(tmp_path, replace(QUICK, cost_limit=4.0), ScriptedJudge(), costly, resume=True)


def test_a_run_does_not_go_on_with_other_probes(unbroken, tmp_path, monkeypatch):
    copy(unbroken, tmp_path / "again")
    monkeypatch.setattr("negotiation_env.benchmark.run.VERSION", "v0")
    with pytest.raises(UserError, match="challenge was 'v1' and is 'v0'"):
        run(tmp_path / "again", resume=True)
    monkeypatch.undo()
    monkeypatch.setattr("negotiation_env.benchmark.run.instructions", lambda kind: f"other words for {kind}")
    with pytest.raises(UserError, match="probe_prompts was"):
        run(tmp_path / "again", resume=True)


@pytest.mark.parametrize("package", ["choix", "statsmodels"])
def test_what_the_tables_need_is_missed_before_anything_is_played(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf"a benchmark \({package}\) needs .*\[bench\]"):
        run(tmp_path / "run", QUICK)
    assert not (tmp_path / "run").exists()


def test_with_too_many_unscored_games_it_stops_without_tables_and_goes_on_later(tmp_path):
    with pytest.raises(JudgeError, match=r"3 of the last 3 .*: scripted; .* --resume"):
        run(tmp_path, QUICK, ScriptedJudge(score=None))
    assert not (tmp_path / TABLES).exists()
    run(tmp_path, QUICK, ScriptedJudge(), resume=True)
    assert (tmp_path / TABLES).exists()


def test_with_too_many_comparisons_unscored_it_stops_too(tmp_path):
    class Speechless(ChecksumJudge):
        def compare(self, pairs):
            return [Preference(None, self.name, "no words") for _ in pairs]

    config = replace(CONFIG, probes=False)
    with pytest.raises(JudgeError, match=r"9 of the last 9 .* no words"):
        run(tmp_path, config, Speechless())
    run(tmp_path, config, resume=True)
    assert len(lines(tmp_path, "comparisons.jsonl")) == 18


class Costly(Counting):
    """A dollar for each joint answer or answer, and for each reply to a challenge."""

    def act(self, requests):
        replies = super().act(requests)
        paid = (request.task == "completion" or request.game.endswith("/challenge") for request in requests)
        return [Reply(each.text, usage={"cost": float(cost)}) for each, cost in zip(replies, paid, strict=True)]


def on_file(out):
    """Dollars by the records."""
    spending = BenchmarkSpending(None)
    for episode in read_episodes(out / "episodes.jsonl"):
        spending.pay(episode)
    return spending.spent


def test_above_the_cost_limit_a_run_stops_and_goes_on_with_a_higher_one(tmp_path):
    asked, config = [], replace(CONFIG, comparisons={}, probes=False)
    costly = replace(config, cost_limit=5.0)
    with pytest.raises(UserError, match=r"stopped: \$6\.00 spent, the limit is \$5\.00; .* raise cost_limit"):
        run(tmp_path / "a", costly, agent=lambda spec: Costly(spec, asked))
    assert (len(lines(tmp_path / "a", "episodes.jsonl")), on_file(tmp_path / "a")) == (8, 6.0)
    assert not (tmp_path / "a" / TABLES).exists()
    before = len(asked)
    with pytest.raises(UserError, match=r"\$6\.00 spent"):
        run(tmp_path / "a", costly, agent=lambda spec: Costly(spec, asked), resume=True)
    assert len(asked) == before
    run(tmp_path / "a", replace(config, cost_limit=2.0 * GAMES), agent=lambda spec: Costly(spec, []), resume=True)
    run(tmp_path / "b", config, agent=lambda spec: Costly(spec, []))
    assert tables_of(tmp_path / "a") == tables_of(tmp_path / "b")


class Dear(Counting):
    """A dollar for each call."""

    def act(self, requests):
        return [Reply(each.text, usage={"cost": 1.0}) for each in super().act(requests)]


class Refusing(Counting):
    """A dollar for each refusal."""

    def act(self, requests):
        super().act(requests)
        return [Reply("", error="refused", usage={"cost": 1.0}) for _ in requests]


@pytest.mark.parametrize(("batch", "workers"), [(4, 1), (1, 1), (32, 1), (4, 3)])
@pytest.mark.parametrize("kind", [Dear, Refusing])
def test_no_more_is_spent_above_the_limit_and_its_tenth_than_a_call_for_each_game_under_way_and_all_is_told(
    tmp_path, kind, batch, workers
):
    config = replace(CONFIG, cost_limit=2.5, batch=batch, workers=workers, unscored_limit=1.0)
    asked = []
    with pytest.raises(UserError) as caught:
        run(tmp_path, config, agent=lambda spec: kind(spec, asked))
    spent = len(asked)
    assert spent <= 3 + max(batch, workers)
    assert on_file(tmp_path) == spent
    assert f"stopped: ${spent:.2f} spent, the limit is $2.50" in str(caught.value)


def test_games_under_way_are_played_to_their_end_for_a_tenth_of_the_limit_more(tmp_path):
    asked, limit = [], 10.0
    with pytest.raises(UserError, match="spent, the limit is"):
        run(tmp_path, replace(CONFIG, cost_limit=limit, batch=2), agent=lambda spec: Dear(spec, asked))
    assert len(asked) == 11
    cut = [each for each in read_episodes(tmp_path / "episodes.jsonl") if each.reward is None]
    assert cut
    assert all("the cost limit is reached" in each.outcome.reason for each in cut)


def test_verdicts_of_games_are_paid_for_as_they_are_given(tmp_path):
    class Verdicts(ScriptedJudge):
        def judge(self, questions):
            calls = (JudgeCall((), usage={"cost": 1.0}), JudgeCall((), usage={"cost": 9.0}, cached=True))
            return [replace(each, calls=calls) for each in super().judge(questions)]

    with pytest.raises(UserError, match="spent, the limit is"):
        run(tmp_path, replace(QUICK, cost_limit=2.5, batch=1, unscored_limit=1.0), Verdicts())
    assert on_file(tmp_path) == 3.0


def test_games_with_workers_are_looked_at_one_by_one(tmp_path):
    with pytest.raises(UserError, match=r"\$(6|7)\.00 spent"):
        run(tmp_path, replace(CONFIG, cost_limit=5.0, workers=2), agent=lambda spec: Costly(spec, []))
    assert len(lines(tmp_path, "episodes.jsonl")) in (6, 7)


def test_replies_to_challenges_cost_too(tmp_path):
    with pytest.raises(UserError, match=r"\$24\.00 spent"):
        run(tmp_path, replace(CONFIG, comparisons={}, cost_limit=float(GAMES)), agent=lambda spec: Costly(spec, []))
    assert (len(lines(tmp_path, "episodes.jsonl")), len(lines(tmp_path, "challenges.jsonl"))) == (GAMES, 4)


def test_so_do_comparisons_and_probes(tmp_path):
    class DearJudge(ChecksumJudge):
        def compare(self, pairs):
            return [
                replace(each, calls=(call(pair),)) for pair, each in zip(pairs, super().compare(pairs), strict=True)
            ]

        def examine(self, probes):
            return [replace(each, calls=(call(each),)) for each in super().examine(probes)]

    def call(asked):
        return JudgeCall(({"role": "user", "content": repr(asked)},), usage={"cost": 1.0, "seconds": next(clock)})

    clock = count()

    with pytest.raises(UserError, match=r"\$8\.00 spent"):
        run(tmp_path, replace(CONFIG, cost_limit=3.0), DearJudge())
    assert len(lines(tmp_path, "comparisons.jsonl")) == 4
    with pytest.raises(UserError, match=r"\$22\.00 spent"):
        run(tmp_path, replace(CONFIG, cost_limit=18.0), DearJudge(), resume=True)
    assert len(lines(tmp_path, "probes.jsonl")) == 4
    run(tmp_path, replace(CONFIG, cost_limit=1000.0), DearJudge(), resume=True)


def test_a_judge_that_scores_no_open_questions_is_given_none(tmp_path):
    judge = ScriptedJudge()
    judge.open_questions = False
    with pytest.raises(UserError, match=r"open: scripted judge \(a fake\) scores no open questions; set open = 0"):
        run(tmp_path / "run", judge=judge)
    assert not (tmp_path / "run").exists()
    run(tmp_path / "run", replace(CONFIG, open=0, comparisons={}), judge)
