"""Against a real vLLM server on the CPU (`tests/helpers/vllm_server.sh`), with a small model: the protocol only."""

import json
import urllib.request

import pytest

from negotiation_env import ChatRequest, Sampling, ScriptedJudge
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.data import load_injections
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.episodes.runner import Game, play
from negotiation_env.game.prompts import shipped_prompts
from negotiation_env.judges.doctor import examine_judge
from negotiation_env.judges.forms import ComparisonForm, Pair
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings
from negotiation_env.judges.turn_form import form_of
from tests.conftest import two_parties
from tests.judges.test_llm import AGREEMENT, SCORE

pytestmark = pytest.mark.vllm


@pytest.fixture
def endpoint(vllm_server):
    return Endpoint(EndpointSettings("policy", vllm_server + "/v1", timeout=240, deadline=280))


@pytest.fixture
def judge(endpoint):
    return LLMJudge(endpoint, settings=LLMJudgeSettings(attempts=1, max_tokens=300))


def test_an_agreement_verdict_is_read_with_its_probability_or_lacks_its_quotes(judge):
    verdict = judge.judge([AGREEMENT])[0]
    assert verdict.calls[0].usage["completion_tokens"] > 0
    if verdict.value is None:  # so small a model may see an agreement and quote nobody
        assert "without words of its own" in verdict.reason
    else:
        assert 0 <= verdict.details["probability"] <= 1


def test_a_comparison_follows_the_schema(endpoint, judge):
    form = ComparisonForm(Pair(two_parties(), "We share the well in turns.", "Lea gets all."), judge.criteria)
    reply = endpoint.chat([ChatRequest(form.messages, Sampling(0.0, 1.0, 200), schema=form.schema)])[0]
    assert list(json.loads(reply.text)) == ["first", "second", "reason", "better"]


def test_the_tokens_of_a_reply_are_told_and_join_to_its_text(endpoint, judge):
    form = form_of(SCORE, judge.criteria)
    request = ChatRequest(form.messages, Sampling(0.0, 1.0, 60), schema=form.schema, alternatives=20)
    reply = endpoint.chat([request])[0]
    assert "".join(each.text for each in reply.alternatives) == reply.text
    assert all(len(each.logprobs) >= 20 for each in reply.alternatives)
    assert reply.text.lstrip().startswith("{")


def test_no_attack_adds_a_control_token_to_a_judge_prompt(vllm_server, judge):
    """The server's own tokens: equally many chat-role ids whatever the answer under judgement says."""
    from dataclasses import replace

    texts = ["Nothing to see here.", *(attack.text for attack in load_injections())]
    forms = [form_of(replace(SCORE, completion=text), judge.criteria) for text in texts]
    control = [set(ids) for ids in (tokens_of(vllm_server, "<|im_start|>"), tokens_of(vllm_server, "<|im_end|>"))]
    counts = {tuple(count(chat_tokens(vllm_server, form.messages), ids) for ids in control) for form in forms}
    assert counts == {(3, 2)}


def tokens_of(server, text):
    return post(server, {"model": "policy", "prompt": text, "add_special_tokens": False})


def chat_tokens(server, messages):
    return post(server, {"model": "policy", "messages": list(messages), "add_generation_prompt": True})


def count(tokens, ids):
    return sum(token in ids for token in tokens)


def post(server, body):
    request = urllib.request.Request(
        server + "/tokenize", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())["tokens"]


def test_a_game_with_natural_prompts_is_played_and_judged_over_http(endpoint, judge):
    sampling = Sampling(0.7, 1.0, 24)
    agent = ChatAgent(endpoint, sampling, sampling)
    episode = play(
        Game("g", two_parties(), (agent, agent), seed=1), judge, max_turns=2, complete_without_agreement=True
    )
    assert episode.prompts == shipped_prompts("natural").id
    assert all(said.usage["completion_tokens"] > 0 for said in episode.turns)
    assert [len(ruling.verdict.calls) for ruling in episode.rulings] == [1] * len(episode.rulings)
    # So small a judge may ramble until the limit cuts it, which must end the game unscored.
    unread = [ruling for ruling in episode.rulings if ruling.verdict.value is None]
    assert (episode.outcome.status == "unscored") == bool(unread)
    assert len(episode.turns) == 3 or unread


def test_what_a_model_thinks_there_is_on_record_and_nobody_else_is_shown_it(vllm_server):
    """So small a model does not think; the server's grammar has it do so."""
    grammar = {"structured_outputs": {"regex": "<think>My limit is 40\\.</think>Let us share\\."}}
    settings = EndpointSettings("policy", vllm_server + "/v1", timeout=240, deadline=280, extra=grammar)
    sampling = Sampling(0.7, 1.0, 48)
    agent = ChatAgent(Endpoint(settings), sampling, sampling)
    game = Game("g", two_parties(), (agent, agent))
    episode = play(game, ScriptedJudge(agrees=lambda _: False), max_turns=3, complete_without_agreement=True)
    assert [said.text for said in episode.turns] == ["Let us share."] * 4
    assert [said.thought for said in episode.turns] == ["My limit is 40."] * 4
    assert episode.outcome.completion == "Let us share."


def test_the_doctor_sees_what_the_server_can(judge):
    found = {finding.what: finding for finding in examine_judge(judge, [AGREEMENT], calls=10)}
    assert found["endpoint"].good
    assert found["JSON schema"].good
    assert found["log-probabilities"].good
    assert found["parse rate"].good or "without words of its own" in found["parse rate"].told
    assert "10 calls" in found["cost of the run"].told
