import re

import pytest

from negotiation_env import Reply, Sampling, ScriptedJudge, load_scenarios
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.doctor import examine_agent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.game.prompts import shipped_prompts
from negotiation_env.judges.doctor import examine_judge
from negotiation_env.judges.llm import LLMJudge
from negotiation_env.judges.panel import PanelJudge
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply
from tests.helpers.raw_server import RawAnswer, raw_server
from tests.judges.test_llm import AGREEMENT, SCORE

SCENARIOS = load_scenarios("eval_conflict")[:4]


def good_server(asked):
    fields = asked["response_format"]["json_schema"]["schema"]["properties"]
    return '{"level": 3}' if "level" in fields else judge_reply(asked)


def judge_at(server, **settings):
    return LLMJudge(Endpoint(EndpointSettings(**{"model": "m", "base_url": server.url, "attempts": 1} | settings)))


def found(judge, calls=0):
    return {finding.what: finding for finding in examine_judge(judge, [SCORE, AGREEMENT], calls)}


def test_a_good_judge_endpoint_is_good_in_everything():
    with EndpointServer(good_server, logprobs={}) as server:
        findings = found(judge_at(server, prompt_price=1.0, completion_price=2.0), calls=700)
    assert not [finding for finding in findings.values() if finding.good is False]
    assert "2 of 2 replies readable" in findings["parse rate"].told
    assert "64 at a time" in findings["limits"].told
    assert findings["cost of the run"].told.endswith("about 0.08 dollars")  # 700 x (100 x 1 + 10 x 2) / 1e6


@pytest.mark.parametrize(
    ("answer", "logprobs", "what", "told"),
    [
        (good_server, None, "log-probabilities", "set samples"),
        (lambda _: "O well, deep well", {}, "JSON schema", "not honoured"),
        (lambda _: "O well, deep well", {}, "parse rate", "0 of 2"),
        (lambda _: "O well, deep well", {}, "verdicts", "0 of 2 questions"),
    ],
)
def test_what_an_endpoint_lacks_is_told(answer, logprobs, what, told):
    with EndpointServer(answer, logprobs=logprobs) as server:
        finding = found(judge_at(server))[what]
    assert finding.good is False
    assert told in finding.told


def test_a_model_that_the_endpoint_does_not_list_ends_the_examination():
    with EndpointServer(good_server) as server:
        findings = found(judge_at(server, model="gpt-x"))
    assert "knows no 'gpt-x'; it lists m" in findings["endpoint"].told
    assert "verdicts" not in findings
    assert server.bodies == []


def test_a_redirect_and_a_key_in_a_name_are_told_without_the_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    answers = {
        "GET": RawAnswer(body=b'[{"id": "x sk-0123456789abcdef"}]'),
        "POST": RawAnswer(307, headers={"Location": "http://h/v2"}),
    }
    with raw_server(lambda asked: answers[asked.method]) as server:
        unlisted = found(judge_at(server))
        answers["GET"] = RawAnswer(302, headers={"Location": "/login"})
        redirected = found(judge_at(server))
    assert unlisted["endpoint"].told == "knows no 'm'; it lists x [hidden]"
    assert redirected["endpoint"].told == "answers, without a list of models"
    assert "HTTP 307: redirected to http://h/v2; redirects are not followed" in redirected["first request"].told


def test_each_member_of_a_panel_is_examined():
    panel = PanelJudge([ScriptedJudge(2), ScriptedJudge(None)])
    verdicts = [finding.good for finding in examine_judge(panel, [SCORE]) if finding.what == "verdicts"]
    assert verdicts == [True, False]


def test_a_policy_without_the_turn_grammar_or_cut_short_is_told():
    policy = ChatAgent(FakeModel(lambda _: Reply("Let us talk.", truncated=True)))
    told_so = examine_agent(policy, SCENARIOS, prompts=[shipped_prompts("handshake")])
    findings = {finding.what: finding for finding in told_so}
    assert [findings[what].good for what in ("first turns", "parse rate", "length")] == [True, False, False]
    assert "thoughts" not in findings


@pytest.mark.parametrize(
    ("reply", "good", "told"),
    [
        (Reply("[THINK]hm[/THINK]PROPOSE: Half."), None, "nobody else is shown (marked by [THINK])"),
        (Reply("PROPOSE: Half.", thought="hm"), None, "nobody else is shown (marked by the endpoint)"),
        (Reply("<think>PROPOSE: Half."), False, "(marked by <think>); 4 are nothing else: allow more tokens"),
    ],
)
def test_a_policy_that_thinks_is_told_by_whose_marks(reply, good, told):
    told_so = examine_agent(ChatAgent(FakeModel(lambda _: reply)), SCENARIOS, prompts=[shipped_prompts("handshake")])
    findings = {finding.what: finding for finding in told_so}
    assert findings["thoughts"].good is good
    assert told in findings["thoughts"].told
    assert findings["parse rate"].good is good


def test_a_policy_that_fails_is_told_why():
    policy = ChatAgent(FakeModel(lambda _: Reply("", error="out of order")))
    findings = {finding.what: finding for finding in examine_agent(policy, SCENARIOS)}
    assert findings["first turns"].good is False
    assert "out of order" in findings["first turns"].told


def test_a_scripted_party_is_fine():
    assert all(finding.good is not False for finding in examine_agent(ScriptedAgent("stubborn"), SCENARIOS))


@pytest.mark.parametrize(
    ("say", "good", "told"),
    [
        (lambda chat: "OK, let's begin.", False, "4 of 4 games echo within 2 turns: this model echoes; it may need"),
        (lambda chat: chat[-1]["content"], False, "another prompt set"),
        (lambda chat: f"You say: {chat[-1]['content']}", True, "0 of 4"),
    ],
)
def test_a_model_that_echoes_is_told_after_two_turns(say, good, told):
    policy = ChatAgent(FakeModel(lambda request: Reply(say(request.messages))))
    findings = {finding.what: finding for finding in examine_agent(policy, SCENARIOS)}
    assert findings["echoes"].good is good
    assert told in findings["echoes"].told


def test_whether_a_model_echoes_is_told_of_the_games_that_it_did_not_fail():
    policy = ChatAgent(FakeModel(lambda asked: Reply("Well?", error=None if asked.seed % 2 else "out of order")))
    findings = {finding.what: finding for finding in examine_agent(policy, SCENARIOS)}
    assert findings["echoes"].told.startswith("2 of 2 games echo")


def test_of_who_answers_open_questions_alone_nobody_wants_the_turn_grammar():
    policy = ChatAgent(FakeModel(lambda _: Reply("Plant trees.")))
    findings = {finding.what: finding for finding in examine_agent(policy, load_scenarios("eval_open")[:2], 0)}
    assert findings["first turns"].good
    assert not {"parse rate", "echoes"} & set(findings)


@pytest.mark.models
def test_the_embedded_model_s_template_and_context_will_do():
    from negotiation_env.agents.specs import resolve_agent

    findings = {finding.what: finding for finding in examine_agent(resolve_agent("embedded"), SCENARIOS[:1])}
    assert findings["template"].good
    assert findings["end token"].good
    assert findings["context"].good


@pytest.mark.models
@pytest.mark.parametrize(
    ("name", "what", "told"),
    [
        ("qwen3", "template", r"drops from answered turns; serve a trained model with .* \*_training.jinja"),
        ("qwen3", "thinking", "switched off"),
        ("gemma3", "end token", "<end_of_turn> closes a turn; the tokenizer's EOS is <eos>"),
    ],
)
def test_what_is_special_about_a_template_is_told(name, what, told):
    findings = {finding.what: finding for finding in examine_agent(templated(name), SCENARIOS[:1])}
    assert re.search(told, findings[what].told)
    assert findings[what].good is not False


@pytest.mark.models
def test_a_template_that_rewrites_earlier_turns_will_not_do():
    agent = templated("qwen2_5")
    agent.model.tokens.tokenizer.chat_template = "{{ messages | length }}" + agent.model.tokens.tokenizer.chat_template
    findings = {finding.what: finding for finding in examine_agent(agent, SCENARIOS[:1])}
    assert findings["template"].good is False
    assert "set one that keeps them" in findings["template"].told


def templated(name):
    """A tiny network that speaks in another family's template."""
    from negotiation_env.agents.models.in_process import InProcessModel
    from tests.agents.test_chat_templates import rebuilt_tokenizer, tiny_network

    tokenizer = rebuilt_tokenizer(name)
    return ChatAgent(InProcessModel(tiny_network(len(tokenizer)), tokenizer, name), Sampling(1.0, 1.0, 4))
