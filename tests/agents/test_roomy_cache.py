import weakref

import pytest

torch = pytest.importorskip("torch")

from transformers import DynamicCache  # noqa: E402

from negotiation_env.agents.models.in_process import CACHE_ROOM  # noqa: E402
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


def test_rows_that_leave_give_up_their_place_and_the_others_keep_their_room():
    cache = roomy_cache()
    keys, _ = cache.update(*states(4, 5), 0)
    whole, left = weakref.ref(keys.untyped_storage()), keys[[2, 0]].clone()
    del keys
    cache.batch_select_indices(torch.tensor([2, 0]))
    assert whole() is None
    assert torch.equal(cache.layers[0].keys, left)
    room = cache.layers[0].keys.untyped_storage()
    assert room.nbytes() == 2 * 3 * (5 + CACHE_ROOM) * 4 * 4
    keys, _ = cache.update(*states(2, 1), 0)
    assert keys.data_ptr() == room.data_ptr()
