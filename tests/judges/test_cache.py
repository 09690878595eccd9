import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from negotiation_env import ChatRequest, Reply, Sampling
from negotiation_env.errors import UserError
from negotiation_env.judges.cache import ReplyCache

ASK = ChatRequest(({"role": "user", "content": "Hello"},), Sampling(0.0, 1.0, 7))


@pytest.fixture
def cache(tmp_path):
    return ReplyCache(tmp_path / "deep" / "replies.sqlite")


def test_what_was_put_in_comes_out(cache):
    assert cache.get("m", ASK) is None
    cache.put("m", ASK, Reply("Hi “you” 你好", usage={"prompt_tokens": 3}, model="m-1"))
    assert cache.get("m", ASK) == Reply("Hi “you” 你好", usage={"prompt_tokens": 3}, model="m-1")


@pytest.mark.parametrize(
    "other",
    [
        replace(ASK, messages=({"role": "user", "content": "Hello!"},)),
        replace(ASK, messages=({"role": "system", "content": "Hello"},)),
        replace(ASK, sampling=Sampling(0.1, 1.0, 7)),
        replace(ASK, sampling=Sampling(0.0, 0.9, 7)),
        replace(ASK, sampling=Sampling(0.0, 1.0, 8)),
        replace(ASK, seed=1),
        replace(ASK, schema={"type": "object"}),
        replace(ASK, alternatives=20),
    ],
)
def test_anything_that_can_change_a_reply_is_another_request(cache, other):
    cache.put("m", ASK, Reply("Hi."))
    assert cache.get("m", other) is None
    assert cache.get("another model", ASK) is None


def test_a_conversation_s_name_does_not_matter(cache):
    cache.put("m", ASK, Reply("Hi."))
    assert cache.get("m", replace(ASK, conversation="game/0")) == Reply("Hi.")


def test_a_file_of_another_kind_is_told(tmp_path):
    (tmp_path / "x").write_text("no database, and longer than a header of SQLite would be" * 20)
    with pytest.raises(UserError, match="no cache of judge replies"):
        ReplyCache(tmp_path / "x")


def fill(path, first):
    cache = ReplyCache(path)
    for seed in range(first, first + 50):
        cache.put("m", replace(ASK, seed=seed), Reply(str(seed)))


def test_threads_and_processes_may_write_at_the_same_time(tmp_path):
    path = tmp_path / "replies.sqlite"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=fill, args=(path, 50 * number)) for number in range(2)]
    for writer in writers:
        writer.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: fill(path, 50 * number), range(1, 5)))
    for writer in writers:
        writer.join()
    cache = ReplyCache(path)
    assert [cache.get("m", replace(ASK, seed=seed)).text for seed in range(250)] == [str(seed) for seed in range(250)]
