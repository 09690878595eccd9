import re
import threading

import pytest

from negotiation_env import Reply, ScriptedJudge
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import Game, derive_seed, play, play_many
from negotiation_env.errors import Diverged, EngineError, ModelError, UserError
from tests.conftest import three_parties, two_parties


def games(model, count=4):
    agent = ChatAgent(model)
    return [Game(f"g{n}", two_parties(), (agent, agent), seed=n) for n in range(count)]


def test_one_agent_speaks_for_all_its_games_in_one_batch():
    model, judge = FakeModel(), ScriptedJudge()
    episodes = list(play_many(games(model), judge))
    assert [episode.outcome.status for episode in episodes] == ["agreed"] * 4
    assert model.calls == [4, 4, 4]  # two turns and the completion
    assert judge.calls == [4, 4]  # agreement and score


def test_in_lockstep_games_are_taken_a_batch_at_a_time_so_that_there_may_be_any_number():
    taken = []

    def endless():
        while True:
            taken.extend(games(FakeModel(), 1))
            yield taken[-1]

    played = play_many(endless(), ScriptedJudge(), batch=3)
    assert [next(played).outcome.status for _ in range(4)] == ["agreed"] * 4
    assert len(taken) == 6


def test_workers_play_the_same_games():
    def outcomes(workers):
        return {e.id: e.turns for e in play_many(games(FakeModel()), ScriptedJudge(), workers=workers)}

    assert outcomes(1) == outcomes(3)


def test_when_a_game_raises_no_other_begins_and_those_under_way_are_still_yielded():
    begun, both = set(), threading.Barrier(2)

    def reply(request):
        game = request.conversation.split("/")[0]
        if game not in begun:
            begun.add(game)
            if game in ("g0", "g1"):
                both.wait(10)
        if game == "g0":
            raise UserError("no weights")
        return "Hm."

    ended, episodes = set(), play_many(games(FakeModel(reply), 20), ScriptedJudge(), workers=2)
    noting = (ended.add(episode.id) for episode in episodes)
    with pytest.raises(UserError, match="no weights"):
        list(noting)
    assert ended == begun - {"g0"}
    assert len(begun) < 20


def test_with_workers_a_game_is_taken_when_a_worker_is_free():
    taken = []
    offered = (taken.append(game.id) or game for game in games(FakeModel(), 5))
    episodes = play_many(offered, ScriptedJudge(), workers=2)
    next(episodes)
    assert len(taken) <= 3
    assert len(list(episodes)) == 4


def test_a_model_that_fails_costs_its_own_game_only():
    def fails_once(request):
        return Reply("", error="timeout") if request.conversation.startswith("g1/") else "Hm."

    episodes = {e.id: e for e in play_many(games(FakeModel(fails_once)), ScriptedJudge())}
    assert episodes["g1"].outcome.status == "unscored"
    assert "timeout" in episodes["g1"].outcome.reason
    assert {episodes[name].outcome.status for name in ("g0", "g2", "g3")} == {"no_agreement"}


class Own:
    """An agent that does the same whatever it is asked."""

    name = "my own"

    def __init__(self, act):
        self.act = act


def raising(error):
    def act(requests):
        raise error

    return act


SLIPS = {
    "raises": (raising(KeyError("mood")), r"my own raised KeyError at test_runner\.py:\d+: 'mood'"),
    "leaves": (raising(SystemExit(3)), r"my own raised SystemExit at .*"),
    "names its model's failure": (raising(ModelError("no template")), "no template"),
    "gives nothing": (lambda _: None, "my own raised TypeError.*"),
    "leaves out a reply": (lambda requests: [], "expected 1 answers from the my own, one a question; got 0"),
    "gives words": (lambda requests: ["Hm."] * len(requests), "my own gave a str; expected a Reply"),
    "says nothing": (
        lambda requests: [Reply(None)] * len(requests),
        "my own gave a Reply with a NoneType as its text; expected a str",
    ),
    "counts amiss": (
        lambda requests: [Reply("Hm.", usage=3)] * len(requests),
        "my own gave a Reply that no record can hold: .*",
    ),
}


@pytest.mark.parametrize(("act", "told"), SLIPS.values(), ids=SLIPS)
def test_a_slip_of_an_agent_leaves_its_game_unscored_and_says_what_was_expected(act, told):
    episode = play(Game("g", two_parties(), (Own(act), Own(act))), ScriptedJudge())
    assert re.fullmatch(f"the agent failed: {told}", episode.failure), episode.failure
    assert (episode.failed.seat, Episode.from_json(episode.to_json())) == (0, episode)


def test_a_game_at_which_an_agent_raises_costs_no_other_game():
    def act(requests):
        if any(request.game == "g1" for request in requests):
            raise RuntimeError("not this one")
        return [Reply("Hm.") for _ in requests]

    played = play_many([Game(f"g{n}", two_parties(), (Own(act),) * 2) for n in range(3)], ScriptedJudge())
    assert {each.id: each.outcome.status for each in played} == {
        "g0": "no_agreement",
        "g1": "unscored",
        "g2": "no_agreement",
    }


@pytest.mark.parametrize("error", [UserError("no weights"), EngineError("stale"), Diverged("nan"), KeyboardInterrupt()])
def test_what_is_no_slip_of_an_agent_ends_the_run(error):
    with pytest.raises(type(error)):
        play(Game("g", two_parties(), (Own(raising(error)),) * 2), ScriptedJudge())


def test_the_record_holds_every_turn_and_every_verdict():
    episode = play(games(FakeModel(), 1)[0], ScriptedJudge(score=2.5))
    assert [said.task for said in episode.turns] == ["utterance", "utterance", "completion"]
    assert [(ruling.kind, ruling.turn) for ruling in episode.rulings] == [("agreement", 2), ("score", 2)]
    assert episode.reward == 2.5


def test_single_agents_answer_in_one_batch_and_the_record_holds_answer_and_score():
    model, judge = FakeModel(), ScriptedJudge(score=2.5)
    episodes = list(play_many(games(model), judge, max_turns=0))
    assert (model.calls, judge.calls) == ([4], [4])
    for episode in episodes:
        assert [(said.seat, said.task) for said in episode.turns] == [(0, "completion")]
        assert [(ruling.kind, ruling.turn) for ruling in episode.rulings] == [("score", 0)]
        assert (episode.outcome.status, episode.outcome.agreed, episode.reward) == ("answered", False, 2.5)
        assert Episode.from_json(episode.to_json()) == episode


def test_the_writer_of_the_completion_can_be_chosen():
    agent = ChatAgent(FakeModel())
    episode = play(Game("g", two_parties(), (agent, agent), writer=1), ScriptedJudge())
    assert episode.turns[-1].seat == 1


def test_a_game_needs_an_agent_for_each_party():
    with pytest.raises(ValueError, match="3 seats need 3 agents, got 1"):
        Game("g", three_parties(), (ChatAgent(FakeModel()),))


def test_a_spec_in_place_of_an_agent_is_told():
    with pytest.raises(UserError, match=r"expected an Agent .*, got 'scripted:stubborn'; resolve_agent makes one"):
        Game("g", two_parties(), ("scripted:stubborn",) * 2)


def alone():
    return Game("g", two_parties(), (ChatAgent(FakeModel()),) * 2)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: Game("g", "ec-001", (1, 2)), "game 'g': expected a Scenario, got 'ec-001'"),
        (lambda: Game("g", two_parties(), (1, 2)), r"expected an Agent \(name, act\), got 1"),
        (lambda: play("ec-001", ScriptedJudge()), r"expected a Game \(id, scenario, agents\), got 'ec-001'"),
        (lambda: next(play_many([two_parties()], ScriptedJudge())), "expected a Game .*, got Scenario"),
        (lambda: next(play_many(alone(), ScriptedJudge())), "expected games, such as a list of them, got one"),
        (lambda: next(play_many([], ScriptedJudge(), batch=0)), "at least 1 game at a time; got batch=0"),
    ],
)
def test_what_cannot_be_played_is_told(call, told):
    with pytest.raises((UserError, ValueError), match=told):
        call()


def test_a_judge_may_be_named():
    agent = ChatAgent(FakeModel())
    game = Game("g", two_parties(), (agent, agent))
    assert play(game, "scripted").outcome.score == play(game, ScriptedJudge()).outcome.score == 3.0


def test_seeds_are_the_same_everywhere():
    assert derive_seed(0, "x") == 6337171427373630499
    assert derive_seed(0, "x") != derive_seed(0, "y")
