"""A secret in a party's thoughts is on record, and in nothing that another party, a judge or a reader comes to see.

However the thought is marked, whoever thinks, and on every path: a loop of one's own, `play`, `eval`, `bench`, `train`.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from negotiation_env import LLMJudge, Reply, ScriptedJudge, raw_env
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.functions import FunctionAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.agents.seat import SeatEnv
from negotiation_env.benchmark.run import run_benchmark
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.episodes.evaluate import evaluate
from negotiation_env.episodes.runner import Game, play
from negotiation_env.judges.cache import ReplyCache
from negotiation_env.report import write_report
from negotiation_env.statistics.bradley_terry import bradley_terry
from negotiation_env.synthesis.generate import generate
from negotiation_env.text.thoughts import MARKERS
from tests.benchmark.checksum_judge import ChecksumJudge
from tests.benchmark.small_benchmark import FILES, cast_of, small
from tests.conftest import two_parties
from tests.endpoints.test_chat_completions import answer
from tests.helpers.endpoint_server import EndpointServer
from tests.helpers.llm_replies import judge_reply
from tests.synthesis.writers import SETTINGS, SOURCES, author, bags_of_words, judge, named
from tests.text.test_thoughts import LETTERS

SECRET = "orchid71kvass"
Message = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """One way to think before, or instead of, one's words: `said` makes of both what a model writes, `told` what an
    endpoint's message holds."""

    name: str
    said: Callable[[str, str], str] | None
    told: Callable[[str, str], Message]


def marked(name: str, said: Callable[[str, str], str]) -> Way:
    return Way(name, said, lambda thought, words: {"content": said(thought, words)})


def ways_of(marker: Any) -> list[Way]:
    opening, closing = marker.example, marker.closing
    found = [
        marked(f"{opening} closed", lambda thought, words: f"{opening}{thought}{closing}\n\n{words}"),
        marked(f"{opening} cut off", lambda thought, words: f"{opening}We {thought}"),
    ]
    if not marker.plain:
        found += [
            marked(f"{closing} alone", lambda thought, words: f"{thought}{closing}{words}"),
            marked(f"{opening} behind", lambda thought, words: f"{words}\n{opening}{thought}{closing}"),
        ]
    return found


def part(thought: str, words: str) -> Message:
    text = [{"type": "text", "text": words}] if words else []
    return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}, *text]}


MARKED = [way for marker in MARKERS for way in ways_of(marker)]
FIELDS = [
    Way("reasoning_content", None, lambda thought, words: {"content": words, "reasoning_content": thought}),
    Way("reasoning", None, lambda thought, words: {"content": words, "reasoning": thought}),
    Way("reasoning, no words", None, lambda thought, words: {"content": None, "reasoning": thought}),
    Way("parts", None, part),
    Way("parts, no words", None, lambda thought, words: part(thought, "")),
]
filler = st.text(LETTERS, max_size=20)
thoughts = st.builds("{} {} {}".format, filler, st.just(SECRET), filler)
quick = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Overheard(list[str]):
    """All that was shown to anybody, as text."""

    def agent(self, inner: Any) -> Any:
        """The agent, whose views are overheard."""
        overheard = self

        class Listening:
            name = "somebody"

            def act(self, requests: Any) -> list[Reply]:
                overheard.extend(json.dumps(request.messages, ensure_ascii=False) for request in requests)
                return inner.act(requests)

        return Listening()

    def judge(self, cache: ReplyCache | None = None) -> LLMJudge:
        """A judge whose prompts are overheard; the cache knows a reply by its prompt."""

        def reply(request: Any) -> str:
            self.append(repr(request))
            schema = {"json_schema": {"schema": request.schema}}
            return judge_reply({"messages": request.messages, "response_format": schema})

        return LLMJudge(FakeModel(reply), cache=cache)


def words_of(request: Any) -> str:
    """A policy's own: it proposes, accepts what it is offered, and answers when it is asked."""
    return ScriptedAgent("compromising").act([request])[0].text


def function_agent(way: Way, thought: str) -> Any:
    def speak(view: str) -> str:
        offered = "PROPOSE:" in view.rpartition("[HEARD]")[2]
        assert SECRET not in view
        return way.said(thought, "Good.\nACCEPT" if offered else "Let us share.\nPROPOSE: We share it in turns.")

    return FunctionAgent(speak, "function")


class Thinker:
    """An agent of one's own; where its thought is no part of the text it tells it apart."""

    name = "thinker"

    def __init__(self, way: Way, thought: str) -> None:
        self.way, self.thought = way, thought

    def act(self, requests: Any) -> list[Reply]:
        return [self.speak(words_of(request)) for request in requests]

    def speak(self, words: str) -> Reply:
        if self.way.said:
            return Reply(self.way.said(self.thought, words))
        return Reply("" if "no words" in self.way.name else words, thought=self.thought)


def model_agent(way: Way, thought: str) -> Any:
    speak = Thinker(way, thought).speak
    return ChatAgent(FakeModel(lambda request: speak(_words(request.messages))))


def _words(messages: Any) -> str:
    offered = "PROPOSE:" in messages[-1]["content"]
    return "Good.\nACCEPT" if offered else "Let us share.\nPROPOSE: We share it in turns."


def only_in_thoughts(line: str) -> None:
    """The secret is on record, as a thought, and in no other field."""
    record = json.loads(line)
    turns = [turn for said in record["said"] for turn in (said, *said.get("refused", ()))]
    told = [turn.pop("thought", "") for turn in turns]
    assert any(SECRET in thought for thought in told)
    assert SECRET not in json.dumps(record, ensure_ascii=False)


def play_overheard(thinker: Any, cache: ReplyCache | None = None) -> None:
    shown = Overheard()
    agents = (shown.agent(thinker), shown.agent(ScriptedAgent("compromising")))
    episode = play(
        Game("g", two_parties(), agents), shown.judge(cache), max_turns=4, complete_without_agreement=True,
        judge_sees_dialogue=True,
    )  # fmt: skip
    assert episode.outcome.completion
    assert SECRET not in "".join(shown)
    assert SECRET not in repr((episode.dialogue, episode.outcome, episode.rulings))
    only_in_thoughts(episode.to_json())


@quick
@given(st.sampled_from(MARKED), thoughts)
def test_in_a_loop_of_ones_own_nobody_is_shown_a_thought(way, thought):
    shown = Overheard()
    env = raw_env(scenarios=two_parties(), judge=shown.judge(), render_mode="ansi", complete_without_agreement=True)
    env.reset(seed=0)
    while env.game.speaker is not None:
        env.step(way.said(thought, _words(env.observe(env.agent_selection)["messages"])))
        shown += [env.state(), env.render(), repr(env.infos), repr((env.game.pending, env.rulings))]
        shown += [repr(env.observe(agent)) for agent in env.agents]
    assert SECRET not in "".join(shown)
    only_in_thoughts(env.episode(id="g").to_json())


@quick
@given(st.sampled_from(MARKED), thoughts, st.sampled_from([function_agent, Thinker, model_agent]))
def test_in_a_game_nobody_is_shown_what_an_agent_thinks(way, thought, agent):
    play_overheard(agent(way, thought))


@quick
@given(st.sampled_from(FIELDS), thoughts, st.sampled_from([Thinker, model_agent]))
def test_in_a_game_nobody_is_shown_what_an_agent_tells_as_thought(way, thought, agent):
    play_overheard(agent(way, thought))


@pytest.fixture(scope="module")
def server():
    """An endpoint; the name of the model says how it thinks, and what."""
    ways = {way.name: way for way in MARKED + FIELDS}

    def answered(asked):
        name, thought = json.loads(asked["model"])
        return answer(None, message=ways[name].told(thought, _words(asked["messages"])))

    with EndpointServer(answered) as found:
        yield found


@quick
@given(st.sampled_from(MARKED + FIELDS), thoughts)
def test_in_a_game_nobody_is_shown_what_a_model_at_an_endpoint_thinks(server, way, thought):
    asked = len(server.bodies)
    model = json.dumps([way.name, thought])
    play_overheard(ChatAgent(Endpoint(EndpointSettings(model, server.url, attempts=1))))
    sent = [json.dumps(body["messages"]) for body in server.requests[asked:]]
    assert len(sent) >= 2
    assert SECRET not in "".join(sent)


def test_what_guards_refuse_is_refused_without_its_thought():
    shown, thinker = Overheard(), model_agent(MARKED[0], SECRET)
    agents = (shown.agent(thinker), shown.agent(thinker))
    episode = play(Game("g", two_parties(), agents), shown.judge(), guards="careful", max_turns=2)
    assert episode.turns[1].refused[0].thought == SECRET
    assert SECRET not in "".join(shown)
    only_in_thoughts(episode.to_json())


def test_a_thought_is_in_no_key_of_a_judge_s_cache(tmp_path):
    one, other = (ReplyCache(tmp_path / name) for name in ("one", "other"))
    play_overheard(Thinker(MARKED[0], f"a {SECRET}"), one)
    play_overheard(Thinker(MARKED[0], f"b {SECRET}"), one)
    play_overheard(Thinker(FIELDS[0], f"a {SECRET}"), other)
    assert one.measure()[0] == other.measure()[0]


def test_the_one_who_sits_beside_a_thinking_opponent_is_not_shown_its_thoughts():
    game = SeatEnv(opponent=Thinker(MARKED[0], SECRET), judge=ChecksumJudge(), scenarios=two_parties())
    shown = [game.reset(seed=0), game.step("Let us share.\nPROPOSE: We share it in turns."), game.step("We share it.")]
    assert SECRET not in repr(shown)


def visible(html: str) -> str:
    """A report without the packed part, which is unfolded on demand."""
    return re.sub(r'<script type="[^"]+" id="packed">.*?</script>', "", html, flags=re.DOTALL)


@pytest.mark.parametrize("way", [MARKED[0], MARKED[1], FIELDS[0]], ids=lambda way: way.name)
def test_an_evaluation_and_its_report_show_no_thought(tmp_path, way):
    shown = Overheard()
    agents = [shown.agent(Thinker(way, SECRET)), shown.agent(ScriptedAgent("compromising"))]
    rules = {"complete_without_agreement": True}
    evaluate(agents, shown.judge(), [two_parties("a"), two_parties("b")], tmp_path, **rules)
    files = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.json*")}
    for line in files.pop("episodes.jsonl").splitlines():
        only_in_thoughts(line)
    assert SECRET not in "".join([*shown, *files.values()])
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert "PROPOSE: " in visible(html)
    assert SECRET not in visible(html)


@pytest.mark.parametrize("way", [MARKED[0], FIELDS[0]], ids=lambda way: way.name)
def test_a_benchmark_asks_and_counts_without_thoughts(tmp_path, monkeypatch, way):
    monkeypatch.setattr("negotiation_env.benchmark.win_tables.bradley_terry", partial(bradley_terry, draws=5))
    shown, judge = Overheard(), ChecksumJudge()
    config = small(conflict=1, open=1, comparisons={"quality": "checksum"})
    for name in ("judge", "compare", "examine"):
        setattr(judge, name, _overheard(shown, getattr(judge, name)))
    run_benchmark(config, cast_of(config, judge, lambda spec: shown.agent(Thinker(way, SECRET))), tmp_path)
    found = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.is_file()}
    assert all(found[name] for name in FILES)
    for line in found.pop("episodes.jsonl").splitlines():
        only_in_thoughts(line)
    assert SECRET not in "".join([*shown, *found.values()])


def _overheard(shown: Overheard, method: Callable[..., Any]) -> Callable[..., Any]:
    def asked(items: Any) -> Any:
        shown.append(repr(items))
        return method(items)

    return asked


def test_a_thinking_author_and_its_judge_leave_the_same_files_as_those_that_do_not(tmp_path):
    def thinking(model: Any, way: Way) -> Any:
        def reply(request: Any) -> Reply:
            (said,) = model.chat([request])
            told = {"text": way.said(SECRET, said.text)} if way.said else {"thought": SECRET}
            return replace(said, **told)

        return named(model.name, reply)

    settings = replace(SETTINGS, n=6)
    makers = {"plain": (author(), judge())}
    makers |= {"thinking": (thinking(author(), MARKED[0]), thinking(judge(), FIELDS[0]))}
    for name, (writer, grader) in makers.items():
        generate(settings, writer, grader, tmp_path / name, SOURCES, encode=bags_of_words)
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()} for name in makers
    ]
    assert files[0] == files[1]


def thinking_opponent(view: str) -> str:
    """An opponent of a training run, as its spec names it."""
    return f"<think>{SECRET}</think>Let us share."


@pytest.mark.models
def test_in_training_neither_side_nor_the_judge_is_shown_a_thought(small_model, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from negotiation_env.agents.models.chat_tokens import ChatTokens
    from tests.training.test_proofs import agree_at_turn_three, batch_of, on_record, trainer_of, varied_score

    decode, shown = ChatTokens.text, Overheard()
    judge = ScriptedJudge(score=varied_score, agrees=agree_at_turn_three)
    monkeypatch.setattr(judge, "judge", _overheard(shown, judge.judge))
    monkeypatch.setattr(ChatTokens, "text", lambda self, ids: f"<think>{SECRET}</think>{decode(self, ids)}")
    trainer = trainer_of(small_model, tmp_path, judge, opponent={f"function:{__name__}:thinking_opponent": 1.0})
    batch = batch_of(trainer)
    tokenizer, episodes = trainer.processing_class, on_record(tmp_path)
    shown += [tokenizer.decode(turn.tokens.context) for each in episodes for turn in each.turns if turn.tokens]
    shown += tokenizer.batch_decode(batch["prompt_ids"])
    assert SECRET not in "".join(shown)
    assert any("Let us share." in each for each in shown)
    for line in (tmp_path / "episodes.jsonl").read_text(encoding="utf-8").splitlines():
        only_in_thoughts(line)
