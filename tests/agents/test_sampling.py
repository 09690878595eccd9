import pytest

torch = pytest.importorskip("torch")

from negotiation_env import Sampling  # noqa: E402
from negotiation_env.agents.models.sampling import draw, log_distribution, uniforms  # noqa: E402

LOGITS = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]]))


def test_temperature_one_and_top_p_one_keep_the_distribution():
    assert torch.allclose(log_distribution(LOGITS, [Sampling(1.0, 1.0)]), LOGITS)


def test_top_p_keeps_the_smallest_set_that_reaches_it():
    probabilities = log_distribution(LOGITS, [Sampling(1.0, 0.7)]).exp()
    assert torch.allclose(probabilities, torch.tensor([[0.625, 0.375, 0.0, 0.0]]))


def test_a_nucleus_wider_than_the_shortcut_is_exact_too():
    flat = torch.zeros(1, 2000)
    assert (log_distribution(flat, [Sampling(1.0, 0.9)]) > -torch.inf).sum() in (1800, 1801)


def test_temperature_zero_is_certain():
    assert log_distribution(LOGITS, [Sampling(0.0, 1.0)]).exp().tolist() == [[1.0, 0.0, 0.0, 0.0]]


def test_draws_follow_the_distribution():
    noise = uniforms([3], 4000)[0]
    tokens, logprobs = draw(LOGITS.expand(4000, 4), noise)
    shares = torch.bincount(tokens, minlength=4) / 4000
    assert torch.allclose(shares, LOGITS.exp()[0], atol=0.03)
    assert torch.equal(logprobs, LOGITS[0][tokens])


def test_a_seed_gives_the_same_numbers_whatever_its_neighbours():
    assert torch.equal(uniforms([1, 5], 4)[1], uniforms([5], 4)[0])
