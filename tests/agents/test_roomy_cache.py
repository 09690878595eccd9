import pytest

torch = pytest.importorskip("torch")

from transformers import DynamicCache  # noqa: E402

from negotiation_env.agents.models.roomy_cache import roomy_cache  # noqa: E402

pytestmark = pytest.mark.models


def states(rows, tokens):
    return torch.randn(rows, 3, tokens, 4), torch.randn(rows, 3, tokens, 4)


def test_it_holds_what_a_dynamic_cache_holds_whatever_is_appended_chosen_or_cropped():
    torch.manual_seed(0)
    roomy, dynamic, rows = roomy_cache(), DynamicCache(), 4
    for tokens in (300, 1, 1, 150, 1, 7):
        for layer in range(2):
            new = states(rows, tokens)
            for one, other in zip(roomy.update(*new, layer), dynamic.update(*new, layer), strict=True):
                assert torch.equal(one, other)
        if tokens == 150:
            rows, chosen = 3, torch.tensor([2, 0, 1])
            for cache in (roomy, dynamic):
                cache.batch_select_indices(chosen)
                cache.crop(-2)
    assert roomy.get_seq_length() == dynamic.get_seq_length() == 458


def test_a_step_leaves_what_was_held_where_it_is():
    cache = roomy_cache()
    keys, values = cache.update(*states(2, 5), 0)
    later_keys, later_values = cache.update(*states(2, 1), 0)
    assert (later_keys.data_ptr(), later_values.data_ptr()) == (keys.data_ptr(), values.data_ptr())
