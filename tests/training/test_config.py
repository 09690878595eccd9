from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negotiation_env import Persona, Scenario, ScriptedJudge
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.conversations import Conversations
from negotiation_env.episodes.runner import Game, play
from negotiation_env.errors import UserError
from negotiation_env.game.events import Task
from negotiation_env.training.config import TrainConfig, load_config
from negotiation_env.training.rows import learner_rows
from negotiation_env.training.run_folder import check_run, rewind, to_toml, write_config
from tests.conftest import three_parties, two_parties

EXAMPLE = Path(__file__).parents[2] / "examples" / "selfplay_embedded.toml"


def test_the_example_config_is_valid():
    assert load_config(EXAMPLE).model == "embedded"


def test_the_command_line_wins_over_the_file():
    config = load_config(EXAMPLE, {"max_steps": "3", "learning_rate": "1e-4", "opponent": "base", "learner_seat": "1"})
    assert (config.max_steps, config.learning_rate, config.opponent, config.learner_seat) == (3, 1e-4, "base", 1)


def test_one_name_is_a_list_of_one():
    config = load_config(EXAMPLE, {"guards": "anti_hacking", "report_to": "tensorboard"})
    assert (config.guards, config.report_to) == (("anti_hacking",), ("tensorboard",))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"max_stepz": "3"}, r"there is no key 'max_stepz' \(did you mean max_steps\?\); the keys are method, model"),
        ({"max_steps": "many"}, "max_steps: .*got 'many'"),
        ({"trained_tokens": "all"}, "trained_tokens: .*'dialogue'"),
        ({"micro_batch": "5"}, "micro_batch must divide group_size x groups_per_step = 12; it is 5: take 4, say"),
        ({"quantise": "4bit", "fine_tuning": "full"}, "4-bit weights cannot be trained"),
        ({"quantise": "4bit", "engine": "vllm:http://127.0.0.1:1"}, "are not the 4-bit ones that train"),
        ({"engine": "vllm:http://127.0.0.1:8000", "fine_tuning": "full"}, "is handed adapters"),
        ({"engine": "sglang"}, "engine: "),
        ({"guard_penalty": "0.5"}, "nothing can be broken without guards"),
        ({"guards": '["kind"]'}, "no guards 'kind'; expected one of careful"),
        ({"guards": '["careful"]', "method": "single-agent"}, "takes no turns that they could look at"),
        ({"max_thought_tokens": "64"}, "the embedded model does not think"),
        ({"max_thought_tokens": "1", "model": "some/model"}, "a thought takes two marks, so the least is 2"),
        ({"judge": "self", "held_out_judge": "none"}, "name a held_out_judge, or set eval_split"),
        ({"learner_seat": "both", "opponent": "base"}, 'leaves no seat for an opponent; leave opponent at "frozen:1"'),
        ({"learner_seat": "both", "trained_tokens": "completion"}, "one of them writes the answer: take 0 or 1"),
    ],
)
def test_a_wrong_key_or_value_is_named(overrides, told):
    with pytest.raises(UserError, match=told):
        load_config(EXAMPLE, overrides)


def test_a_history_window_makes_a_row_of_each_of_the_learners_turns():
    assert TrainConfig().rows_per_game == 1
    assert TrainConfig(history_turns=1).rows_per_game == 4
    assert TrainConfig(history_turns=2).rows_per_game == 3  # its second turn sees all that was said, and goes on
    assert TrainConfig(history_turns=1, learner_seat=1).rows_per_game == 3
    assert TrainConfig(learner_seat="both").rows_per_game == 2
    assert TrainConfig(history_turns=1, learner_seat="both").rows_per_game == 7
    assert TrainConfig(history_turns=2, trained_tokens="dialogue+completion").rows_per_game == 4
    assert TrainConfig(history_turns=2, trained_tokens="completion").rows_per_game == 1
    assert TrainConfig(history_turns=2, method="single-agent").rows_per_game == 1


class Ids:
    """Stands for a tokenizer: an id a message, and one that no other reply has for each reply."""

    end, ends, marks = 0, frozenset({0}), None
    thinking = anew = False

    def prompt(self, messages):
        return [1] * len(messages)

    follow_up = prompt

    def text(self, ids):
        return f"Word {ids[0]}."


class Speaker:
    """A model whose conversations are kept as an engine keeps them."""

    name = "speaker"

    def __init__(self):
        self._conversations = Conversations(Ids())
        self._said = 1

    def chat(self, requests):
        drafts = [self._conversations.draft(request) for request in requests]
        for draft in drafts:
            self._said += 1
            draft.take([self._said, Ids.end], [-1.0, -1.0])
        return [self._conversations.reply(draft) for draft in drafts]


def rows_of_the_longest_game(config, parties):
    personas = tuple(Persona(f"P{number}", "You want water.") for number in range(parties))
    agents = (ChatAgent(Speaker()),) * parties
    game = Game("g", Scenario("s", "Whose water?", personas), agents, writer=config.learner_seat)
    judge = ScriptedJudge(agrees=lambda question: len(question.dialogue) == config.max_turns)
    return len(learner_rows(play(game, judge, **config.rules), config.learner_seat, Ids.end, config.trained_tasks))


@pytest.mark.parametrize("trained", ["dialogue", "dialogue+completion", "completion"])
@pytest.mark.parametrize("parties", [2, 3, 4])
def test_no_game_has_more_rows_than_are_foreseen_and_between_two_parties_some_has_as_many(parties, trained):
    for turns, window in product(range(parties, 10), range(1, 11)):
        settings = {"max_turns": turns, "history_turns": window, "trained_tokens": trained}
        configs = [TrainConfig(**settings, learner_seat=seat) for seat in (0, 1)]
        rows = [rows_of_the_longest_game(config, parties) for config in configs]
        assert all(count <= config.rows_per_game for count, config in zip(rows, configs, strict=True))
        assert parties > 2 or trained != "dialogue" or max(rows) == TrainConfig(**settings).rows_per_game


@pytest.mark.parametrize(
    ("settings", "scenario", "told"),
    [
        ({"max_turns": 2}, three_parties(), "each of 3 parties speak once, or be 0; got 2; change max_turns"),
        ({}, Scenario("q", "What is fair?"), "nobody negotiates over the open question 'q'"),
        ({"method": "single-agent", "learner_seat": 1}, Scenario("q", "What is fair?"), "a seat from 0 to 0; got 1"),
    ],
)
def test_scenarios_that_the_rules_do_not_fit_are_told(settings, scenario, told):
    config = TrainConfig(**settings)
    with pytest.raises(UserError, match=f"the scenarios do not fit the config: .*{told}"):
        config.check_fit([two_parties(), scenario], config.seats)


def test_an_open_question_fits_a_single_agent():
    TrainConfig(method="single-agent").check_fit([Scenario("q", "What is fair?")], [0])


def test_the_steps_rows_are_shared_out_evenly_or_not_at_all():
    assert TrainConfig(history_turns=2, micro_batch=2).rows_per_process(4) == 12
    with pytest.raises(UserError, match="3 processes x micro_batch 1 must divide"):
        TrainConfig().rows_per_process(3)


def test_the_single_agent_answers_alone_and_trains_on_its_answer():
    config = TrainConfig(method="single-agent", personas=False)
    assert config.rules == {"max_turns": 0, "personas": False}
    assert config.trained_tasks == (Task.COMPLETION,)


def test_without_the_agreement_gate_an_answer_is_written_and_rewarded_anyway():
    rules = TrainConfig(agreement_gate=False).rules
    assert rules["complete_without_agreement"]
    assert rules["reward_without_agreement"]


def test_a_missing_or_broken_file_is_told(tmp_path):
    with pytest.raises(UserError, match="no config file"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("max_steps = = 3")
    with pytest.raises(UserError, match="not valid TOML"):
        load_config(tmp_path / "broken.toml")


def test_the_resolved_config_can_be_read_again(tmp_path):
    config = TrainConfig(max_steps=3, report_to=("tensorboard",), judge='python:a:"b"')
    (tmp_path / "config.toml").write_text(to_toml(config), encoding="utf-8")
    assert load_config(tmp_path / "config.toml") == config


@given(st.text(), st.dictionaries(st.text(), st.floats(0, 10), max_size=3))
def test_so_can_any_text_and_table_in_it(tmp_path_factory, text, table):
    config, path = TrainConfig(judge=text, opponent=table), tmp_path_factory.mktemp("run") / "config.toml"
    path.write_text(to_toml(config), encoding="utf-8")
    assert load_config(path) == config


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", "-1.0"),
        ("seed", "-1"),
        ("seed", "4294967296"),
    ],
)
def test_a_number_that_training_could_not_use_is_told(tmp_path, name, value):
    (tmp_path / "run.toml").write_text(f"{name} = {value}")
    with pytest.raises(UserError, match=f"{name}: Input should be") as told:
        load_config(tmp_path / "run.toml")
    assert "\n" not in str(told.value)
    with pytest.raises(UserError, match=name):
        load_config(write_empty(tmp_path / "empty.toml"), {name: str(value)})


def write_empty(path):
    path.write_text("")
    return path


@pytest.mark.parametrize("text", ["[" * 5000, "\x00", "\ud83d", "{", '"', "=", "1_", "0x"])
def test_an_override_may_be_any_text(tmp_path, text):
    with pytest.raises(UserError, match="seed"):
        load_config(write_empty(tmp_path / "empty.toml"), {"seed": text})


def test_a_run_is_neither_overwritten_nor_resumed_with_other_settings(tmp_path):
    check_run(TrainConfig(), tmp_path, resume=False)
    write_config(TrainConfig(), tmp_path)
    with pytest.raises(UserError, match="holds a run already"):
        check_run(TrainConfig(), tmp_path, resume=False)
    with pytest.raises(UserError, match="seed was 0 and is 1"):
        check_run(TrainConfig(seed=1), tmp_path, resume=True)
    check_run(TrainConfig(max_steps=9999), tmp_path, resume=True)
    with pytest.raises(UserError, match="nothing to resume"):
        check_run(TrainConfig(), tmp_path / "empty", resume=True)


def test_a_run_s_config_holds_no_password_and_it_goes_on_with_another(tmp_path):
    config = TrainConfig(judge="openai:m@http://user:pass-word@h/v1", opponent={"openai:n@http://u:pass-word@h": 1.0})
    write_config(config, tmp_path)
    assert "pass-word" not in (tmp_path / "config.toml").read_text()
    check_run(config.model_copy(update={"judge": "openai:m@http://user:new@h/v1"}), tmp_path, resume=True)
    with pytest.raises(UserError, match="judge was 'openai:m@http://h/v1' and is 'openai:n@http://h/v1'"):
        check_run(config.model_copy(update={"judge": "openai:n@http://user:new@h/v1"}), tmp_path, resume=True)


def test_a_resumed_run_drops_what_came_after_its_checkpoint(tmp_path):
    episodes, metrics = tmp_path / "episodes.jsonl", tmp_path / "metrics.jsonl"
    episodes.write_text("".join(f'{{"tags": {{"step": {step}}}}}\n' for step in (0, 1, 2)) + '{"tags"')
    metrics.write_text("".join(f'{{"step": {step}}}\n' for step in (1, 2, 3)))
    rewind(tmp_path, 2)
    assert len(episodes.read_text().splitlines()) == 2
    assert metrics.read_text() == '{"step": 1}\n{"step": 2}\n'


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("name", ["learning_rate", "temperature", "max_grad_norm"])
def test_a_number_on_the_command_line_is_finite_too(tmp_path, name, value):
    (tmp_path / "run.toml").write_text("")
    with pytest.raises(UserError, match=f"{name}: Input should be"):
        load_config(tmp_path / "run.toml", {name: value})
