"""Against a real HTTP server of the test's own that speaks the protocol and fails on purpose."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agents.models.openai_compatible import OpenAIModel
from negotiation_env import ChatRequest, Sampling

ASK = ChatRequest(({"role": "user", "content": "Hello"},), Sampling(0.5, 0.9, 7), seed=2**40 + 3)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        status, answer = self.server.script.pop(0) if self.server.script else (200, completion("Hi."))
        payload = answer.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


def completion(text, finish="stop"):
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    return json.dumps(
        {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    )


@pytest.fixture
def server():
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.requests, running.script = [], []
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def model(server):
    with_model = OpenAIModel("m", f"http://127.0.0.1:{server.server_port}/v1", retries=2, timeout=5)
    yield with_model
    with_model._client.close()


def test_a_chat_goes_out_as_asked_and_its_reply_and_usage_come_back(server, model):
    reply = model.chat([ASK])[0]
    assert (reply.text, reply.error, reply.truncated) == ("Hi.", None, False)
    assert reply.usage["completion_tokens"] == 2
    sent = server.requests[0]
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"], sent["seed"]) == (0.5, 0.9, 7, 3)
    assert sent["messages"] == [{"role": "user", "content": "Hello"}]


def test_passing_faults_are_tried_again(server, model):
    server.script[:] = [(429, "{}"), (500, "oops")]
    assert model.chat([ASK])[0].text == "Hi."
    assert len(server.requests) == 3


@pytest.mark.parametrize("answer", [(400, '{"error": "no"}'), (200, "<html>"), (200, completion(None))])
def test_what_still_fails_is_an_error_in_its_place(server, model, answer):
    server.script[:] = [answer]
    bad, good = model.chat([ASK])[0], model.chat([ASK])[0]
    assert bad.text == ""
    assert bad.error
    assert good.text == "Hi."


def test_a_cut_reply_is_marked(server, model):
    server.script[:] = [(200, completion("Hi", "length"))]
    assert model.chat([ASK])[0].truncated
