"""A cost limit: who needs a price, and how far it is passed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.chat import ChatAgent
from agents.models.fake import FakeModel
from agents.scripted import ScriptedAgent
from negotiation_env import ScriptedJudge
from negotiation_env.chat_completions import EndpointSettings
from negotiation_env.endpoint import Endpoint
from negotiation_env.errors import UserError
from negotiation_env.judges.llm import LLMJudge
from negotiation_env.judges.pairwise import as_pairwise
from negotiation_env.judges.panel import PanelJudge
from negotiation_env.spending import Spending, need_prices
from negotiation_env.traffic import Recorder, Replayer


def model(name="m", prompt_price=1.0, completion_price=1.0):
    prices = {"prompt_price": prompt_price, "completion_price": completion_price}
    return Endpoint(EndpointSettings(name, "http://127.0.0.1:1/v1", **prices))


PRICED, FREE, UNPRICED = model(), model(prompt_price=0.0, completion_price=0.0), model("u", None, None)
HERE = FakeModel(str)


def judge(*models):
    return LLMJudge(models[0]) if len(models) == 1 else PanelJudge([judge(each) for each in models])


class Own:
    """Somebody's own agent around a model, which knows itself, too."""

    name = "own"

    def __init__(self, model):
        self.model, self.inner, self.members = model, self, 7


@pytest.mark.parametrize(
    "asked",
    [
        UNPRICED,
        model("u", prompt_price=None),
        model("u", completion_price=None),
        ChatAgent(UNPRICED),
        judge(UNPRICED),
        judge(PRICED, HERE, UNPRICED),
        PanelJudge([judge(PRICED), judge(PRICED, UNPRICED)]),
        as_pairwise(judge(PRICED, UNPRICED)),
        Own(UNPRICED),
        Own(ChatAgent(UNPRICED)),
    ],
)
def test_an_endpoint_without_a_price_is_named_wherever_it_is_asked(asked):
    with pytest.raises(UserError, match=r"needs the prices of openai:u@http://127\.0\.0\.1:1/v1; set prompt_price and"):
        need_prices([ScriptedAgent("liar"), asked, ChatAgent(UNPRICED)])


def test_what_is_recorded_needs_a_price_and_what_is_replayed_does_not(tmp_path):
    recorded = Recorder(tmp_path / "traffic").model("u", lambda: UNPRICED)
    with pytest.raises(UserError, match="openai:u"):
        need_prices([judge(recorded)])
    need_prices([judge(Replayer(tmp_path / "traffic").model("u", lambda: UNPRICED))])


def test_what_is_free_or_has_its_price_needs_none():
    need_prices([ScriptedAgent("liar"), ScriptedJudge(), ChatAgent(HERE), judge(HERE, PRICED, FREE), FREE, Own(HERE)])


@pytest.mark.parametrize("limit", [-1.0, float("nan"), float("inf")])
def test_a_limit_that_cannot_be_held_is_refused(limit):
    with pytest.raises(UserError, match="expected a number of dollars, 0 or more"):
        Spending(limit)


def parts(limit, who, prices, beyond=0.0):
    """In which parts questions with these prices are asked, and the spending after them."""

    def ask(some):
        told.append(len(some))
        return some

    told, spending = [], Spending(limit)
    account = spending.account(who, beyond=beyond)
    answers = account.ask(prices, ask, lambda price: [price])
    assert answers == prices[: sum(told)]
    return told, spending


@pytest.mark.parametrize(
    ("limit", "who", "prices", "expected"),
    [
        (None, PRICED, [9.0] * 32, [32]),
        (0.0, HERE, [0.0] * 32, [32]),
        (0.0, FREE, [0.0] * 32, [32]),
        (0.0, PRICED, [1.0] * 32, []),
        (0.01, PRICED, [1.0] * 32, [1]),
        (100.0, PRICED, [1.0] * 32, [1, 31]),
        (33.0, PRICED, [1.0] * 32, [1, 16, 8, 4, 2, 1]),
        (10.0, PRICED, [1.0] * 32, [1, 4, 2, 1, 1, 1]),
        (10.0, PRICED, [None] * 32, [1, 2, 4, 8, 16, 1]),
        (10.0, PRICED, [0.0, *[1.0] * 31], [1, 2, 4, 2, 1, 1]),
        (10.0, HERE, [1.0] * 32, [32]),
    ],
)
def test_they_are_asked_many_at_a_time_while_there_is_money_for_twice_as_many(limit, who, prices, expected):
    assert parts(limit, who, prices)[0] == expected


@given(st.lists(st.floats(0.5, 1.0), min_size=1, max_size=60), st.floats(0.01, 60.0))
def test_the_limit_is_passed_by_one_question_at_most(prices, limit):
    asked, spending = parts(limit, PRICED, prices)
    assert spending.spent <= limit + 1.0
    assert spending.over == (sum(asked) < len(prices) or spending.spent > limit)
    assert sum(asked) == len(prices) or spending.spent >= limit


def test_questions_about_games_under_way_may_take_a_share_more():
    assert parts(10.0, PRICED, [1.0] * 32, beyond=0.5)[1].spent == 15.0


def test_with_many_threads_it_is_passed_by_one_question_at_most_too():
    def ask(some):
        under_way.append(len(some))
        most.append(sum(under_way))
        time.sleep(0.002)
        under_way.append(-len(some))
        return [1.0] * len(some)

    def turns(account):
        begin.wait()
        return sum(len(account.ask([None], ask, lambda price: [price])) for _ in range(10))

    under_way, most, begin, spending = [], [], threading.Barrier(8), Spending(30.0)
    accounts = [spending.account(PRICED) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        asked = sum(pool.map(turns, accounts * 4))
    assert 30.0 <= spending.spent == asked <= 31.0
    assert max(most) > 1


def test_what_fails_sets_nothing_aside_for_good():
    def fail(_):
        raise KeyboardInterrupt

    account = Spending(1.0).account(PRICED)
    with pytest.raises(KeyboardInterrupt):
        account.ask([1], fail, lambda _: [])
    assert account.ask([1], list, lambda _: [0.5]) == [1]
