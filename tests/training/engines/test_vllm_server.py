from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

torch = pytest.importorskip("torch")

from peft import LoraConfig, PeftModel, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from negotiation_env import ChatRequest, Reply, Sampling, ScriptedJudge, load_scenarios  # noqa: E402
from negotiation_env.agents.chat import ChatAgent  # noqa: E402
from negotiation_env.agents.models.embedded import embedded_adapter, embedded_model  # noqa: E402
from negotiation_env.agents.models.fake import FakeModel  # noqa: E402
from negotiation_env.agents.models.vllm_tokens import VllmTokens  # noqa: E402
from negotiation_env.endpoints.chat_completions import EndpointSettings  # noqa: E402
from negotiation_env.endpoints.endpoint import Endpoint  # noqa: E402
from negotiation_env.episodes.runner import Game, play_many  # noqa: E402
from negotiation_env.errors import Diverged, EngineError, UserError  # noqa: E402
from negotiation_env.training.engines.snapshots import Snapshots  # noqa: E402
from negotiation_env.training.engines.vllm_server import VllmServers, _connect, _RoundRobin, _tell  # noqa: E402
from negotiation_env.training.rows import learner_rows  # noqa: E402
from tests.helpers.endpoint_server import EndpointServer  # noqa: E402
from tests.helpers.raw_server import raw_server  # noqa: E402
from tests.helpers.vllm_server import serving, trainer_logprobs  # noqa: E402

TEMPERATURE = 0.7
HELLO = ({"role": "user", "content": "Name a fruit."},)
MUCH = 1e9


def engine_of(model, tokenizer, folder, *urls, snapshots=None, tolerance=0.05):
    snapshots = snapshots or Snapshots(model)
    return VllmServers(model, tokenizer, snapshots, urls, folder, temperature=TEMPERATURE, tolerance=tolerance)


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_a_server_s_url_may_leave_out_v1_and_hold_a_query(path):
    with raw_server() as server:
        _connect(f"{server.root}{path}?tenant=a")
    assert [each.target for each in server.asked] == ["/v1/models?tenant=a"]


# Without vLLM: the tests' own server answers as vLLM does.


@contextmanager
def fake_vllm(fault=lambda *_: None, logprobs=(-0.5, -0.5)):
    told = {"token_logprobs": list(logprobs)}
    with EndpointServer(lambda _: {"choices": [{"token_ids": [30, 2], "logprobs": told}]}, fault) as server:
        yield server


def prompts(server):
    return [asked["prompt"] for asked in server.requests if "prompt" in asked]


@pytest.mark.models
def test_conversations_are_spread_over_servers_and_stay_there(small_model, tmp_path):
    with fake_vllm() as first, fake_vllm() as second:
        engine = engine_of(*small_model(), tmp_path, first.url, second.url, tolerance=MUCH)
        engine.sync(0, [])
        probes = [len(prompts(server)) for server in (first, second)]
        chats = [(*HELLO, *({"role": "user", "content": str(n)},)) for n in range(4)]
        for turns in range(3):
            later = ({"role": "assistant", "content": ""}, {"role": "user", "content": "Go on."}) * turns
            requests = [ChatRequest((*chat, *later), conversation=str(n)) for n, chat in enumerate(chats)]
            replies = engine.policy(0).chat(requests)
            assert [reply.tokens.fresh for reply in replies] == [turns == 0] * 4
    assert probes == [1, 1]
    for server, homes in ((first, (0, 2)), (second, (1, 3))):
        said = prompts(server)[1:]
        assert len(said) == 6
        openings = [engine.policy(0).models[0].tokens.prompt(chats[home]) for home in homes]
        assert all(any(ids[: len(opening)] == opening for opening in openings) for ids in said)


@pytest.mark.models
def test_a_server_that_takes_no_adapters_is_told_how_to_start(small_model, tmp_path):
    with fake_vllm(fault=lambda _, body: "404" if b"lora_name" in body else None) as server:
        engine = engine_of(*small_model(), tmp_path, server.url)
        with pytest.raises(EngineError, match=r"HTTP 404.*VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"):
            engine.sync(0, [])


@pytest.mark.models
def test_where_nobody_answers_the_user_is_told(small_model, tmp_path):
    with pytest.raises(UserError, match="nobody answers at"):
        engine_of(*small_model(), tmp_path, "http://127.0.0.1:9")


@pytest.mark.models
def test_a_model_without_an_adapter_is_refused(small_model, tmp_path):
    model, tokenizer = small_model()
    with pytest.raises(UserError, match="LoRA adapter"):
        engine_of(model.get_base_model(), tokenizer, tmp_path, "http://127.0.0.1:9")


@pytest.mark.models
@pytest.mark.parametrize("number", [float("nan"), float("-inf")])
def test_log_probabilities_that_are_not_finite_end_the_run(small_model, tmp_path, number):
    with fake_vllm(logprobs=(-0.5, number)) as server, pytest.raises((Diverged, EngineError), match="version 0"):
        engine_of(*small_model(), tmp_path / "theirs", server.url, tolerance=MUCH).sync(0, [])
    model, tokenizer = small_model()
    with torch.no_grad():
        next(p for p in model.parameters() if p.requires_grad).fill_(number)
    with fake_vllm() as server, pytest.raises(Diverged, match="step 1: a log-probability of version 0 is nan"):
        engine_of(model, tokenizer, tmp_path / "ours", server.url, tolerance=MUCH).sync(0, [])


class AnyBytes(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data": [{"id": "m"}]}')

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"\xff\xfe{")


def test_what_a_server_says_of_an_adapter_that_it_takes_may_be_anything():
    with ThreadingHTTPServer(("127.0.0.1", 0), AnyBytes) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        _tell(Endpoint(EndpointSettings("vllm", f"http://127.0.0.1:{server.server_port}/v1")), "load", {})
        server.shutdown()


def test_an_error_at_one_of_several_servers_is_raised():
    def fails(request):
        raise Diverged("nan")

    several = _RoundRobin([FakeModel(lambda _: Reply("Hi.")), FakeModel(fails)])
    assert several.chat([ChatRequest(HELLO)])[0].text == "Hi."
    with pytest.raises(Diverged):
        several.chat([ChatRequest(HELLO)])


# With vLLM: the embedded model and its warm-start adapter.


@pytest.fixture
def learner():
    base = AutoModelForCausalLM.from_pretrained(embedded_model(), dtype=torch.float32)
    model = PeftModel.from_pretrained(base, embedded_adapter(), is_trainable=True)
    return model, AutoTokenizer.from_pretrained(embedded_model())


@pytest.fixture
def engine(learner, vllm_server, tmp_path):
    return engine_of(*learner, tmp_path, vllm_server)


def train(model):
    """Move the weights far enough for other words."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.mul_(-2.0)


def greedy(model):
    return model.chat([ChatRequest(HELLO, Sampling(0.0, 1.0, 12))])[0].text


def served(url):
    return {name for name in Endpoint(EndpointSettings("policy", url + "/v1")).models() if name.startswith("run-")}


@pytest.mark.vllm
def test_a_row_holds_what_the_server_sampled_with_the_trainers_log_probabilities(engine, learner):
    engine.sync(0, [])
    model, tokenizer = learner
    agent = ChatAgent(engine.policy(0), Sampling(TEMPERATURE, 1.0, 12))
    games = [Game(scenario.id, scenario, (agent, agent), seed=3) for scenario in load_scenarios("everyday")[:2]]
    apart = []
    for episode in play_many(games, ScriptedJudge(agrees=lambda _: False), max_turns=4):
        traces = [said.tokens for said in episode.turns if said.seat == 0]
        [row] = learner_rows(episode, 0, tokenizer.eos_token_id)
        counted = [token for token, counts in zip(row.completion, row.mask, strict=True) if counts]
        assert counted == [token for trace in traces for token in trace.sampled]
        difference = trainer_logprobs(model, row, TEMPERATURE) - torch.tensor(row.logprobs)
        apart.append(difference[torch.tensor(row.mask) == 1].abs().max())
    print(f"largest difference of a log-probability: {max(apart):.2g} nats")
    assert max(apart) < 5e-3


@pytest.mark.vllm
def test_a_sync_publishes_new_weights_under_a_new_name_and_unloads_old_ones(learner, vllm_server, tmp_path):
    model, tokenizer = learner
    snapshots = Snapshots(model)
    snapshots.take(0)
    engine = engine_of(model, tokenizer, tmp_path, vllm_server, snapshots=snapshots)
    others, published = served(vllm_server), []
    for version, past in ((0, []), (1, [0]), (2, [0])):
        engine.sync(version, past)
        published.append(served(vllm_server) - others)
        assert {path.name for path in tmp_path.iterdir()} == published[-1]
        train(model)
    assert [len(names) for names in published] == [1, 2, 2]
    assert published[1] & published[2] == published[0]


@pytest.mark.vllm
def test_learner_past_and_base_sample_side_by_side_each_with_its_own_weights(learner, vllm_server, tmp_path):
    model, tokenizer = learner
    snapshots = Snapshots(model)
    snapshots.take(0)
    engine = engine_of(model, tokenizer, tmp_path, vllm_server, snapshots=snapshots)
    engine.sync(0, [])
    before = greedy(engine.policy(0))
    train(model)
    engine.sync(1, [0])
    base = VllmTokens(Endpoint(EndpointSettings("policy", vllm_server + "/v1")), tokenizer, "policy", "base")
    assert greedy(engine.policy(0)) == before
    assert len({greedy(engine.policy(0)), greedy(engine.policy(1)), greedy(base)}) == 3
    resumed = engine_of(model, tokenizer, tmp_path, vllm_server, snapshots=snapshots)
    resumed.sync(1, [0])
    assert greedy(resumed.policy(0)) == before
    assert greedy(resumed.policy(1)) == greedy(engine.policy(1))


@pytest.mark.vllm
def test_weights_that_are_not_the_served_ones_are_found_by_the_probe(engine, learner):
    engine.sync(0, [])
    train(learner[0])
    with pytest.raises(EngineError, match=r"nats off the trainer's .* 0\.05 is tolerated"):
        engine.sync(0, [])


@pytest.mark.vllm
def test_raw_log_probabilities_are_found_by_the_probe(learner, tmp_path):
    with serving(tmp_path / "log", LOGPROBS_MODE="raw_logprobs") as url:
        engine = engine_of(*learner, tmp_path, url)
        with pytest.raises(EngineError, match="without `--logprobs-mode processed_logprobs`"):
            engine.sync(0, [])


@pytest.mark.vllm
def test_an_adapter_above_the_servers_rank_is_told(vllm_server, tmp_path):
    base = AutoModelForCausalLM.from_pretrained(embedded_model(), dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(r=9, target_modules=["q_proj"]))
    engine = engine_of(model, AutoTokenizer.from_pretrained(embedded_model()), tmp_path, vllm_server)
    with pytest.raises(EngineError, match=r"rank.*--max-lora-rank"):
        engine.sync(0, [])
