import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env.endpoints.rate_limit import RateLimit


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 50)), min_size=1, max_size=40), st.integers(1, 600))
def test_no_minute_sees_more_than_the_limit_and_one_request(arrivals, per_minute):
    limit, now, starts = RateLimit(per_minute), 0.0, []
    for pause, amount in arrivals:
        now += pause
        starts.append((now + limit.reserve(amount, now), amount))
    for start, _ in starts:
        within = sum(amount for at, amount in starts if start <= at < start + 60 - 1e-6)
        last = max((amount for at, amount in starts if start <= at < start + 60 - 1e-6), default=0)
        assert within <= per_minute + last


def test_what_was_booked_and_not_used_is_given_back():
    limit = RateLimit(60)
    assert limit.reserve(10, now=0) == 0
    limit.settle(booked=10, used=4)
    assert limit.reserve(1, now=0) == pytest.approx(4)


def test_without_a_limit_nobody_waits():
    limit = RateLimit(None)
    assert [limit.reserve(1000, now=0) for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_limit_must_be_above_zero(limit):
    with pytest.raises(ValueError, match="above 0"):
        RateLimit(limit)
