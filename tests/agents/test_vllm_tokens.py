"""Against the tests' own server, answering as vLLM does; `test_vllm_server.py` asks a real one."""

import pytest

pytest.importorskip("transformers")

from agents.models.vllm_tokens import VllmTokens
from negotiation_env import ChatRequest, Sampling
from negotiation_env.chat_completions import EndpointSettings
from negotiation_env.endpoint import Endpoint
from tests.endpoint_server import EndpointServer

pytestmark = pytest.mark.models

FIRST = ({"role": "user", "content": "Hello"},)
THEN = (*FIRST, {"role": "assistant", "content": "whatever it reads"}, {"role": "user", "content": "And now?"})
SAMPLED = [19556, 30, 2]


def completion(ids, logprob=-0.5):
    """What vLLM answers."""
    told = {
        "tokens": ["x"] * len(ids),
        "token_logprobs": [logprob] * len(ids),
        "top_logprobs": [{"x": logprob}] * len(ids),
    }
    return {"model": "adapter", "choices": [{"token_ids": ids, "logprobs": told}]}


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    from agents.models.embedded import embedded_model

    return AutoTokenizer.from_pretrained(embedded_model())


@pytest.fixture
def served(tokenizer):
    with EndpointServer(lambda _: completion(SAMPLED)) as server:
        endpoint = Endpoint(EndpointSettings("m", server.url, timeout=2.0, deadline=10.0, attempts=3))
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
    assert [each.logprobs for each in reply.alternatives] == [{"x": -0.5}] * 3
