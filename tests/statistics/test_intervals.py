import json

import pytest

from negotiation_env.statistics.intervals import mean_with_interval, share_with_interval


def test_the_wilson_interval_is_that_of_the_textbook():
    # 8 of 10: (0.4902, 0.9433), Wilson (1927) as tabulated by Newcombe (1998)
    share = share_with_interval(8, 10)
    assert (round(share.low, 4), round(share.high, 4)) == (0.4902, 0.9433)


def test_the_bootstrap_interval_of_a_mean_is_near_the_normal_one():
    mean = mean_with_interval([float(n % 10) for n in range(200)])
    half = 1.96 * 2.872 / 200**0.5
    assert mean.low == pytest.approx(4.5 - half, abs=0.06)
    assert mean.high == pytest.approx(4.5 + half, abs=0.06)


def test_nothing_counted_gives_no_number():
    assert mean_with_interval([]).value is None
    assert json.dumps(str(mean_with_interval([]))) == '"\\u2013"'


def test_the_order_of_the_values_does_not_matter():
    values = [0.1 * n for n in range(30)]
    assert mean_with_interval(values) == mean_with_interval(values[::-1])


def test_over_many_values_the_interval_is_the_one_that_the_bootstrap_tends_to():
    values = [float(n % 10) for n in range(20_000)]
    many, few = mean_with_interval(values), mean_with_interval(values[:10_000])
    assert many.high - many.low == pytest.approx((few.high - few.low) / 2**0.5, rel=0.05)
