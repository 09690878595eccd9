import re
from collections import Counter
from dataclasses import replace

import pytest

from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.benchmark.config import Comparison, Decoding, Setting
from negotiation_env.benchmark.cost import Model, cost_table
from negotiation_env.benchmark.plan import plan
from negotiation_env.benchmark.run import run_benchmark
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.game.events import QuestionKind, Verdict
from negotiation_env.guards.files import load_guards
from tests.benchmark.checksum_judge import ChecksumJudge
from tests.benchmark.small_benchmark import cast_of, small

pytestmark = pytest.mark.usefixtures("few_draws")

ROLE = re.compile("^(negotiator|opponent|comparing) ")
STUBBORN = {
    "negotiators": {"one": "scripted:stubborn", "two": "scripted:stubborn"},
    "panel": {"pushy": "scripted:pushy"},
}


class Counting(ScriptedAgent):
    """Counts what it is asked."""

    def __init__(self, spec):
        super().__init__(spec.partition(":")[2])
        self.asked = 0

    def act(self, requests):
        self.asked += len(requests)
        return super().act(requests)


class CountingJudge(ChecksumJudge):
    """Counts what it is asked; may see an agreement as soon as so many turns were taken."""

    def __init__(self, agrees_at=None):
        super().__init__()
        self.asked = Counter()
        self._agrees_at = agrees_at

    def judge(self, questions):
        self.asked["judge"] += len(questions)
        return [self._seen(*each) for each in zip(questions, super().judge(questions), strict=True)]

    def _seen(self, question, verdict):
        if self._agrees_at is None or question.kind is QuestionKind.SCORE:
            return verdict
        return Verdict(float(len(question.dialogue) == self._agrees_at), self.name)

    def compare(self, pairs):
        self.asked["quality"] += len(pairs)
        return super().compare(pairs)

    def examine(self, probes):
        self.asked["judge"] += len(probes)
        return super().examine(probes)


def asked(config, out, judge=None):
    """How often a real run asks whom."""
    judge = judge or CountingJudge()
    cast = replace(cast_of(config, judge, Counting), guards=load_guards(config.guards) if config.guards else None)
    run_benchmark(config, cast, out)
    players = {name: player for (name, _), player in cast.negotiators.items()} | dict(cast.panel)
    return Counter({name: player.asked for name, player in players.items()}) + judge.asked


def table(config, models=None):
    specs = [*config.negotiators.values(), *config.panel.values(), config.judge]
    specs += [each.judge for each in config.objectives.values()]
    return cost_table(config, plan(config), {spec: [Model(spec)] for spec in specs} | (models or {}))


def forecast(config):
    return Counter({ROLE.sub("", row[0]): row[2] for row in table(config).rows if row[0] != "all"})


def test_where_nobody_ever_agrees_the_calls_of_the_games_are_told_exactly(tmp_path):
    config = small(
        **STUBBORN, conflict=1, multi=6, open=1, max_turns=2, probes=False, comparisons={"quality": "checksum"}
    )
    assert {each.scenario.seats for each in plan(config)} == {1, 2, 3, 4, 5}
    assert asked(config, tmp_path) == forecast(config)


def test_where_all_agree_at_the_last_turn_every_call_is_told_exactly(tmp_path):
    config = small(**STUBBORN, conflict=2, open=1, max_turns=3, repetitions=2, decoding=tuple(Decoding))
    assert asked(config, tmp_path, CountingJudge(agrees_at=3)) == forecast(config)


def test_answers_given_alone_are_told_exactly_too(tmp_path):
    config = small(**STUBBORN, conflict=1, multi=1, max_turns=2, alone=True, comparisons={"quality": "q"})
    assert asked(config, tmp_path, CountingJudge(agrees_at=5)).keys() == forecast(config).keys()
    quiet = replace(config, probes=False)
    assert asked(quiet, tmp_path / "quiet") == forecast(quiet)


def test_a_real_run_never_takes_more(tmp_path):
    config = small(multi=1, comparisons={"quality": "checksum"})
    real, told = asked(config, tmp_path), forecast(config)
    assert real.keys() == told.keys()
    assert real < told


def test_prices_make_dollars_of_tokens():
    endpoint = EndpointSettings("m", prompt_price=2.0, completion_price=10.0)
    config = small(comparisons={"quality": "checksum"})
    found = table(config, {"scripted:stubborn": [Model("scripted:stubborn", endpoint)]})
    cells = {row[0]: row[1:] for row in found.rows}
    _, calls, prompt, reply, dollars = cells["negotiator hard"]
    assert dollars == pytest.approx(2.0 * prompt + 10.0 * reply)
    assert reply * 1e6 == (calls - 11 - 10) * 96 + 11 * 160 + 10 * 96  # 11 answers, 10 challenged agreements
    assert cells["negotiator base"][-1] is None
    assert cells["all"][1] == sum(row[1] for name, row in cells.items() if name != "all")
    assert cells["all"][-1] == dollars


def test_rows_say_who_is_compared_who_is_met_and_who_judges():
    told = [row[0].split()[0] for row in table(small(comparisons={"quality": "checksum"})).rows]
    assert told == sorted(told, key=["negotiator", "opponent", "judge", "comparing", "all"].index)
    assert {*told} == {"negotiator", "opponent", "judge", "comparing", "all"}


def test_where_no_price_is_known_there_are_no_dollars():
    assert {row[-1] for row in table(small()).rows} == {None}


def test_samples_and_the_members_of_a_panel_are_all_asked():
    config = small(judge="panel:median:a.toml,b")
    members = [Model("a.toml", EndpointSettings("m", prompt_price=1.0, completion_price=1.0), replies=3), Model("b")]
    rows = [row for row in table(config, {config.judge: members}).rows if row[0] == "judge"]
    once = forecast(small())["judge"]
    assert [(row[1], row[2], row[5] is None) for row in rows] == [("a.toml", 3 * once, False), ("b", once, True)]
    assert rows[0][3] == pytest.approx(3 * rows[1][3])


def test_longer_turns_and_answers_take_more_tokens_and_no_more_calls():
    short, long = (table(small(max_turn_tokens=limit, max_completion_tokens=limit)).rows[-1] for limit in (50, 100))
    assert long[2] == short[2]
    assert long[3] > short[3]
    assert long[4] > short[4]


def test_a_negotiator_may_be_called_judge():
    names = {"judge": "scripted:stubborn", "base": "scripted:stubborn"}
    specs = [row[:2] for row in table(small(negotiators=names)).rows if row[0].endswith("judge")]
    assert specs == [("negotiator judge", "scripted:stubborn"), ("judge", "embedded")]


def test_comparisons_are_those_of_the_plan():
    objectives = {"quality": "q", "resolution": Comparison("r", (Setting.CONFLICT,))}
    models = {"base": "hf:a", "other": "hf:b", "script": "scripted:liar"}
    config = small(negotiators=models, comparisons=objectives, repetitions=3, decoding=tuple(Decoding))
    # Of one scenario: both models greedy once and sampled three times, and the script with each of these.
    pairs = (1 + 3) + 2 * (1 + 3)
    assert forecast(config)["quality"] == 2 * 3 * pairs
    assert forecast(config)["resolution"] == 2 * 2 * pairs


def test_no_run_under_guards_asks_more_than_was_forecast(tmp_path):
    config = small(**STUBBORN, guards=("careful", "safety"), guards_paired=True)
    real, bound = asked(config, tmp_path), forecast(config)
    assert real.total() > asked(small(**STUBBORN), tmp_path / "free").total()
    assert all(count >= real[who] for who, count in bound.items())


def test_each_party_is_forecast_to_be_asked_again_as_often_as_ladders_allow():
    config = small(**STUBBORN, guards=("careful", "safety"))
    tries = 5 + 3  # steps to ask again on the ladders of either file
    parties = sum(each.scenario.seats for each in plan(config) if not each.place.single)
    assert forecast(config).total() - forecast(replace(config, guards=())).total() == tries * parties


def test_games_that_are_played_without_guards_too_are_forecast_twice():
    config = small(**STUBBORN, guards=("careful",), probes=False, open=0)
    assert forecast(replace(config, guards_paired=True)).total() == 2 * forecast(config).total()
