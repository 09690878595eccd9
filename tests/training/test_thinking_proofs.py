"""The proofs of `test_proofs.py` for a learner that thinks: Qwen3's template and architecture, tiny random weights."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from peft import LoraConfig, get_peft_model  # noqa: E402

from negotiation_env.agents.models.chat_tokens import ChatTokens  # noqa: E402
from negotiation_env.training.config import TrainConfig  # noqa: E402
from tests.agents.test_thinking import thinker, thinking_network  # noqa: E402
from tests.training.test_proofs import batch_of, on_record, trainer_of  # noqa: E402

pytestmark = pytest.mark.models

BUDGET = 5


def thinking_learner(name):
    def make():
        torch.manual_seed(0)
        shape = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
        return get_peft_model(thinking_network(), shape), thinker(name)

    return make


@dataclass(frozen=True)
class Stepped:
    """The first step's batch, its trained tokens, and what the learner said in it, by game."""

    trainer: Any
    inputs: Any
    counted: Any
    turns: list[Any]
    marks: Any


@pytest.fixture(scope="module")
def stepped(tmp_path_factory):
    """Plays a step in a template of Qwen3's family, once for each way to train it."""

    @cache
    def step(name, trained):
        folder = tmp_path_factory.mktemp("step")
        settings = {"model": "tiny", "max_thought_tokens": BUDGET, "max_turn_tokens": 8, "groups_per_step": 3}
        trainer = trainer_of(thinking_learner(name), folder, trained_tokens=trained, learner_seat=0, **settings)
        inputs = batch_of(trainer)
        counted = inputs["tool_mask"].bool() & inputs["completion_mask"].bool()
        turns = [[said for said in episode.turns if said.seat == 0] for episode in on_record(folder)]
        return Stepped(trainer, inputs, counted, turns, ChatTokens(thinker(name), thinking=True).marks)

    return step


def trained_ids(turn, marks, thoughts):
    """Those of a turn that its learner drew, its thoughts among them or not."""
    places = enumerate(zip(turn.tokens.sampled, marks.thoughts(turn.tokens.sampled), strict=True))
    return [token for place, (token, skip) in places if place not in turn.tokens.forced and (thoughts or not skip)]


@pytest.mark.parametrize(("trained", "rows"), [("dialogue", 2), ("words+completion", 3)])
def test_each_turn_is_a_row_and_the_loss_counts_what_was_sampled_in_it(stepped, trained, rows):
    step = stepped("qwen3", trained)
    config = step.trainer.rollout_func.config
    assert config.rows_per_game == rows
    for game, said in enumerate(step.turns):
        due = [trained_ids(turn, step.marks, trained == "dialogue") for turn in said]
        due = [ids for ids, turn in zip(due, said, strict=True) if ids and turn.task in config.trained_tasks]
        places = range(game * rows, (game + 1) * rows)
        found = [step.inputs["completion_ids"][row][step.counted[row]].tolist() for row in places]
        assert found == due + [[]] * (rows - len(due))
    assert any(turn.tokens.forced for said in step.turns for turn in said)
    assert any(turn.thought and turn.text for said in step.turns for turn in said)


def test_a_row_s_prompt_is_the_chat_as_it_would_be_deployed_without_earlier_thoughts(stepped):
    step = stepped("qwen3", "dialogue")
    marks, ids, mask = step.marks, step.inputs["prompt_ids"], step.inputs["prompt_mask"].bool()
    for game, (first, second, *_) in enumerate(step.turns):
        prompts = [ids[row][mask[row]].tolist() for row in (2 * game, 2 * game + 1)]
        assert prompts == [list(first.tokens.context), list(second.tokens.context)]
        assert not {marks.opens, marks.closes} & {*prompts[0], *prompts[1]}
        assert first.text in thinker("qwen3").decode(prompts[1])


@pytest.mark.parametrize(
    ("name", "trained"),
    [
        ("qwen3", "dialogue"),
        ("qwen3", "words+completion"),
        ("qwen3_5_think", "words"),
        ("qwen3_training", "dialogue"),
    ],
)
def test_log_probabilities_are_the_rollouts_and_gradients_are_zero_for_all_but_the_trained_tokens(
    stepped, monkeypatch, name, trained
):
    step = stepped(name, trained)
    trainer, inputs, counted, seen = step.trainer, step.inputs, step.counted, []
    original = trainer._get_per_token_logps_and_entropies

    def watched(*arguments, **options):
        logps, *rest = original(*arguments, **options)
        logps.retain_grad()
        seen.append(logps)
        return (logps, *rest)

    monkeypatch.setattr(trainer, "_get_per_token_logps_and_entropies", watched)
    trainer.compute_loss(trainer.model, inputs).backward()
    [logps] = seen
    assert (logps - inputs["sampling_per_token_logps"])[counted].abs().max() < 1e-3
    assert logps.grad[~counted].abs().max() == 0.0
    carried = inputs["advantages"].abs() > 1e-6
    assert carried.any()
    assert (logps.grad[carried][counted[carried]] != 0).all()


def test_a_learner_that_thinks_has_a_row_for_each_of_its_turns():
    thinks = {"model": "tiny", "max_thought_tokens": 8}
    assert TrainConfig(**thinks).rows_per_game == 4
    assert TrainConfig(**thinks, learner_seat=1).rows_per_game == 3
    assert TrainConfig(**thinks, trained_tokens="words+completion").rows_per_game == 5
    assert TrainConfig(**thinks, trained_tokens="completion").rows_per_game == 1
    assert TrainConfig(**thinks, method="single-agent").rows_per_game == 1
