"""Against a real HTTP server of the tests' own that fails on purpose."""

import time
from dataclasses import replace

import pytest

from negotiation_env import ChatRequest, Sampling
from negotiation_env.endpoints.chat_completions import EndpointSettings, chat_completion
from negotiation_env.endpoints.endpoint import Endpoint, read_endpoint
from negotiation_env.endpoints.faults import EndpointFault, PassingFault
from negotiation_env.errors import UserError
from tests.helpers.endpoint_server import FAULTS, EndpointServer
from tests.helpers.raw_server import RawAnswer, raw_server

ASK = ChatRequest(({"role": "user", "content": "Grüß „Gott“ 你好"},), Sampling(0.5, 0.9, 7), seed=2**40 + 3)

BAD = ChatRequest(({"role": "user", "content": "bad"},))


def endpoint(server, **settings):
    return Endpoint(EndpointSettings("m", server.url, **{"timeout": 30.0, "attempts": 3} | settings))


def faults(*names):
    """These faults first, none from then on."""
    return lambda n, _: names[n] if n < len(names) else None


def test_a_chat_goes_out_as_asked_and_its_reply_and_usage_come_back(monkeypatch):
    monkeypatch.setenv("MY_KEY", "secret")
    with EndpointServer() as server:
        model = endpoint(server, api_key_env="MY_KEY", prompt_price=2.0, completion_price=5.0)
        reply = model.chat([ASK])[0]
    assert (reply.text, reply.error, reply.truncated, reply.model) == ("Hi.", None, False, "m-2026")
    assert (reply.usage["prompt_tokens"], reply.usage["completion_tokens"], reply.usage["tries"]) == (100, 10, 1)
    assert reply.usage["cost"] == pytest.approx((100 * 2 + 10 * 5) / 1e6)
    sent = server.requests[0]
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"], sent["seed"]) == (0.5, 0.9, 7, 3)
    assert sent["messages"] == [{"role": "user", "content": "Grüß „Gott“ 你好"}]
    assert server.keys == ["Bearer secret"]
    assert "secret" not in repr(model.settings) + model.name + repr(reply)


def patience(fault):
    """Seconds to wait for an answer: few only where none comes, so that a busy machine makes no fault."""
    return 1.0 if fault == "hang" else 30.0


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in ("schema", "planted")])
def test_a_passing_fault_is_tried_again(fault):
    with EndpointServer(fault=faults(fault), hang=5) as server:
        reply = endpoint(server, timeout=patience(fault)).chat([ASK])[0]
    assert (reply.text, reply.error, reply.usage["tries"]) == ("Hi.", None, 2)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in ("schema", "planted")])
def test_what_still_fails_is_an_error_in_its_place(fault):
    with EndpointServer(fault=lambda _, body: fault if b'"bad"' in body else None) as server:
        first, second = endpoint(server, timeout=patience(fault)).chat([BAD, ASK])
    assert (first.text, second.text) == ("", "Hi.")
    assert "(tries: 3)" in first.error


def test_a_lasting_fault_is_not_tried_again():
    with EndpointServer(fault=faults("400")) as server:
        reply = endpoint(server).chat([ASK])[0]
    assert "HTTP 400" in reply.error
    assert len(server.bodies) == 1


def test_the_wait_that_the_server_asks_for_is_honoured():
    with EndpointServer(fault=faults("429", "429"), retry_after=0.4) as server:
        start = time.perf_counter()
        reply = endpoint(server).chat([ASK])[0]
    assert time.perf_counter() - start >= 0.8
    assert reply.usage["asked_to_wait"] == pytest.approx(0.8)


def test_a_wait_beyond_the_deadline_is_given_up_at_once():
    with EndpointServer(fault=faults("429"), retry_after=3600) as server:
        reply = endpoint(server).chat([ASK])[0]
    assert "HTTP 429" in reply.error
    assert reply.usage["seconds"] < 5


def test_a_call_ends_at_its_deadline_and_a_batch_at_its_own():
    with EndpointServer(fault=lambda _, body: "hang" if b'"bad"' in body else None, hang=20) as server:
        late = endpoint(server, timeout=9, deadline=0.3).chat([BAD])[0]
        first, second = endpoint(server, timeout=9, batch_deadline=2.0).chat([BAD, ASK])
    assert "not done within 0.3 s" in late.error
    assert "not done within the batch's 2.0 s" in first.error
    assert second.text == "Hi."


def test_no_more_requests_are_under_way_than_allowed():
    with EndpointServer(latency=0.02) as server:
        replies = endpoint(server, concurrency=5).chat([ASK] * 40)
    assert [reply.text for reply in replies] == ["Hi."] * 40
    assert server.most_under_way == 5


def test_requests_keep_the_pace_of_the_limit():
    with EndpointServer() as server:
        start = time.perf_counter()
        endpoint(server, requests_per_minute=600).chat([ASK] * 6)
    assert time.perf_counter() - start >= 0.5


def test_fields_can_be_added_and_left_out():
    with EndpointServer() as server:
        model = endpoint(server, extra={"reasoning_effort": "low"}, omit=("temperature", "seed"))
        model.chat([ASK])
    sent = server.requests[0]
    assert sent["reasoning_effort"] == "low"
    assert not {"temperature", "seed"} & set(sent)
    assert model.name.endswith(' with {"reasoning_effort": "low"} without seed, temperature')


def test_where_nobody_answers_the_user_is_told():
    with pytest.raises(UserError, match="nobody answers at"):
        Endpoint(EndpointSettings("m", "http://127.0.0.1:9/v1")).models()


def test_a_vendor_without_a_key_is_told(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        Endpoint(EndpointSettings("gpt"))


@pytest.mark.parametrize(
    "limit", ["requests_per_minute = 0", "tokens_per_minute = -0.5", "batch_deadline = -1.0", 'base_url = "h:80"']
)
def test_a_setting_that_cannot_be_is_a_line(tmp_path, limit):
    path = tmp_path / "bad.toml"
    path.write_text(f'model = "m"\n{limit}\n')
    with pytest.raises(UserError, match=r"must be above 0, or absent|expected http://HOST"):
        read_endpoint(path)


def test_settings_come_from_a_file_and_a_wrong_key_is_named(tmp_path):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('model = "m"\nconcurrency = 3\n')
    bad.write_text('model = "m"\nconcurency = 3\n')
    assert read_endpoint(good).concurrency == 3
    with pytest.raises(UserError, match="concurency"):
        read_endpoint(bad)


def costly(text, **fields):
    """An answer that costs 1,000 + 100 tokens, whether or not it holds a text."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}} | fields
    return {"model": "m", "choices": [choice], "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}


def billed(read, server, **settings):
    """A reply whose calls are read by `read`; each answer costs what `costly` says."""
    model = endpoint(server, prompt_price=10.0, completion_price=100.0, **settings)
    call = chat_completion(model.settings, ASK)
    return model.send([replace(call, read=lambda raw: read(call.read(raw)))])[0]


def once(reader):
    """`reader` for the first answer, what came for the others."""
    first = iter([reader])
    return lambda reply: next(first, lambda same: same)(reply)


def not_this(reply):
    raise PassingFault("not this one", usage=reply.usage)


def never_this(reply):
    raise EndpointFault("never this one", usage=reply.usage)


def test_a_success_costs_what_all_its_tries_cost():
    with EndpointServer(lambda _: costly("Hi.")) as server:
        reply = billed(once(not_this), server)
    assert (reply.text, reply.usage["tries"]) == ("Hi.", 2)
    assert (reply.usage["prompt_tokens"], reply.usage["completion_tokens"]) == (2000, 200)
    assert reply.usage["cost"] == pytest.approx(0.04)


@pytest.mark.parametrize(("reader", "tries"), [(not_this, 3), (never_this, 1)])
def test_a_failure_costs_what_all_its_tries_cost(reader, tries):
    with EndpointServer(lambda _: costly("Hi.")) as server:
        reply = billed(reader, server)
    assert len(server.bodies) == reply.usage["tries"] == tries
    assert f"this one (tries: {tries})" in reply.error
    assert (reply.usage["prompt_tokens"], reply.usage["completion_tokens"]) == (1000 * tries, 100 * tries)
    assert reply.usage["cost"] == pytest.approx(0.02 * tries)


@pytest.mark.parametrize("limit", [{"deadline": 0.5}, {"batch_deadline": 0.5}])
def test_what_was_answered_before_a_deadline_is_counted(limit):
    with EndpointServer(lambda _: costly("Hi."), fault=lambda n, _: "hang" if n else None, hang=20) as server:
        reply = billed(once(not_this), server, timeout=9.0, **limit)
    assert "not done within" in reply.error
    assert (reply.usage["tries"], reply.usage["prompt_tokens"], reply.usage["completion_tokens"]) == (2, 1000, 100)


def test_whatever_a_reader_raises_is_that_reply_s_error():
    def stumble(_):
        raise RecursionError("too deep")

    with EndpointServer(lambda _: costly("Hi.")) as server:
        reply = billed(stumble, server)
    assert reply.text == ""
    assert reply.error.endswith("RecursionError: too deep")
    assert reply.usage["tries"] == 1


def test_a_wait_that_was_asked_for_and_not_waited_is_none():
    with EndpointServer(fault=faults("429"), retry_after=3600) as server:
        assert "asked_to_wait" not in endpoint(server).chat([ASK])[0].usage


def test_an_error_is_cut():
    def babble(_):
        raise PassingFault("x" * 10**6)

    with EndpointServer() as server:
        assert len(billed(babble, server).error) < 700


def test_a_reply_comes_before_the_next_is_there_and_who_leaves_then_sends_nothing_more():
    with EndpointServer(latency=0.2) as server:
        replies = endpoint(server, concurrency=1).as_they_come([ASK] * 5)
        place, reply = next(replies)
        assert (place, reply.text) == (0, "Hi.")
        assert len(server.bodies) <= 2  # the next is under way at most
        replies.close()
        time.sleep(0.5)
    assert len(server.bodies) <= 2


def test_replies_that_come_in_another_order_are_told_with_their_places_and_given_in_order():
    def late(body):
        return 0.0 if b"first" in body else 0.3

    asked = [replace(ASK, messages=({"role": "user", "content": words},)) for words in ("later", "first")]
    with EndpointServer(lambda asked: asked["messages"][0]["content"], latency=late) as server:
        model = endpoint(server)
        assert [(place, reply.text) for place, reply in model.as_they_come(asked)] == [(1, "first"), (0, "later")]
        assert [reply.text for reply in model.chat(asked)] == ["later", "first"]


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -(10**9)}, {"completion_tokens": 2}])
def test_an_answer_that_does_not_tell_its_tokens_is_priced_by_a_guess_that_says_so(usage):
    with EndpointServer(lambda _: {"choices": [{"message": {"content": "Hi."}}], "usage": usage}) as server:
        reply = Endpoint(EndpointSettings("m", server.url, prompt_price=10.0, completion_price=100.0)).chat([ASK])[0]
    assert reply.usage["cost"] > 0
    assert reply.usage["cost_guessed"] is True


def test_an_answer_that_cannot_be_read_is_priced_by_a_guess_too():
    with raw_server(lambda _: RawAnswer(body=b'{"id": 1, "id": 2}')) as server:
        settings = EndpointSettings("m", server.url, prompt_price=10.0, completion_price=100.0, attempts=2)
        reply = Endpoint(settings).chat([ASK])[0]
    assert reply.error
    assert reply.usage["cost"] > 0
