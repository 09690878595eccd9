"""The LLM judge at the real HTTP boundary; the server's replies are a function of what it is shown."""

import json

import pytest
from pydantic import TypeAdapter

from negotiation_env import Question, Reply, Scenario, Utterance, Verdict
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.game.events import QuestionKind
from negotiation_env.judges.asking import judged
from negotiation_env.judges.cache import ReplyCache
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings, _Answer
from negotiation_env.judges.turn_form import form_of
from tests.conftest import three_parties, two_parties
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply, level_of

ANSWER = "We dig a second well in May; Lea pays half and Noor's pupils keep the log of the water level."
SCORE = Question(QuestionKind.SCORE, two_parties(), completion=ANSWER)
AGREED = (Utterance(0, "I offer this.\nPROPOSE: We share the well."), Utterance(1, "So be it, then.\nACCEPT"))
AGREEMENT = Question(QuestionKind.AGREEMENT, two_parties(), AGREED)


def judge_at(server, cache=None, **settings):
    endpoint = Endpoint(EndpointSettings("m", server.url, attempts=2))
    return LLMJudge(endpoint, settings=LLMJudgeSettings(**settings), cache=cache)


def replying(**changes):
    """The good reply with some top-level fields exchanged."""

    def answer(asked):
        return json.dumps(json.loads(judge_reply(asked)) | changes)

    return answer


def served(level, quote="We dig a second well"):
    return {"quote": quote, "served": level}


def test_a_score_is_what_the_reply_says():
    with EndpointServer(judge_reply) as server:
        verdict = judge_at(server).judge([SCORE])[0]
    assert verdict.value == level_of(ANSWER)
    assert verdict.reason == "by its checksum"


def test_every_call_is_kept_with_prompt_reply_model_and_usage():
    with EndpointServer(judge_reply) as server:
        call = judge_at(server).judge([SCORE])[0].calls[0]
    assert list(call.messages) == server.requests[0]["messages"]
    assert json.loads(call.reply)["score"] == level_of(ANSWER)
    assert (call.model, call.error, call.usage["prompt_tokens"]) == ("m-2026", None, 100)


def test_a_score_is_capped_by_the_worse_served_goal():
    parties = {"party_1": served(5), "party_2": served(1)}
    with EndpointServer(replying(parties=parties, score=5)) as server:
        verdict = judge_at(server).judge([SCORE])[0]
    assert verdict.value == 2.0
    assert (verdict.details["worst_goal"], verdict.details["capped"]) == (1, True)


def test_an_open_question_has_no_goals_to_cap_its_score():
    question = Question(QuestionKind.SCORE, Scenario("q", "How do we share a well?"), completion=ANSWER)
    with EndpointServer(judge_reply) as server:
        verdict = judge_at(server).judge([question])[0]
    assert (verdict.value, verdict.details["worst_goal"]) == (level_of(ANSWER), None)


@pytest.mark.parametrize("quote", ["We abolish the well", "", "...", "We dig a second well and more"])
def test_a_served_goal_without_a_verbatim_quote_leaves_it_unscored(quote):
    parties = {"party_1": served(4), "party_2": served(4, quote)}
    with EndpointServer(replying(parties=parties, score=4)) as server:
        verdict = judge_at(server, attempts=2).judge([SCORE])[0]
    assert verdict.value is None
    assert "party_2" in verdict.reason
    assert len(verdict.calls) == 2


@pytest.mark.parametrize(
    "reply",
    ["5", '{"score": 5}', "Score: 5/5", '{"score": 5} {"score": 1}', "null", '{"agreed": true}', "[" * 5000],
)
def test_what_cannot_be_read_is_asked_again_and_then_unscored(reply):
    with EndpointServer(lambda _: reply) as server:
        verdicts = judge_at(server, attempts=3).judge([SCORE, AGREEMENT])
    assert [verdict.value for verdict in verdicts] == [None, None]
    assert len(server.bodies) == 6
    assert all(call.error for verdict in verdicts for call in verdict.calls)


@pytest.mark.parametrize("wrong", [6, -1, 4.5, "4", True, None])
def test_a_score_off_the_scale_is_no_score(wrong):
    with EndpointServer(replying(score=wrong)) as server:
        assert judge_at(server, attempts=1).judge([SCORE])[0].value is None


def test_a_field_more_or_less_than_the_schema_is_no_reply():
    with EndpointServer(replying(bonus=1)) as server:
        assert judge_at(server, attempts=1).judge([SCORE])[0].value is None


def test_one_that_is_readable_at_the_second_try_counts_and_both_are_kept():
    replies = iter(["I'd say 5.", None])
    with EndpointServer(lambda asked: next(replies) or judge_reply(asked)) as server:
        verdict = judge_at(server).judge([SCORE])[0]
    assert verdict.value == level_of(ANSWER)
    assert [bool(call.error) for call in verdict.calls] == [True, False]
    first, second = server.requests
    assert (first["temperature"], second["temperature"]) == (0.0, 0.5)  # greedy, it would say the same again
    assert first["seed"] != second["seed"]


def test_an_endpoint_that_fails_for_good_leaves_its_question_unscored_and_not_the_others():
    with EndpointServer(judge_reply, lambda _, body: "500" if b"second well" in body else None) as server:
        verdicts = judge_at(server).judge([SCORE, AGREEMENT])
    assert [verdict.value for verdict in verdicts] == [None, 1.0]
    assert "HTTP 500" in verdicts[0].reason


def test_agreement_needs_a_quote_of_each_side_out_of_its_own_turns():
    with EndpointServer(judge_reply) as server:
        judge = judge_at(server)
        assert judge.judge([AGREEMENT])[0].value == 1.0
        for stolen in ("So be it, then.", "", "I never said that"):
            server.answer = replying(parties={"party_1": stolen, "party_2": "So be it, then."}, agreed=True)
            asked = len(server.bodies)
            verdict = judge.judge([AGREEMENT])[0]
            assert (verdict.value, len(verdict.calls)) == (None, 3)
            assert "party_1" in verdict.reason
            assert len(server.bodies) == asked + 3


def test_an_agreement_that_is_quoted_at_the_second_try_counts_and_a_no_needs_no_quote():
    parties = {"party_1": "I never said that", "party_2": "So be it, then."}
    replies = iter([replying(parties=parties, agreed=True), judge_reply, replying(parties=parties, agreed=False)])
    with EndpointServer(lambda asked: next(replies)(asked)) as server:
        assert judge_at(server).judge([AGREEMENT])[0].value == 1.0
        verdict = judge_at(server).judge([AGREEMENT])[0]
    assert (verdict.value, verdict.details["unquoted"]) == (0.0, [0])


def test_a_slip_in_a_quote_is_asked_again_alike_for_an_agreement_and_a_score():
    slip = {"party_1": "I offered this.", "party_2": "So be it, then."}
    served_by_a_slip = {key: served(4, "We dug a second well") for key in slip}
    with EndpointServer(replying(parties=slip, agreed=True)) as server:
        agreement = judge_at(server).judge([AGREEMENT])[0]
        server.answer = replying(parties=served_by_a_slip)
        score = judge_at(server).judge([SCORE])[0]
    assert [(each.value, len(each.calls)) for each in (agreement, score)] == [(None, 3), (None, 3)]


def test_a_judge_of_other_prompts_has_another_id_and_finds_nothing_of_the_old_one(tmp_path, monkeypatch):
    cache = ReplyCache(tmp_path / "replies.sqlite")
    with EndpointServer(judge_reply) as server:
        now = judge_at(server, cache)
        now.judge([SCORE])
        monkeypatch.setattr("negotiation_env.judges.llm.VERSION", "v1")
        monkeypatch.setattr("negotiation_env.judges.material.VERSION", "v1")
        before = judge_at(server, cache)
        assert " [v2 " in now.name
        assert " [v1 " in before.name
        assert not before.judge([SCORE])[0].calls[0].cached


def test_quotes_may_differ_in_case_white_space_and_quotation_marks():
    said = (Utterance(0, "Fine, “the log” it is."), Utterance(1, "So be it"))
    question = Question(QuestionKind.AGREEMENT, two_parties(), said)
    quotes = {"party_1": 'fine,  "THE LOG"\nit is', "party_2": "so be it."}
    with EndpointServer(replying(parties=quotes, agreed=True)) as server:
        assert judge_at(server).judge([question])[0].value == 1.0


def test_three_parties_are_judged_and_each_must_be_quoted():
    said = (*AGREED, Utterance(2, "I agree too"))
    question = Question(QuestionKind.AGREEMENT, three_parties(), said)
    with EndpointServer(judge_reply) as server:
        verdict = judge_at(server).judge([question])[0]
        assert (verdict.value, len(verdict.details["parties"])) == (1.0, 3)
        silent = Question(QuestionKind.AGREEMENT, three_parties(), AGREED)
        assert judge_at(server).judge([silent])[0].value is None


def test_with_log_probabilities_the_score_is_the_expected_value_over_its_token():
    level = str(level_of(ANSWER))
    shares = {level: {level: 0.5, "5": 0.3, " 1": 0.1, "x": 0.1}}
    expected = (0.5 * int(level) + 0.3 * 5 + 0.1 * 1) / 0.9
    parties = {"party_1": served(5), "party_2": served(5)}
    with EndpointServer(replying(parties=parties), logprobs=shares) as server:
        verdict = judge_at(server, samples=5).judge([SCORE])[0]
    assert verdict.value == pytest.approx(expected)
    assert len(server.bodies) == 1


def test_with_log_probabilities_agreement_has_a_probability():
    with EndpointServer(judge_reply, logprobs={"true": {"true": 0.6, "false": 0.2}}) as server:
        verdict = judge_at(server).judge([AGREEMENT])[0]
    assert verdict.value == 1.0
    assert verdict.details["probability"] == pytest.approx(0.75)


def test_without_log_probabilities_the_score_is_the_mean_of_the_samples():
    parties = {"party_1": served(5), "party_2": served(5)}
    scores = iter([1, 4, 4])
    with EndpointServer(lambda asked: replying(parties=parties, score=next(scores))(asked)) as server:
        verdict = judge_at(server, samples=3).judge([SCORE])[0]
    assert verdict.value == pytest.approx(3.0)
    assert verdict.details["deviation"] > 0
    assert sorted(each["temperature"] for each in server.requests) == [0.0, 1.0, 1.0]
    assert len({each["seed"] for each in server.requests}) == 3


def test_a_cached_question_is_not_paid_again_and_a_failure_is_never_kept(tmp_path):
    cache = ReplyCache(tmp_path / "replies.sqlite")
    with EndpointServer(lambda _: "nonsense") as server:
        judge = judge_at(server, cache, attempts=1)
        assert judge.judge([SCORE])[0].value is None
        server.answer = judge_reply
        first, second = judge.judge([SCORE])[0], judge.judge([SCORE])[0]
        assert len(server.bodies) == 2
        assert (first.value, second.value) == (level_of(ANSWER), level_of(ANSWER))
        assert [first.calls[0].cached, second.calls[0].cached] == [False, True]
        judge.fresh().judge([SCORE])
        assert len(server.bodies) == 3


def test_a_cached_reply_that_no_longer_counts_is_asked_for_again_and_replaced(tmp_path):
    cache = ReplyCache(tmp_path / "replies.sqlite")
    with EndpointServer(judge_reply) as server:
        judge = judge_at(server, cache, attempts=1)
        request = judge._request(_Answer(form_of(SCORE, judge.criteria), 0), 0)
        for useless in (Reply("5"), Reply("", error="timeout"), Reply(judge_reply(asked_of(request)), error="timeout")):
            cache.put(judge.model.name, request, useless)
            verdict = judge.judge([SCORE])[0]
            assert (verdict.value, verdict.calls[0].cached) == (level_of(ANSWER), False)
            assert judge.judge([SCORE])[0].calls[0].cached


def test_replies_that_are_read_otherwise_than_before_have_a_judge_of_another_id(monkeypatch):
    with EndpointServer(judge_reply) as server:
        before = judge_at(server).name
        monkeypatch.setattr("negotiation_env.judges.llm.READING", 1)
        assert judge_at(server).name != before


def test_a_cached_reply_with_a_quote_that_cuts_a_word_is_asked_for_again(tmp_path):
    cache = ReplyCache(tmp_path / "replies.sqlite")
    with EndpointServer(judge_reply) as server:
        judge = judge_at(server, cache, attempts=1)
        request = judge._request(_Answer(form_of(SCORE, judge.criteria), 0), 0)
        said = json.loads(judge_reply(asked_of(request)))
        cut = {key: {"quote": ANSWER.split()[1][1:], "served": 5} for key in said["parties"]}
        cache.put(judge.model.name, request, Reply(json.dumps({**said, "parties": cut})))
        assert not judge.judge([SCORE])[0].calls[0].cached


def asked_of(request):
    return {"messages": request.messages, "response_format": {"json_schema": {"schema": request.schema}}}


@pytest.mark.parametrize("count", [0, 3])
def test_a_model_that_answers_too_little_or_too_much_leaves_its_questions_unscored(count):
    class Miscounting(FakeModel):
        def chat(self, requests):
            return [Reply("5")] * count

    verdicts = judged(LLMJudge(Miscounting()), [SCORE, AGREEMENT])
    assert [verdict.value for verdict in verdicts] == [None, None]
    assert verdicts[0].reason == f"expected 2 replies from fake model, one a request; got {count}"


def test_a_model_that_raises_leaves_its_questions_unscored_and_the_calls_before_on_record():
    class Failing(FakeModel):
        def chat(self, requests):
            replies = super().chat(requests)
            if len(self.calls) > 1:
                raise ConnectionError("gone")
            return replies

    model = Failing(lambda _: Reply("5", usage={"cost": 0.5}))
    verdicts = judged(LLMJudge(model), [SCORE, AGREEMENT])
    assert [verdict.value for verdict in verdicts] == [None, None]
    assert "fake model raised ConnectionError" in verdicts[0].reason
    assert [call.usage.get("cost") for verdict in verdicts for call in verdict.calls] == [0.5, None] * 2
    assert model.calls == [2, 2]


def test_a_reply_of_another_revision_than_the_pinned_one_does_not_count():
    with EndpointServer(judge_reply) as server:
        assert judge_at(server, revision="m-2026").judge([SCORE])[0].value is not None
        verdict = judge_at(server, revision="m-2025", attempts=1).judge([SCORE])[0]
    assert verdict.value is None
    assert "m-2025" in verdict.reason


def test_the_id_changes_with_what_can_change_a_score():
    with EndpointServer(judge_reply) as server:
        names = {judge_at(server, **settings).name for settings in ({}, {"samples": 3}, {"logprobs": False})}
    assert len(names) == 3
    assert all(name.startswith("openai:m@") for name in names)


def test_a_reply_with_half_a_character_is_kept_so_that_it_can_be_written():
    with EndpointServer(lambda _: "half \ud83d") as server:
        verdict = judge_at(server, attempts=1).judge([SCORE])[0]
    assert (verdict.value, verdict.calls[0].reply) == (None, "half \\ud83d")
    TypeAdapter(Verdict).dump_json(verdict)
