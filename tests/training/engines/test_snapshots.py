import pytest

torch = pytest.importorskip("torch")

from negotiation_env.training.engines.snapshots import Snapshots  # noqa: E402


def model():
    torch.manual_seed(0)
    built = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 2))
    built[0].requires_grad_(False)
    return built


def weights(built):
    return {name: p.detach().clone() for name, p in built.named_parameters()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def step(built):
    with torch.no_grad():
        for p in built[1].parameters():
            p.add_(1.0)


def test_a_past_version_speaks_and_the_weights_of_now_are_put_back_bit_by_bit():
    built = model()
    kept, then = Snapshots(built), weights(built)
    kept.take(0)
    step(built)
    now = weights(built)
    with kept.swapped_in(0):
        assert same(weights(built), then)
    assert same(weights(built), now)
    assert not same(then, now)


def test_an_error_inside_puts_them_back_too():
    built = model()
    kept = Snapshots(built)
    kept.take(0)
    step(built)
    now = weights(built)
    with pytest.raises(RuntimeError), kept.swapped_in(0):
        raise RuntimeError
    assert same(weights(built), now)


def test_a_version_that_is_there_stays_as_it_was_taken():
    built = model()
    kept, then = Snapshots(built), weights(built)
    kept.take(0)
    step(built)
    kept.take(0)
    with kept.swapped_in(0):
        assert same(weights(built), then)


def test_only_what_is_wanted_is_kept():
    kept = Snapshots(model())
    for version in (0, 5, 10):
        kept.take(version)
    kept.keep({5, 10})
    assert kept.versions == [5, 10]


def test_they_come_back_from_a_checkpoint(tmp_path):
    built = model()
    kept = Snapshots(built)
    for version in (0, 3):
        kept.take(version)
        step(built)
    kept.save(tmp_path)
    other = model()
    again = Snapshots(other)
    again.load(tmp_path)
    assert again.versions == [0, 3]
    for version in (0, 3):
        with kept.swapped_in(version), again.swapped_in(version):
            assert same(weights(built), weights(other))
