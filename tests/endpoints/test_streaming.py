"""An answer that comes in pieces is heard as it comes, and is the same reply."""

import json
from dataclasses import replace

import pytest

from negotiation_env.endpoints.faults import PassingFault
from negotiation_env.endpoints.streaming import Listener, whole
from tests.endpoints.test_endpoint import ASK, endpoint, faults
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.raw_server import RawAnswer, raw_server

WORDS = "Twelve stay on the shelf."


def lines(*deltas, reason="stop"):
    pieces = [{"model": "m", "choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas]
    pieces += [{"choices": [{"delta": {}, "finish_reason": reason}]}] if reason else []
    return "".join(f"data: {json.dumps(piece)}\r\n\r\n" for piece in pieces).encode()


def message(raw):
    return json.loads(whole(raw))["choices"][0]["message"]


def unhurried(reply):
    return replace(reply, usage={name: told for name, told in reply.usage.items() if name != "seconds"})


def test_a_reply_is_heard_as_it_grows_and_is_the_reply_that_comes_whole():
    heard = []
    with EndpointServer(lambda _: WORDS) as server:
        model = endpoint(server, prompt_price=2.0, completion_price=5.0)
        reply = model.stream(ASK, heard.append)
        assert unhurried(reply) == unhurried(model.chat([ASK])[0])
    assert heard[-1] == reply.text == WORDS
    assert len(heard) > 1
    assert all(WORDS.startswith(each) for each in heard)
    assert [each.get("stream") for each in server.requests] == [True, None]


@pytest.mark.parametrize("fault", ["429", "500", "cut", "half"])
def test_what_breaks_off_is_tried_again_and_heard_from_the_beginning(fault):
    heard = []
    with EndpointServer(lambda _: WORDS, fault=faults(fault)) as server:
        reply = endpoint(server).stream(ASK, heard.append)
    assert (reply.text, reply.error, reply.usage["tries"]) == (WORDS, None, 2)
    assert heard[-1] == WORDS


def test_a_server_that_answers_whole_all_the_same_is_understood():
    with raw_server() as server:
        assert endpoint(server).stream(ASK, print).text == "Hi."


def test_an_endpoint_that_cannot_stream_is_asked_for_a_whole_answer():
    heard = []
    with EndpointServer(lambda _: WORDS) as server:
        assert endpoint(server, omit=("stream",)).stream(ASK, heard.append).text == WORDS
    assert heard == []
    assert not {"stream", "stream_options"} & server.requests[0].keys()


def test_a_refusal_to_stream_tells_what_to_do():
    refusal = RawAnswer(400, b'{"error": {"message": "Your organization must be verified to stream this model."}}')
    with raw_server(lambda _: refusal) as server:
        reply = endpoint(server).stream(ASK, print)
    assert 'set omit = ["stream"]' in reply.error


def test_thoughts_that_come_apart_are_not_heard():
    heard = []
    raw = lines({"reasoning_content": "A "}, {"reasoning_content": "bluff."}, {"content": "Twelve"}, {"content": "."})
    listener = Listener(heard.append)
    for byte in raw:
        listener.take(bytes([byte]))
    assert heard == ["Twelve", "Twelve."]
    assert message(raw) == {"reasoning_content": "A bluff.", "content": "Twelve."}


def test_parts_of_one_type_go_on_in_the_next_piece():
    thinking = [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]} for text in ("A ", "B")
    ]
    told = message(lines(*thinking, {"content": [{"type": "text", "text": "C"}]}))["content"]
    assert told == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "A B"}]},
        {"type": "text", "text": "C"},
    ]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (lines({"content": "Half"}, reason=None), "breaks off"),
        (lines({"content": "We say [DONE]"}, reason=None), "breaks off"),
        (lines({"content": "Half"}, reason=None) + b'data: {"error": {"message": "overloaded"}}\n', "overloaded"),
    ],
)
def test_pieces_that_do_not_end_are_no_reply(raw, told):
    with pytest.raises(PassingFault, match=told):
        whole(raw)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"{}", b"data", b"data: [1]\ndata: {\ndata: [DONE]"])
def test_whatever_stands_in_a_stream_raises_nothing_unforeseen(raw):
    Listener(print).take(raw)
    assert isinstance(whole(raw), bytes)
