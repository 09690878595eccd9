import pytest

from negotiation_env.benchmark.purse import Purse
from negotiation_env.errors import UserError


def test_costs_add_up_and_an_unknown_price_is_none():
    purse = Purse(1.0)
    purse.pay(0.25, None)
    purse.pay(0.75)
    purse.check()
    assert purse.spent == 1.0


def test_above_the_limit_it_stops_and_says_how_to_go_on():
    purse = Purse(1.0)
    purse.pay(1.25)
    with pytest.raises(
        UserError, match=r"stopped: \$1\.25 spent, the limit is \$1\.00; .* raise cost_limit .* --resume"
    ):
        purse.check()


def test_without_a_limit_it_never_stops():
    purse = Purse(None)
    purse.pay(1e9)
    purse.check()


def test_a_limit_of_nothing_lets_what_is_free_go_on():
    purse = Purse(0.0)
    purse.pay(None, 0.0)
    purse.check()
