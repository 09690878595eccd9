"""TRL's `environment_factory`: the tools alone, and one real step of its trainer with a tiny model that calls them."""

import json
import runpy
from dataclasses import replace

import pytest

from negotiation_env import FunctionAgent, ScriptedJudge, UserError, load_scenarios, play, play_many
from negotiation_env.agents.specs import resolve_agent
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import Game
from negotiation_env.guards.files import Constraint, Guards, Intervention
from negotiation_env.interop.trl import SeatTools, seat_rows
from tests.helpers.tool_caller import WORDS, tool_caller
from tests.interop.test_openenv import FOLDER, served

SCENARIOS = load_scenarios("eval_conflict")[:3]


GUARDS = Guards(
    "firm", (Constraint("no_offer", "not proposes", ladder=(Intervention.ASK_AGAIN, Intervention.REPLACE)),)
)


def propose(_: str) -> str:
    return WORDS


def tools(opponent="scripted:compromising", **settings):
    return SeatTools(opponent, ScriptedJudge(), SCENARIOS, **settings)


def bare(episode):
    """Without the names of the agents, and what only agents of ours report."""
    turns = tuple(replace(each, usage={}, model="") for each in episode.turns)
    return replace(episode, agents=("",) * len(episode.agents), turns=turns)


@pytest.mark.filterwarnings("ignore:scripted judge .* sees agreement by the tags")
@pytest.mark.parametrize(("seat", "settings"), [(0, {}), (1, {}), (0, {"guards": GUARDS, "prompts": "natural"})])
def test_games_through_the_tool_are_those_of_the_runner(seat, settings):
    environment, ended = tools("scripted:stubborn", seat=seat, **settings), []
    for row in seat_rows(SCENARIOS, seed=7):
        environment.reset(**row)
        while environment.say(WORDS) != "The negotiation is over.":
            pass
        ended.append(environment.episode)
    agents = [resolve_agent("scripted:stubborn")] * 2
    agents[seat] = FunctionAgent(propose, name="policy")
    games = [
        Game(each["scenario"], of, tuple(agents), each["seed"])
        for each, of in zip(seat_rows(SCENARIOS, 7), SCENARIOS, strict=True)
    ]
    expected = {each.id: bare(each) for each in play_many(games, ScriptedJudge(), writer=1 - seat, **settings)}
    assert any(each.broken([seat]) for each in ended) == bool(settings)
    assert {each.id: bare(each) for each in ended} == expected


def test_the_policy_is_told_its_brief_and_hears_the_others():
    environment = tools()
    row = seat_rows(SCENARIOS)[0]
    told = environment.reset(**row)
    assert SCENARIOS[0].dilemma in told
    assert SCENARIOS[0].personas[0].goal in told
    assert "PROPOSE:" in environment.say(WORDS)
    assert environment.say("So be it.\nACCEPT") == "The negotiation is over."
    assert environment.get_reward() == 3.0
    assert environment.episode.turns[-1].seat == 1  # another seat wrote the joint answer
    assert environment.say("More?") == "The negotiation is over."


def test_a_policy_that_stops_speaking_has_no_agreement():
    environment = tools()
    environment.reset(**seat_rows(SCENARIOS)[0])
    assert environment.get_reward() == 0.0


def test_an_unscored_game_is_no_reward():
    environment = tools(FunctionAgent(lambda _: 1 / 0, name="broken"))
    environment.reset(**seat_rows(SCENARIOS)[0])
    environment.say(WORDS)
    assert environment.get_reward() is None


def test_of_three_parties_the_policy_hears_both_others():
    scenario = load_scenarios("eval_multi")[0]
    environment = SeatTools(FunctionAgent(lambda _: "Not yet.", name="other"), ScriptedJudge(), [scenario])
    environment.reset(**seat_rows([scenario])[0])
    heard = environment.say(WORDS)
    assert heard.count("Not yet.") == scenario.seats - 1


def test_a_window_on_the_dialogue_is_refused():
    with pytest.raises(UserError, match="expected no history_turns: the trainer's chat only grows; got 2"):
        tools(history_turns=2)


def after_four_turns(question):
    return len(question.dialogue) >= 4


def after_one_step(factory, rows, folder):
    """What TRL's trainer logged, and whether the model's weights are others than before."""
    torch = pytest.importorskip("torch")
    datasets, trl = pytest.importorskip("datasets"), pytest.importorskip("trl")
    network, tokenizer = tool_caller()
    before = [each.detach().clone() for each in network.parameters()]
    trainer = trl.GRPOTrainer(
        model=network,
        args=trl.GRPOConfig(
            output_dir=str(folder),
            max_steps=1,
            num_generations=2,
            per_device_train_batch_size=2,
            max_completion_length=2048,
            max_tool_calling_iterations=2,
            temperature=0.3,
            learning_rate=1e-3,
            shuffle_dataset=False,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            bf16=False,
        ),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
        environment_factory=factory,
    )
    trainer.train()
    moved = any(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))
    return next(each for each in trainer.state.log_history if "reward" in each), moved


def game_with(judge):
    """The runner's of the first scenario, with a policy that calls the tool with the same words each time."""
    [row] = seat_rows(SCENARIOS[:1], seed=7)
    agents = (FunctionAgent(propose, name="policy"), resolve_agent("scripted:stubborn"))
    return bare(play(Game(row["scenario"], SCENARIOS[0], agents, row["seed"]), judge, writer=1))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are using 'environment_factory'")
def test_a_step_of_trls_trainer_plays_the_games_of_the_runner_and_trains(tmp_path):
    judges = [ScriptedJudge(score, agrees=after_four_turns) for score in (1.0, 4.0)]
    made = []

    def factory():
        made.append(SeatTools("scripted:stubborn", judges[len(made)], SCENARIOS))
        return made[-1]

    log, moved = after_one_step(factory, seat_rows(SCENARIOS[:1], seed=7), tmp_path)
    assert (log["tools/call_frequency"], log["tools/failure_frequency"]) == (2, 0)
    assert log["rewards/SeatTools/mean"] == 2.5
    assert moved
    assert [bare(each.episode) for each in made] == list(map(game_with, judges))


class Alternating:
    """A judge that scores 1 and 4 in turn, so that there is something to learn."""

    name = ScriptedJudge().name

    def __init__(self):
        self.judges = [ScriptedJudge(score, agrees=after_four_turns) for score in (1.0, 4.0)]

    def judge(self, questions):
        return [self._next(each).judge([each])[0] for each in questions]

    def _next(self, question):
        return self.judges.pop(0) if question.completion else self.judges[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are using 'environment_factory'", "default::DeprecationWarning")
def test_a_step_of_trls_trainer_through_an_openenv_server_plays_the_games_of_the_runner_and_trains(tmp_path):
    pytest.importorskip("openenv")
    from negotiation_env.interop.openenv_server import seat_app

    example, made = runpy.run_path(str(FOLDER / "trl_seat.py")), []
    with served(seat_app("scripted:stubborn", Alternating(), SCENARIOS, writer=1)) as url:

        def factory():
            made.append(example["RemoteSeat"](url))
            return made[-1]

        log, moved = after_one_step(factory, example["rows"](SCENARIOS[:1], seed=7), tmp_path)
        records = [Episode.from_json(json.dumps(each.client.state()["episode"])) for each in made]
        for each in made:
            each.client.close()
    assert (log["tools/call_frequency"], log["tools/failure_frequency"]) == (2, 0)
    assert log["rewards/RemoteSeat/mean"] == 2.5
    assert moved
    expected = [game_with(ScriptedJudge(score, agrees=after_four_turns)) for score in (1.0, 4.0)]
    assert sorted(map(bare, records), key=lambda each: each.reward) == expected
