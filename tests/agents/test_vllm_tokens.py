"""Against the tests' own server, answering as vLLM does; `test_vllm_server.py` asks a real one."""

import contextlib
import json
import math
from itertools import chain

import pytest
from hypothesis import given, settings

pytest.importorskip("transformers")

from negotiation_env import ChatRequest, Sampling
from negotiation_env.agents.models.vllm_tokens import VllmTokens
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.endpoints.faults import EndpointFault
from tests.helpers.arbitrary_json import json_texts
from tests.helpers.endpoint_server import EndpointServer

pytestmark = pytest.mark.models

FIRST = ({"role": "user", "content": "Hello"},)
THEN = (*FIRST, {"role": "assistant", "content": "whatever it reads"}, {"role": "user", "content": "And now?"})
SAMPLED = [19556, 30, 2]


def completion(ids, logprob=-0.5, **changes):
    """What vLLM answers."""
    told = {
        "tokens": ["Hello", ".", "<|im_end|>"],
        "token_logprobs": [logprob] * len(ids),
        "top_logprobs": [{"x": logprob}] * len(ids),
    }
    choice = {"token_ids": ids, "logprobs": told, "finish_reason": "stop"} | changes
    return {"model": "adapter", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": len(ids)}}


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    from negotiation_env.agents.models.embedded import embedded_model

    return AutoTokenizer.from_pretrained(embedded_model())


@pytest.fixture
def served(tokenizer):
    with EndpointServer(lambda _: completion(SAMPLED)) as server:
        endpoint = Endpoint(EndpointSettings("m", server.url, attempts=3))
        yield server, VllmTokens(endpoint, tokenizer, "adapter", "policy")


def ask(messages=FIRST, **settings):
    return ChatRequest(messages, Sampling(0.7, 0.9, 8), seed=7, conversation="game/0", **settings)


def test_a_chat_goes_out_as_ids_and_its_reply_carries_the_ids_that_were_sampled(served):
    server, model = served
    reply = model.chat([ask()])[0]
    [sent] = server.requests
    assert (sent["model"], sent["prompt"]) == ("adapter", model.tokens.prompt(FIRST))
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"], sent["seed"]) == (0.7, 0.9, 8, 7)
    assert reply.tokens.context == tuple(sent["prompt"])
    assert (reply.tokens.sampled, reply.tokens.logprobs) == (tuple(SAMPLED), (-0.5, -0.5, -0.5))
    assert (reply.text, reply.truncated) == (model.tokens.text(SAMPLED), False)
    assert (reply.usage["prompt_tokens"], reply.usage["completion_tokens"]) == (len(sent["prompt"]), 3)


def test_nothing_of_the_servers_own_defaults_changes_what_is_sampled(served):
    server, model = served
    model.chat([ask()])
    [sent] = server.requests
    assert (sent["top_k"], sent["min_p"], sent["repetition_penalty"]) == (0, 0.0, 1.0)
    assert (sent["stop_token_ids"], sent["ignore_eos"]) == ([model.tokens.end], True)


def test_a_conversation_goes_on_from_its_own_ids(served):
    server, model = served
    first, second = (model.chat([ask(messages)])[0].tokens for messages in (FIRST, THEN))
    assert server.requests[1]["prompt"] == [*first.context, *first.sampled, *second.context]
    assert (first.fresh, second.fresh) == (True, False)


def test_a_call_that_is_tried_again_takes_its_ids_once(served):
    server, model = served
    server.fault = lambda n, _: ("500", "half")[n] if n < 2 else None
    reply = model.chat([ask()])[0]
    assert (reply.tokens.sampled, reply.usage["tries"]) == (tuple(SAMPLED), 3)
    assert len({tuple(sent["prompt"]) for sent in server.requests}) == 1


def test_a_conversation_that_failed_is_rendered_anew(served):
    server, model = served
    server.fault = lambda n, _: "400" if n == 0 else None
    assert "HTTP 400" in model.chat([ask()])[0].error
    assert model.chat([ask(THEN)])[0].tokens.context == tuple(model.tokens.prompt(THEN))


def test_an_endpoint_that_gives_no_ids_is_told(served):
    server, model = served
    server.answer = lambda _: "Hi."
    assert "is this vLLM?" in model.chat([ask()])[0].error


@pytest.mark.parametrize("ids", [[], None, "19556", [19556, -1], [2**40], [1.5], [True], {"0": 1}, [None]])
def test_ids_that_are_not_the_tokenizers_are_no_reply(served, ids):
    server, model = served
    server.answer = lambda _: completion(SAMPLED, token_ids=ids)
    reply = model.chat([ask()])[0]
    assert "no token ids" in reply.error
    assert reply.tokens is None


@pytest.mark.parametrize("logprobs", [[-0.5], [-0.5, None, -0.5], [-0.5, math.nan, -0.5], [-0.5, 3.0, -0.5], None, 7])
def test_a_token_without_its_log_probability_is_tried_again_and_nothing_is_taken_twice(served, logprobs):
    server, model = served
    told = iter([{"logprobs": {"token_logprobs": logprobs}}, {}])
    server.answer = lambda _: completion(SAMPLED, **next(told))
    reply = model.chat([ask()])[0]
    assert (reply.tokens.sampled, reply.usage["tries"]) == (tuple(SAMPLED), 2)
    assert len({tuple(sent["prompt"]) for sent in server.requests}) == 1


def test_a_reply_that_the_server_broke_off_is_no_reply(served):
    server, model = served
    reasons = iter(["abort", "stop"])
    server.answer = lambda _: completion(SAMPLED, finish_reason=next(reasons))
    assert model.chat([ask()])[0].usage["tries"] == 2


@settings(deadline=None)
@given(raw=json_texts(completion(SAMPLED)))
def test_every_answer_is_a_reply_or_a_fault(tokenizer, raw):
    model = VllmTokens(Endpoint(EndpointSettings("m", "http://127.0.0.1:9/v1")), tokenizer, "adapter", "policy")
    request = ask(alternatives=5)
    with contextlib.suppress(EndpointFault):
        reply = model._call(model._conversations.draft(request)).read(raw)
        assert len(reply.tokens.logprobs) == len(reply.tokens.sampled) > 0
        assert all(-math.inf < value <= 0 for value in reply.tokens.logprobs)


def test_every_id_that_ends_a_reply_is_named(tokenizer):
    endpoint = Endpoint(EndpointSettings("m", "http://127.0.0.1:9/v1"))
    model = VllmTokens(endpoint, tokenizer, "adapter", "policy", ends=[0])
    call = model._call(model._conversations.draft(ask()))
    assert json.loads(call.body)["stop_token_ids"] == sorted({0, model.tokens.end})


def test_a_greedy_token_was_certain(served):
    _, model = served
    reply = model.chat([ChatRequest(FIRST, Sampling(0.0, 1.0, 8))])[0]
    assert reply.tokens.logprobs == (0.0, 0.0, 0.0)


def test_a_schema_and_the_alternatives_are_asked_for_and_told(served):
    server, model = served
    reply = model.chat([ask(schema={"type": "object"}, alternatives=5)])[0]
    [sent] = server.requests
    assert sent["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert sent["logprobs"] == 5
    assert [each.text for each in reply.alternatives] == ["Hello", ".", ""]
    assert [each.logprobs for each in reply.alternatives] == [{"x": -0.5}] * 3


@pytest.fixture(scope="module")
def thinker():
    from tests.agents.test_thinking import thinker

    return thinker("qwen3")


@pytest.mark.parametrize(
    ("thought", "forced", "calls"),
    [
        (["<think>", "Half?</think>"], (), 3),
        (["<think>", "one two three four"], (5,), 3),
        (["", ""], (), 1),
    ],
    ids=["closed", "spent", "none"],
)
def test_a_thought_and_the_words_behind_it_have_calls_of_their_own(thinker, thought, forced, calls):
    ids = [thinker(text, add_special_tokens=False).input_ids for text in (*thought, "No.")]
    said = [each for each in ids if each]
    said[-1] = [*said[-1], thinker.convert_tokens_to_ids("<|im_end|>")]
    with EndpointServer(lambda asked: completion(said[len(server.requests) - 1])) as server:
        endpoint = Endpoint(EndpointSettings("m", server.url))
        model = VllmTokens(endpoint, thinker, "adapter", "policy", max_thought_tokens=6)
        reply = model.chat([ask()])[0]
        sent = server.requests
    marks, end, trace = model.tokens.marks, model.tokens.end, reply.tokens
    fed = [marks.closes] * len(forced)
    assert list(trace.sampled) == [*chain(*said[:-1]), *fed, *said[-1]]
    assert (trace.forced, reply.usage["tries"], len(sent)) == (forced, calls, calls)
    assert reply.usage["completion_tokens"] == len(trace.sampled)
    assert [each["stop_token_ids"] for each in sent] == [[end, marks.opens], [end, marks.closes], [end]][:calls]
    assert [each["max_tokens"] for each in sent] == [8, 4, 8][:calls]
    assert len({each["seed"] for each in sent}) == calls
    assert sent[-1]["prompt"] == [*trace.context, *trace.sampled[: len(trace.sampled) - len(said[-1])]]


def test_a_reply_whose_words_fail_behind_its_thought_has_failed(thinker):
    thought = thinker("<think>", add_special_tokens=False).input_ids
    with EndpointServer(lambda _: completion(thought)) as server:
        server.fault = lambda n, _: "400" if n == 1 else None
        endpoint = Endpoint(EndpointSettings("m", server.url))
        reply = VllmTokens(endpoint, thinker, "adapter", "policy", max_thought_tokens=6).chat([ask()])[0]
    assert "HTTP 400" in reply.error
    assert (reply.text, reply.usage["tries"]) == ("", 2)
