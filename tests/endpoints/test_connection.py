"""Against a loopback server that answers byte for byte as a test says: keys, logins, proxies, redirects, limits."""

import base64
import html
import itertools
import json
import re
import tracemalloc
import zlib
from dataclasses import replace
from urllib.parse import unquote

import pytest

from negotiation_env import ChatRequest, Sampling
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.connection import MAX_ANSWER
from negotiation_env.endpoints.endpoint import Endpoint, connect, short_endpoint
from negotiation_env.errors import UserError
from tests.helpers.raw_server import RawAnswer, completion, raw_server

ASK = ChatRequest(({"role": "user", "content": "Hello?"},))
KEY = "sk-live-0123456789abcdef"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return monkeypatch


def endpoint(url, **settings):
    return Endpoint(EndpointSettings("m", url, **{"timeout": 5.0, "attempts": 1} | settings))


def ask(url, **settings):
    return endpoint(url, **settings).chat([ASK])[0]


@pytest.mark.parametrize("key", [f"{KEY}\n", f"  {KEY}\r\n", f"{KEY}\u00a0"])
def test_white_space_around_a_key_is_not_sent(environment, key):
    environment.setenv("OPENAI_API_KEY", key)
    with raw_server() as server:
        assert ask(server.url).text == "Hi."
    assert server.posts[0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_key_of_white_space_is_none(environment):
    environment.setenv("OPENAI_API_KEY", " \n")
    with raw_server() as server:
        assert ask(server.url).text == "Hi."
    assert "Authorization" not in server.posts[0].headers
    with pytest.raises(UserError, match="needs its key in the environment variable OPENAI_API_KEY"):
        Endpoint(EndpointSettings("gpt"))


@pytest.mark.parametrize("key", ["sk-a\nb", "sk-\u201cab\u201d", "sk-a\tb", "sk-é"])
def test_a_key_that_no_header_can_carry_is_told_without_the_key(environment, key):
    environment.setenv("OPENAI_API_KEY", key)
    with pytest.raises(UserError, match=r"the key in OPENAI_API_KEY holds '.*'; keys are printable ASCII") as told:
        endpoint("http://127.0.0.1:9/v1")
    assert "sk-" not in str(told.value)


def test_a_key_in_the_place_of_its_variable_s_name_is_told_without_it():
    with pytest.raises(ValueError, match="api_key_env: expected the name of an environment variable") as told:
        EndpointSettings("m", "http://h/v1", KEY)
    assert KEY not in str(told.value)


@pytest.mark.parametrize(
    ("login", "sent"),
    [
        ("user:pass-word-1", b"user:pass-word-1"),
        ("us%40er:p%3A%2Fw%20%C3%A9", "us@er:p:/w é".encode()),
        ("tok-1234567", b"tok-1234567:"),
    ],
)
def test_a_login_in_the_url_goes_out_in_the_key_s_place_and_is_shown_nowhere(login, sent):
    def answer(asked):
        return completion(f"You are {asked.headers['Authorization']}.", model=asked.headers["Authorization"])

    with raw_server(answer) as server:
        model = endpoint(server.url.replace("://", f"://{login}@"))
        reply = model.chat([ASK])[0]
    assert server.posts[0].headers["Authorization"] == f"Basic {base64.b64encode(sent).decode()}"
    assert (reply.text, reply.model) == ("You are [hidden].", "[hidden]")
    assert login not in model.name + repr(model.settings)
    assert model.name == f"openai:m@{server.url}"


def test_a_query_stays_behind_each_path_and_its_keys_are_shown_nowhere():
    with raw_server(lambda asked: RawAnswer(400, f"no such {asked.target}".encode())) as server:
        model = endpoint(f"{server.url}?api-version=1&api_key=abc%2Fdef")
        reply = model.chat([ASK])[0]
        assert model.models() == []
    assert [unquote(each.target) for each in server.asked] == [
        "/v1/chat/completions?api-version=1&api_key=abc/def",
        "/v1/models?api-version=1&api_key=abc/def",
    ]
    assert model.name == f"openai:m@{server.url}?api-version=1&api_key=[hidden]"
    assert "HTTP 400: no such /v1/chat/completions?api-version=1&api_key=[hidden]" in reply.error


@pytest.mark.parametrize(
    "answer",
    [
        RawAnswer(headers={"Content-Length": "x"}),
        RawAnswer(headers={"Content-Encoding": "gzip"}, body=b"?"),
        RawAnswer(headers={"Transfer-Encoding": "chunked"}, body=b"?"),
        RawAnswer(headers={"Bad": "\0"}),
    ],
)
def test_an_error_that_quotes_the_url_shows_no_key_of_its_query(answer):
    with raw_server(lambda _: answer) as server:
        model = endpoint(f"{server.url}?api_key=Abc-%2F123&code=%C3%A9t%C3%A9-77", timeout=1.0)
        told = model.chat([ASK])[0].error
    assert told
    for secret in ("abc-", "123", "77", "%c3", "été"):
        assert secret not in told.replace(server.url, "").lower()


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (RawAnswer(body=b'{"data": [{"id": "m"}, {"id": 7}, {}, null, "n"]}'), ["m", "n"]),
        (RawAnswer(body=b'[{"id": "m"}]'), ["m"]),
        (RawAnswer(body=b'["m"]'), ["m"]),
        (RawAnswer(body=b'{"data": 5}'), []),
        (RawAnswer(body=b'{"data": {"m": 1}}'), []),
        (RawAnswer(body=b"7"), []),
        (RawAnswer(body=b""), []),
        (RawAnswer(204), []),
        (RawAnswer(body=b"<html>Welcome"), []),
        (RawAnswer(body=b"[" * 200_000), []),
        (RawAnswer(body=b"\xff\xfe"), []),
        (RawAnswer(body=itertools.repeat(b"x" * 65536)), []),
        (RawAnswer(body=b"[", headers={"Content-Length": "9"}), []),
        (RawAnswer(302, headers={"Location": "/login"}), []),
        (RawAnswer(403, b"this key may not list models"), []),
        (RawAnswer(404, b"nothing"), []),
        (RawAnswer(405), []),
        (RawAnswer(500, b"oops"), []),
        (RawAnswer(503), []),
    ],
)
def test_whatever_is_answered_about_models_somebody_is_there(answer, names):
    with raw_server(lambda _: answer) as server:
        assert connect(EndpointSettings("m", server.url)).models() == names


def test_a_login_that_is_refused_is_told():
    with (
        raw_server(lambda _: RawAnswer(401, b"no")) as server,
        pytest.raises(UserError, match="refuses the login in its"),
    ):
        connect(EndpointSettings("m", server.url.replace("://", "://user:pass-word@")))


def test_a_key_that_is_refused_is_told():
    with (
        raw_server(lambda _: RawAnswer(401, b"no")) as server,
        pytest.raises(UserError, match="refuses the key; set OPEN"),
    ):
        connect(EndpointSettings("m", server.url))


@pytest.mark.parametrize(
    "host", ["a..b", "a" * 70, ".", "-", "xn--a", "h\u2024x", "999.1.1.1", "%00", "nowhere.invalid"]
)
def test_a_host_that_cannot_be_is_that_reply_s_error_and_one_line_at_the_start(host):
    settings = EndpointSettings("m", f"http://{host}:9/v1", attempts=1, timeout=5.0)
    reply = Endpoint(settings).chat([ASK])[0]
    assert (reply.text, reply.error is None) == ("", False)
    with pytest.raises(UserError, match="nobody answers at") as told:
        connect(settings)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    "spec",
    ["m@http://", "m@https://h:port/v1", "m@http://u:p#w@h/v1", "m@http://u:p/w@h/v1", "@http://h/v1", "m@h:8000/v1"],
)
def test_a_base_url_that_cannot_be_one_is_a_line_at_the_start(spec):
    with pytest.raises(UserError) as told:
        short_endpoint(spec)
    assert len(str(told.value).splitlines()) == 1
    assert "w@h" not in str(told.value)


def test_the_environment_s_proxy_is_asked_with_its_login_and_it_is_shown_nowhere(environment):
    with raw_server() as proxy:
        environment.setenv("HTTP_PROXY", proxy.root.replace("://", "://us%40er:pass-word@"))
        reply = ask("http://models.corp.invalid/v1?a=1")
    (asked,) = proxy.posts
    assert reply.text == "Hi."
    assert asked.target == "http://models.corp.invalid/v1/chat/completions?a=1"
    assert asked.headers["Proxy-Authorization"] == f"Basic {base64.b64encode(b'us@er:pass-word').decode()}"
    assert asked.headers["Authorization"] == f"Bearer {KEY}"


def test_an_error_that_may_be_the_proxy_s_names_it(environment):
    with raw_server(lambda _: RawAnswer(502, b"no such host")) as proxy:
        environment.setenv("HTTP_PROXY", proxy.root)
        reply = ask("http://models.corp.invalid/v1")
    assert f" through the proxy {proxy.root}: HTTP 502: no such host" in reply.error


def test_no_proxy_is_honoured(environment):
    with raw_server() as server:
        environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        environment.setenv("NO_PROXY", server.root.removeprefix("http://"))
        assert ask(server.url).text == "Hi."


def test_a_proxy_that_wants_a_login_is_told_at_the_start(environment):
    with raw_server(lambda _: RawAnswer(407, b"who are you?")) as proxy:
        environment.setenv("HTTP_PROXY", proxy.root)
        with pytest.raises(UserError, match="HTTP 407: who are you"):
            connect(EndpointSettings("m", "http://models.corp.invalid/v1"))


def test_a_proxy_that_fails_is_named_without_its_password(environment):
    environment.setenv("HTTPS_PROXY", "http://user:pass-word@127.0.0.1:9")
    with pytest.raises(UserError, match=r"nobody .* through the proxy http://127\.0\.0\.1:9: ") as told:
        connect(EndpointSettings("m", "https://models.corp.invalid/v1"))
    assert "pass-word" not in str(told.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_that_says_where_to_and_nobody_is_asked_there(status):
    with raw_server() as other:
        location = f"{other.root.replace('://', '://user:pass-word@')}/v2/chat?sig={KEY}"
        with raw_server(lambda _: RawAnswer(status, headers={"Location": location})) as server:
            reply = ask(server.url, attempts=3)
    assert other.asked == []
    assert len(server.posts) == 1
    assert f"HTTP {status}: redirected to {other.root}/v2/chat; redirects are not followed" in reply.error
    assert KEY not in reply.error
    assert "pass-word" not in reply.error


ECHOES = {
    "an error's body": lambda key: RawAnswer(400, f"bad header Authorization: {key}".encode()),
    "an error's body, cut in the key": lambda key: RawAnswer(400, b"x" * 285 + key.encode()),
    "an error that is tried again": lambda key: RawAnswer(500, json.dumps({"error": {"message": key}}).encode()),
    "a body that is no JSON": lambda key: RawAnswer(body=f"<html>{key}</html>".encode()),
    "a body that is no JSON, cut in the key": lambda key: RawAnswer(body=b"x" * 190 + key.encode()),
    "a body without text": lambda key: RawAnswer(body=json.dumps({"choices": [], "key": key}).encode()),
    "a redirect": lambda key: RawAnswer(307, headers={"Location": f"http://h/{key}"}),
    "the words": lambda key: completion(f"Your key is {key}."),
    "the words, escaped": lambda key: completion("@@").__class__(
        body=completion("@@").body.replace(b"@@", "".join(f"\\u{ord(each):04x}" for each in key).encode())
    ),
    "the words, in another case and escaped": lambda key: completion(
        f"{key.upper()} {''.join(f'&#{ord(each)};' for each in key)} {''.join(f'%{ord(each):x}' for each in key)}"
    ),
    "an error, escaped": lambda key: RawAnswer(400, "".join(f"\\x{ord(each):02x}" for each in key).encode()),
    "a name in an object": lambda key: RawAnswer(body=json.dumps({"choices": [], key: {key: 1}}).encode()),
    "a name that stands twice": lambda key: RawAnswer(body=json.dumps({key: 1, "x": 2}).replace("x", key).encode()),
    "a name in an error's object": lambda key: RawAnswer(422, json.dumps({"detail": {key: "unknown"}}).encode()),
    "why it ended": lambda key: completion("Hi.", finish_reason=key),
    "a refusal, cut in the key": lambda key: completion(
        "", message={"role": "assistant", "refusal": "x" * 190 + "".join(f"&#{ord(each)};" for each in key)}
    ),
    "a header": lambda key: replace(completion("Hi."), headers={"X-Key": key, "Set-Cookie": f"key={key}"}),
    "a header of an error": lambda key: RawAnswer(429, headers={"WWW-Authenticate": key, "Retry-After": key}),
    "a header that cannot be read": lambda key: RawAnswer(headers={"Content-Length": key}),
    "a header that is no header": lambda key: RawAnswer(headers={key: f"\0{key}"}),
    "an encoding": lambda key: replace(completion("Hi."), headers={"Content-Encoding": key}),
    "the model's name, escaped and cut in the key": lambda key: RawAnswer(
        body=completion("Hi.", model="x" * 190 + "@@").body.replace(
            b"@@", "".join(f"\\u{ord(each):04x}" for each in key).encode()
        )
    ),
    "the model's name": lambda key: completion("Hi.", model=key),
    "the tokens": lambda key: completion(
        f"It is {key}",
        logprobs={
            "content": [
                {"token": piece, "top_logprobs": [{"token": piece, "logprob": -0.1}]}
                for piece in ("It is ", *re.findall("...?.?", key))
            ]
        },
    ),
}


@pytest.mark.parametrize("what", ECHOES)
def test_a_key_that_the_server_sends_back_is_in_no_reply(what):
    with raw_server(lambda asked: ECHOES[what](asked.headers["Authorization"])) as server:
        reply = ask(server.url, attempts=2)
    told = re.sub(
        r"\\\\*x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), html.unescape(unquote(repr(reply)))
    ).lower()
    assert "sk-l" not in told
    assert "1234" not in told
    assert "c2st" not in told
    assert "".join(each.text for each in reply.alternatives) in ("", reply.text)


def test_a_key_that_is_listed_as_a_model_is_not_shown():
    with raw_server(
        lambda asked: RawAnswer(body=json.dumps([{"id": asked.headers["Authorization"]}]).encode())
    ) as server:
        assert endpoint(server.url).models() == ["[hidden]"]


def gzipped(pieces):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


BODIES = {
    "endless": lambda: RawAnswer(body=itertools.repeat(b" " * 65536)),
    "endless and an error": lambda: RawAnswer(500, body=itertools.repeat(b"no " * 20000)),
    "3 GB in 3 MB of gzip": lambda: RawAnswer(
        body=gzipped(itertools.repeat(b"\0" * 2**20, 3000)), headers={"Content-Encoding": "gzip"}
    ),
    "50 MB of words": lambda: completion("word " * 10_000_000),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_body_without_end_is_an_error_and_takes_little_memory(what):
    answer = BODIES[what]()
    with raw_server(lambda _: answer) as server:
        tracemalloc.start()
        reply = ask(server.url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert ("HTTP 500: no no" if "error" in what else f"the answer is longer than {MAX_ANSWER:,} bytes") in reply.error
    assert len(reply.error) < 1000
    assert peak < 6 * MAX_ANSWER


def test_a_reply_much_longer_than_it_may_be_is_cut():
    with raw_server(lambda _: completion("word " * 10**6)) as server:
        reply = endpoint(server.url).chat([replace(ASK, sampling=Sampling(max_tokens=10))])[0]
    assert reply.truncated
    assert reply.text == ("word " * 1000)[:2560]


def test_a_long_thought_that_a_template_opened_is_taken_off_before_the_reply_is_cut():
    thought = "My limit is 40. " * 1000
    with raw_server(lambda _: completion(f"{thought}</think>\n\nLet us share.")) as server:
        reply = endpoint(server.url).chat([replace(ASK, sampling=Sampling(max_tokens=10))])[0]
    assert (reply.text, reply.thought) == ("Let us share.", thought[:2560])


def test_an_answer_of_many_log_probabilities_is_read():
    alternatives = [{"token": f" word{n}", "logprob": -n / 7, "bytes": [32] * 6} for n in range(20)]
    content = [{"token": " word0", "logprob": -0.1, "bytes": [32] * 6, "top_logprobs": alternatives}] * 1000
    with raw_server(lambda _: completion(" word0" * 1000, logprobs={"content": content})) as server:
        reply = endpoint(server.url).chat([replace(ASK, sampling=Sampling(max_tokens=1000))])[0]
    assert (reply.error, len(reply.alternatives)) == (None, 1000)
