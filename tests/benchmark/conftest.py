from functools import partial

import pytest

from negotiation_env.statistics.bradley_terry import bradley_terry


@pytest.fixture(scope="module")
def few_draws():
    """Rough intervals of the ranking, which take longest; test_bradley_terry.py looks at the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("negotiation_env.benchmark.win_tables.bradley_terry", partial(bradley_terry, draws=5))
        yield
