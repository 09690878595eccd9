import json
import multiprocessing
import random
import sqlite3
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from negotiation_env import ChatRequest, Reply, Sampling
from negotiation_env.errors import UserError
from negotiation_env.interfaces import Alternatives
from negotiation_env.judges.cache import _FORMAT, ReplyCache
from negotiation_env.judges.expected import expected_level, probability_of_true
from negotiation_env.traffic import write_reply
from tests.endpoint_server import tokens

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


def test_a_later_reply_takes_the_place_of_an_earlier_one(cache):
    cache.put("m", ASK, Reply("Hi."))
    cache.put("m", ASK, Reply("Ho."))
    assert cache.get("m", ASK) == Reply("Ho.")


def written(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(*statement)


GARBAGE = [b"", b"garbage", "a text", 7, 0.5, zlib.compress(b"no reply"), zlib.compress(b'{"text": NaN}')] + [
    zlib.compress(line)
    for line in (b"[" * 3000, b'{"text": "a", "text": "b"}', b'{"text": "\\ud83d", "usage": 3}', b'{"text": null}')
]


@pytest.mark.parametrize("row", GARBAGE)
def test_a_garbage_row_is_a_miss_and_is_replaced(cache, row):
    cache.put("m", ASK, Reply("Hi."))
    written(cache.path, ("UPDATE replies SET reply = ?", (row,)))
    assert cache.get("m", ASK) is None
    cache.put("m", ASK, Reply("Hi."))
    assert cache.get("m", ASK) == Reply("Hi.")


OTHERS = {
    "of another table": ("CREATE TABLE replies (other INTEGER)",),
    "of the format before": (
        "CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID",
        "INSERT INTO replies VALUES ('key', '{}')",
    ),
    "of another program": ("CREATE TABLE cookies (name TEXT)",),
    "a view": ("CREATE VIEW Replies AS SELECT 'key' AS key, x'00' AS reply",),
    "an index": ("CREATE TABLE cookies (name TEXT)", "CREATE INDEX replies ON cookies (name)"),
    "a trigger": (
        "CREATE TABLE replies (id INTEGER PRIMARY KEY, key TEXT, reply BLOB)",
        "CREATE TRIGGER replies BEFORE INSERT ON replies BEGIN SELECT RAISE(ABORT, 'no'); END",
    ),
    "a table to search in": ("CREATE VIRTUAL TABLE replies USING fts5(key, reply)",),
}


@pytest.mark.parametrize("statements", OTHERS.values(), ids=OTHERS)
def test_a_database_of_another_layout_becomes_a_cache(tmp_path, statements):
    written(tmp_path / "x", *((statement,) for statement in statements))
    cache = ReplyCache(tmp_path / "x")
    assert cache.get("m", ASK) is None
    cache.put("m", ASK, Reply("Hi."))
    assert cache.get("m", ASK) == Reply("Hi.")


@pytest.mark.filterwarnings("ignore:.*judge replies are not all kept")
@pytest.mark.parametrize("statements", OTHERS.values(), ids=OTHERS)
def test_whatever_claims_to_be_of_this_format_can_be_cleared(tmp_path, statements):
    written(tmp_path / "x", *((statement,) for statement in (*statements, f"PRAGMA user_version = {_FORMAT}")))
    cache = ReplyCache(tmp_path / "x")
    used(cache, ASK)
    cache.clear()
    assert cache.measure()[0] == 0
    cache.put("m", ASK, Reply("Ho."))
    assert cache.get("m", ASK) == Reply("Ho.")


def test_text_that_is_no_utf_8_is_a_miss_and_no_failure_of_the_file(cache):
    cache.put("m", ASK, Reply("Hi."))
    written(cache.path, ("UPDATE replies SET reply = CAST(x'ff' AS TEXT)",))
    assert used(cache, ASK) is None
    assert cache.get("m", ASK) == Reply("Hi.")


def test_threads_that_make_the_file_at_the_same_moment_do_not_take_it_for_locked(tmp_path):
    def look(cache, begin):
        begin.wait()
        cache.get("m", ASK)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(100):
            cache, begin = ReplyCache(tmp_path / f"{number}"), threading.Barrier(4)
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(look, [cache] * 4, [begin] * 4))


def no_database(path):
    path.write_text("no database, and longer than a header of SQLite would be" * 20)


def a_folder(path):
    path.mkdir()


def a_wrong_table(path):
    ReplyCache(path).put("m", ASK, Reply("Hi."))
    written(path, ("DROP TABLE replies",), ("CREATE TABLE replies (other INTEGER)",))


def torn(path):
    for seed in range(200):
        ReplyCache(path).put("m", replace(ASK, seed=seed), Reply(f"{seed}" * 100))
    written(path, ("PRAGMA wal_checkpoint(TRUNCATE)",))
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + bytes(len(raw) - 4096))


def used(cache, request):
    """What it held before."""
    found = cache.get("m", request)
    cache.put("m", request, Reply("Hi."))
    return found


@pytest.mark.parametrize("spoil", [no_database, a_folder, a_wrong_table, torn])
def test_whatever_the_file_is_a_reply_is_a_miss_and_one_warning_is_given(tmp_path, spoil):
    spoil(tmp_path / "x")
    cache = ReplyCache(tmp_path / "x")
    with pytest.warns(UserWarning, match=r"x: judge replies are not all kept .*; the run goes on; .* --clear") as told:
        assert [used(cache, replace(ASK, seed=seed)) for seed in range(3)] == [None] * 3
    assert len(told) == 1
    if not (tmp_path / "x").is_dir():
        cache.clear()
        cache.put("m", ASK, Reply("Hi."))
        assert ReplyCache(tmp_path / "x").get("m", ASK) == Reply("Hi.")


def test_a_folder_that_cannot_be_made_is_told_once_too(tmp_path):
    (tmp_path / "file").touch()
    cache = ReplyCache(tmp_path / "file" / "x")
    with pytest.warns(UserWarning, match="not all kept"):
        cache.put("m", ASK, Reply("Hi."))
    assert cache.get("m", ASK) is None


def test_another_process_s_lock_is_waited_for_once(tmp_path, monkeypatch):
    monkeypatch.setattr("negotiation_env.judges.cache._PATIENCE", 50)
    cache = ReplyCache(tmp_path / "x")
    cache.put("m", ASK, Reply("Hi."))
    with closing(sqlite3.connect(tmp_path / "x")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.warns(UserWarning, match="database is locked") as told:
            assert [used(cache, replace(ASK, seed=seed)) for seed in range(1, 5)] == [None] * 4
        assert len(told) == 1
        assert cache.get("m", ASK) == Reply("Hi.")
        with pytest.raises(UserError, match="cannot be emptied: database is locked"):
            cache.clear()
    cache.put("m", replace(ASK, seed=1), Reply("Ho."))
    assert cache.get("m", replace(ASK, seed=1)) == Reply("Ho.")


def test_a_full_disk_costs_no_more_than_what_it_cannot_keep(cache):
    cache.put("m", ASK, Reply("Hi."))
    cache._connection().execute("PRAGMA max_page_count = 1")  # SQLite then says what it says of a full disk
    with pytest.warns(UserWarning, match="disk is full"):
        cache.put("m", replace(ASK, seed=1), Reply("".join(map(chr, range(20_000)))))
    assert cache.get("m", ASK) == Reply("Hi.")


def test_the_file_stays_below_its_limit_and_the_oldest_replies_make_room(tmp_path):
    cache = ReplyCache(tmp_path / "x", limit=200_000)
    for seed in range(400):
        cache.put("m", replace(ASK, seed=seed), Reply(random.Random(seed).randbytes(1000).hex()))
    written(cache.path, ("PRAGMA wal_checkpoint(TRUNCATE)",))
    assert cache.path.stat().st_size < 250_000
    kept = [cache.get("m", replace(ASK, seed=seed)) is not None for seed in range(400)]
    assert kept == sorted(kept)
    assert sum(kept) > 50
    assert cache.measure()[0] == sum(kept)


def test_long_replies_after_short_ones_stay_below_the_limit_each_time(tmp_path):
    cache = ReplyCache(tmp_path / "x", limit=200_000)
    for seed in range(400):
        cache.put("m", replace(ASK, seed=seed), Reply("short"))
    for seed in range(400, 420):
        cache.put("m", replace(ASK, seed=seed), Reply(random.Random(seed).randbytes(30_000).hex()))
        assert cache.measure()[1] <= 200_000
        assert cache.get("m", replace(ASK, seed=seed)) is not None


def test_a_reply_that_is_longer_than_the_limit_leaves_no_more_than_the_limit(tmp_path):
    cache = ReplyCache(tmp_path / "x", limit=100_000)
    cache.put("m", ASK, Reply(random.Random(0).randbytes(200_000).hex()))
    assert cache.measure() == (0, cache.measure()[1])
    assert cache.measure()[1] <= 100_000


def scored(level):
    """A judge's reply, token by token, each with twenty alternatives."""
    text = judge_reply_to(level)
    likely = {f"word{number}": -0.123456789 * number for number in range(15)} | {f"{n}": -1.5 for n in range(5)}
    return Reply(text, alternatives=tuple(Alternatives(piece, likely) for piece in tokens(text)))


def judge_reply_to(level):
    parties = {f"party_{seat}": {"quote": "We dig a second well", "served": level} for seat in (1, 2)}
    aspects = dict.fromkeys(("knowledge", "benevolence", "power", "vitality"), level)
    reason = "It widens what both can do, without a loss for either. " * 8
    return json.dumps({"parties": parties, "aspects": aspects, "harms": [], "reason": reason, "score": level})


def test_a_reply_with_log_probabilities_takes_little_and_says_the_same(cache):
    reply = scored(4)
    for seed in range(100):
        cache.put("m", replace(ASK, seed=seed), reply)
    assert cache.measure()[1] / 100 < len(write_reply(reply)) / 50
    found = cache.get("m", ASK)
    for key in ("score", "knowledge", "served", "vitality"):
        assert expected_level(found, key) == expected_level(reply, key) is not None
    for said in ("true", "false"):
        some = Reply(f'{{"agreed": {said}}}', alternatives=(Alternatives('{"agreed": ', {}), *agreeing(said)))
        cache.put("m", ASK, some)
        assert probability_of_true(cache.get("m", ASK), "agreed") == probability_of_true(some, "agreed") == 0.5


def agreeing(said):
    return Alternatives(said, {"true": -1.0, "false": -1.0}), Alternatives("}", {"}": 0.0})


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
