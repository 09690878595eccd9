"""What is made of an answer's body: a reply, or a fault that says what the answer cost."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negotiation_env import ChatRequest, Reply
from negotiation_env.endpoints.chat_completions import MOST_TOKENS, EndpointSettings, chat_completion
from negotiation_env.endpoints.endpoint import Endpoint, read_endpoint
from negotiation_env.endpoints.faults import EndpointFault, PassingFault
from negotiation_env.endpoints.recording import read_reply, writable, write_reply
from negotiation_env.errors import UserError
from tests.helpers.arbitrary_json import json_texts, json_values
from tests.helpers.endpoint_server import EndpointServer

ASK = ChatRequest(({"role": "user", "content": "Hello"},))
PRICED = EndpointSettings("m", prompt_price=10.0, completion_price=100.0)
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100}
BILLED = {**USAGE, "cost": pytest.approx(0.02)}


def answer(content, usage=USAGE, message=None, **choice):
    """A chat completion."""
    told = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content} | (message or {})}
    return {"model": "m-1", "choices": [told | choice], "usage": usage}


def read(found):
    raw = found if isinstance(found, bytes) else json.dumps(found).encode()
    return chat_completion(PRICED, ASK).read(raw)


def refused(found, kind=EndpointFault):
    with pytest.raises(EndpointFault) as caught:
        read(found)
    assert type(caught.value) is kind
    return caught.value


@pytest.mark.parametrize(
    "found",
    [
        answer(None),
        answer(""),
        answer(" \n\u200b"),
        answer([]),
        answer([{"type": "thinking", "thinking": " "}]),
        answer(None, message={"reasoning": "\n", "reasoning_content": None}),
        answer(7),
        answer("", finish_reason="error"),
        answer(None, finish_reason="abort"),
        answer("", finish_reason="CANCELLED"),
        answer("", finish_reason="network_error"),
        {"choices": [], "usage": USAGE},
        {"choices": {"0": "Hi."}, "usage": USAGE},
        {"choices": [None], "usage": USAGE},
        {"choices": [{"message": "Hi."}], "usage": USAGE},
        {"error": {"message": "overloaded"}, "usage": USAGE},
    ],
)
def test_an_answer_without_a_reply_may_be_tried_again_and_says_what_it_cost(found):
    assert refused(found, PassingFault).usage == BILLED


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (answer(None, message={"refusal": "I cannot help."}), "refuses: 'I cannot help.'"),
        (answer("", message={"refusal": "No."}, finish_reason="length"), "refuses"),
        (answer([{"type": "refusal", "refusal": "No."}]), "refuses: 'No.'"),
        (answer("", finish_reason="content_filter"), "'content_filter'"),
        (answer("", finish_reason="SAFETY"), "'safety'"),
        (answer(None, finish_reason="tool_calls"), "'tool_calls'"),
        (answer("", finish_reason="length"), "token limit"),
        (answer(None, finish_reason="length"), "token limit"),
    ],
)
def test_what_would_come_out_the_same_again_is_final_and_says_what_it_cost(found, told):
    fault = refused(found)
    assert told in str(fault)
    assert fault.usage == BILLED


def test_a_refusal_is_asked_for_once_and_a_blank_reply_again():
    with EndpointServer(lambda _: answer(None, message={"refusal": "No."})) as server:
        endpoint = Endpoint(EndpointSettings("m", server.url, attempts=3))
        assert "refuses" in endpoint.chat([ASK])[0].error
        assert len(server.bodies) == 1
        said = iter([" ", "", "Hi."])
        server.answer = lambda _: answer(next(said))
        assert endpoint.chat([ASK])[0].text == "Hi."
        assert len(server.bodies) == 4


@pytest.mark.parametrize("raw", [b"", b"<html>", b'{"choices": [', b"[" * 5000, b"[1]", b"\xff", b'{"a": 1, "a": 2}'])
def test_what_is_no_json_object_may_pass_and_cost_nothing_that_is_known(raw):
    assert refused(raw, PassingFault).usage == {}


@pytest.mark.parametrize(
    "reason",
    [
        *(
            "stop",
            "STOP",
            "eos",
            None,
            "",
            "null",
            "done",
            "complete",
            "completed",
            "end_of_turn",
            "eos_token",
            "stop_sequence",
        ),
        *("end_turn", "FINISH_REASON_STOP", "endoftext", "COMPLETE", "eosFound", "stopStringFound", "FINISH"),
    ],
)
def test_a_reply_that_was_generated_to_its_end_is_whole(reason):
    reply = read(answer("Hi.", finish_reason=reason))
    assert (reply.text, reply.truncated, reply.usage, reply.model) == ("Hi.", False, BILLED, "m-1")


@pytest.mark.parametrize(
    "reason",
    [
        "content_filter",
        "error",
        "abort",
        "tool_calls",
        "recitation",
        "safety",
        "not_stop",
        "42",
        ["stop"],
        7,
        True,
        {"stop": 1},
        "x" * 10**6,
        "stop" + "-" * 10**6,
    ],
)
def test_a_reply_that_something_else_ended_was_cut_short_and_says_by_what(reason):
    told = reason if isinstance(reason, str) and reason.islower() and len(reason) < 40 else "something else"
    reply = read(answer("We agree that the fi", finish_reason=reason))
    assert (reply.text, reply.truncated, reply.error) == ("We agree that the fi", True, None)
    assert reply.usage == {**BILLED, "ended": told}


@pytest.mark.parametrize(
    "reason",
    [
        "length",
        "max_tokens",
        "MAX_TOKENS",
        "FINISH_REASON_MAX_TOKENS",
        "LENGTH",
        "model_length",
        "maxTokens",
        "max-tokens",
        "max_new_tokens",
        "model_context_window_exceeded",
        "maxPredictedTokensReached",
    ],
)
def test_a_reply_that_the_token_limit_cut_says_so(reason):
    reply = read(answer("Let us sha", finish_reason=reason))
    assert (reply.text, reply.truncated, reply.usage) == ("Let us sha", True, BILLED)
    assert "token limit" in str(refused(answer("", finish_reason=reason), EndpointFault))


def test_of_a_content_in_parts_the_text_is_the_reply():
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "My limit is 40."}]}
    parts = [thought, {"type": "text", "text": "Let us "}, {"type": "image_url"}, {"type": "text", "text": "share."}]
    reply = read(answer([*parts, {"type": "reasoning", "text": "No more."}]))
    assert (reply.text, reply.thought) == ("Let us share.", "My limit is 40.\n\nNo more.")


THOUGHTS = [
    {"reasoning_content": "My limit is 40."},
    {"reasoning": "My limit is 40."},
    {"reasoning": "My limit is 40.", "reasoning_content": "My limit is 40."},
    {"reasoning": None, "reasoning_details": [{"type": "reasoning.text", "text": "My limit is 40."}]},
    {"reasoning_details": [{"type": "reasoning.summary", "summary": "My limit is 40."}]},
]


@pytest.mark.parametrize("message", THOUGHTS)
def test_what_is_told_as_thought_is_no_part_of_the_words(message):
    reply = read(answer("Let us share.", message=message))
    assert (reply.text, reply.thought) == ("Let us share.", "My limit is 40.")


@pytest.mark.parametrize("message", [*THOUGHTS, {"content": [{"type": "thinking", "thinking": "My limit is 40."}]}])
@pytest.mark.parametrize(("reason", "truncated"), [("stop", False), ("length", True)])
def test_a_model_that_only_thought_has_replied_without_a_word(message, reason, truncated):
    reply = read(answer(None, message=message, finish_reason=reason))
    assert (reply.text, reply.thought, reply.truncated) == ("", "My limit is 40.", truncated)
    assert reply.usage == BILLED
    refused(answer(None, message=message, finish_reason="content_filter"))


@pytest.mark.parametrize("wrong", [7, True, [[[[["deep"]]]]], {"text": None}, {"other": "My limit is 40."}, [None]])
def test_what_is_no_thought_is_none(wrong):
    assert read(answer("Let us share.", message={"reasoning": wrong})).thought == ""


@pytest.mark.parametrize(
    ("told", "count"),
    [
        (5, 5),
        (5.0, 5),
        ("5", 5),
        ("5.0", 5),
        (0, 0),
        (MOST_TOKENS, MOST_TOKENS),
        *(
            (wrong, None)
            for wrong in (-1, -(10**9), 5.5, True, None, "five", "-5", "٥", "9" * 15, 10**400, MOST_TOKENS + 1)
        ),
        *((wrong, None) for wrong in (math.nan, math.inf, [5], {"tokens": 5})),
    ],
)
def test_a_count_of_tokens_is_a_whole_number_within_reason_or_unknown(told, count):
    reply = read(answer("Hi.", usage={"prompt_tokens": 1, "completion_tokens": told}))
    assert reply.usage.get("completion_tokens") == count
    assert reply.usage["cost"] == pytest.approx((10 + 100 * (count or 0)) / 1e6)


@pytest.mark.parametrize("usage", [None, [], "none", 3, {}, {"prompt_tokens": None, "completion_tokens": None}])
def test_usage_that_tells_nothing_is_no_usage(usage):
    assert read(answer("Hi.", usage=usage)).usage == {}


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"model": "m-2026", "system_fingerprint": "fp_1"}, "m-2026 fp_1"),
        ({"model": "a\ud83db\x1b[31m\u2028c\n"}, "ab[31mc"),
        ({"model": "m" * 1000}, "m" * 200),
        ({"model": None, "system_fingerprint": ["fp"]}, ""),
        ({"model": {"name": "m"}}, ""),
    ],
)
def test_a_models_name_is_what_a_file_and_a_terminal_can_hold(told, name):
    assert read(answer("Hi.") | {"model": ""} | told).model == name


@pytest.mark.parametrize("price", [-1.0, math.nan, math.inf])
def test_a_price_by_which_no_cost_limit_could_hold_is_refused(price):
    with pytest.raises(ValueError, match="a price is"):
        EndpointSettings("m", prompt_price=price, completion_price=1.0)


@pytest.mark.parametrize("value", ["2026-01-01", "[12:30:00]"])
def test_a_field_that_no_body_can_hold_is_told_with_its_file(tmp_path, value):
    file = tmp_path / "endpoint.toml"
    file.write_text(f'model = "m"\nextra = {{ top_k = {value} }}\n')
    with pytest.raises(UserError, match="extra takes what JSON has"):
        read_endpoint(file)


def test_half_a_surrogate_pair_in_a_message_is_sent_as_json_spells_it():
    body = chat_completion(PRICED, ChatRequest(({"role": "user", "content": "half \ud83d 你好"},))).body
    assert json.loads(body)["messages"][0]["content"] == "half \ud83d 你好"
    assert "你好".encode() in body


GOOD = answer(
    "3 🙂",
    logprobs={
        "content": [
            {"token": "3", "logprob": -0.1, "bytes": [51], "top_logprobs": [{"token": "3", "logprob": -0.1}]},
            {"token": " \\xf0\\x9f", "logprob": 0, "bytes": [32, 240, 159], "top_logprobs": []},
            {"token": "\ufffd", "logprob": 0, "bytes": None, "top_logprobs": [{"token": "\ufffd", "logprob": -2}]},
        ]
    },
)


@settings(deadline=None)
@given(st.one_of(json_texts(GOOD), json_values().map(lambda value: json.dumps(value).encode())))
def test_every_answer_is_a_reply_or_a_fault_in_a_line_and_each_can_be_kept(raw):
    found = reply_or_fault(raw)
    told = found.usage
    assert all(type(told.get(name, 0)) is int and 0 <= told.get(name, 0) <= MOST_TOKENS for name in USAGE)
    assert 0 <= told.get("cost", 0) < math.inf
    if isinstance(found, EndpointFault):
        assert str(found).isprintable()
    else:
        kept = writable(found)
        assert read_reply(write_reply(kept)) == kept


@settings(deadline=None)
@given(json_texts(GOOD))
def test_every_reply_has_words_and_the_tokens_that_make_them_up_or_none(raw):
    reply = reply_or_fault(raw)
    if isinstance(reply, Reply):
        assert reply.text.strip()
        assert "".join(each.text for each in reply.alternatives) == (reply.text if reply.alternatives else "")
        assert all(-math.inf < value <= 0 for each in reply.alternatives for value in each.logprobs.values())


def reply_or_fault(raw):
    try:
        return read(raw)
    except EndpointFault as fault:
        return fault
