"""Numerical proofs on the real path: SmolLM2's tokenizer and first two layers, TRL's trainer, the environment."""

import json

import pytest

torch = pytest.importorskip("torch")

from negotiation_env import ScriptedJudge, load_scenarios  # noqa: E402
from negotiation_env.episode import read_episodes  # noqa: E402
from training.adapters import LEARNER, OPPONENT, merged, refresh, speaking  # noqa: E402
from training.config import TrainConfig  # noqa: E402
from training.grpo import build_trainer  # noqa: E402

pytestmark = pytest.mark.models

SCENARIOS = load_scenarios("everyday")[:4]


def varied_score(question):
    """Differs from completion to completion, so that every group carries a signal."""
    return sum(map(ord, question.completion)) % 50 / 10


def config(**changes):
    settings = {"max_steps": 2, "group_size": 2, "groups_per_step": 2, "max_turns": 3, "max_turn_tokens": 6}
    settings |= {
        "max_completion_tokens": 6,
        "learning_rate": 1e-2,
        "learner_seat": "alternate",
        "save_steps": 1,
        "completion_temperature": 1.0,
    }
    return TrainConfig(**settings | changes)


def agree_at_turn_three(question):
    return len(question.dialogue) == 3


def trainer_of(small_model, out, **changes):
    model, tokenizer = small_model()
    judge = ScriptedJudge(score=varied_score, agrees=agree_at_turn_three)
    return build_trainer(config(**changes), model, tokenizer, judge, out, SCENARIOS)


def weights(model, adapter):
    return {name: p.detach().clone() for name, p in model.named_parameters() if f".{adapter}." in name}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def batch(small_model, tmp_path):
    """A trainer, its rollout's episodes, and the batch as TRL feeds it to the loss."""
    trainer = trainer_of(small_model, tmp_path)
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1  # set by the training loop, which this fixture stands in for
    prompts = [dict(row) for row in trainer.train_dataset for _ in range(2)][:4]
    inputs = trainer._generate_and_score_completions(prompts)
    return trainer, trainer.rollout_func.episodes, inputs


def test_the_ids_fed_to_the_loss_are_the_ids_sampled(batch):
    _, episodes, inputs = batch
    for row, episode in enumerate(episodes):
        seat = episode.tags["learner_seat"]
        sampled = [
            token
            for said in episode.said
            if said.seat == seat and said.task == "utterance"
            for token in said.tokens.sampled
        ]
        counted = inputs["completion_ids"][row][inputs["tool_mask"][row].bool() & inputs["completion_mask"][row].bool()]
        assert counted.tolist() == sampled
    assert {episode.tags["learner_seat"] for episode in episodes} == {0, 1}


def test_the_trainers_log_probabilities_are_the_rollouts(batch):
    trainer, _, inputs = batch
    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
    with torch.no_grad():
        recomputed, *_ = trainer._get_per_token_logps_and_entropies(
            trainer.model, ids, mask, inputs["completion_ids"].size(1)
        )
    counted = inputs["tool_mask"].bool() & inputs["completion_mask"].bool()
    difference = (recomputed - inputs["sampling_per_token_logps"])[counted].abs().max().item()
    assert counted.sum() > 20
    assert difference < 1e-3


def test_gradients_are_zero_for_all_but_the_learners_dialogue_tokens(batch, monkeypatch):
    trainer, _, inputs = batch
    seen = {}
    original = trainer._get_per_token_logps_and_entropies

    def watched(*arguments, **options):
        logps, *rest = original(*arguments, **options)
        logps.retain_grad()
        seen["logps"] = logps
        return (logps, *rest)

    monkeypatch.setattr(trainer, "_get_per_token_logps_and_entropies", watched)
    trainer.compute_loss(trainer.model, inputs).backward()
    gradient = seen["logps"].grad
    counted = inputs["tool_mask"].bool() & inputs["completion_mask"].bool()
    carried = inputs["advantages"].abs() > 1e-6
    assert gradient[~counted].abs().max() == 0.0
    assert carried.any()
    assert (gradient[carried][counted[carried]] != 0).all()


def test_the_completion_is_not_in_the_row_and_the_frozen_copy_gets_no_gradient(batch):
    trainer, episodes, inputs = batch
    for row, episode in enumerate(episodes):
        answer = list(episode.said[-1].tokens.sampled)
        assert episode.said[-1].task == "completion"
        width = len(answer)
        ids = inputs["completion_ids"][row][inputs["completion_mask"][row].bool()].tolist()
        assert ids[-width:] != answer
    trainer.compute_loss(trainer.model, inputs).backward()
    gradients = {name: p.grad for name, p in trainer.model.named_parameters()}
    assert all(gradient is None for name, gradient in gradients.items() if f".{OPPONENT}." in name)
    assert any(gradient is not None and gradient.abs().max() > 0 for gradient in gradients.values())


@pytest.mark.parametrize("switch", [speaking, merged])
def test_an_adapter_speaks_and_everything_is_put_back(small_model, switch):
    model, _ = small_model()
    learner, opponent = weights(model, LEARNER), weights(model, OPPONENT)
    for name, parameter in model.named_parameters():
        if f".{OPPONENT}." in name:
            parameter.data.mul_(1.5)
    ids = torch.tensor([[5, 6, 7]])
    outputs = {}
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for adapter in (LEARNER, OPPONENT, None):
        with torch.no_grad(), switch(model, adapter):
            outputs[adapter] = model(ids).logits
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    trains = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trains == set(learner)
    assert not torch.allclose(outputs[LEARNER], outputs[OPPONENT])
    assert not torch.allclose(outputs[LEARNER], outputs[None])
    with torch.no_grad():
        assert torch.allclose(outputs[LEARNER], model(ids).logits, atol=1e-3)
    assert set(opponent) == {name.replace(f".{LEARNER}.", f".{OPPONENT}.") for name in learner}


def test_the_frozen_copys_weights_change_only_at_a_refresh(small_model, tmp_path):
    trainer = trainer_of(small_model, tmp_path, max_steps=3, refresh_every=2, max_turn_tokens=4)
    history = []

    class Watch(type(trainer.callback_handler.callbacks[0]).__mro__[1]):
        def on_step_end(self, args, state, control, **_):
            history.append((state.global_step, weights(trainer.model, LEARNER), weights(trainer.model, OPPONENT)))

    start = weights(trainer.model, OPPONENT)
    trainer.add_callback(Watch())
    trainer.train()
    (_, learner_1, copy_1), (_, learner_2, copy_2), (_, learner_3, copy_3) = history
    assert not same(learner_1, learner_2)
    assert same(copy_1, start)
    assert same({name.replace(OPPONENT, LEARNER): p for name, p in copy_2.items()}, learner_2)
    assert same(copy_3, copy_2)
    assert not same(learner_3, learner_2)


def run(small_model, out, resume_from=None, **changes):
    trainer = trainer_of(small_model, out, **changes)
    trainer.train(resume_from_checkpoint=resume_from)
    return trainer


def played(out):
    return [episode.to_json() for episode in read_episodes(out / "episodes.jsonl")]


def test_the_same_seed_gives_the_same_transcripts_and_a_resumed_run_equals_an_unbroken_one(small_model, tmp_path):
    unbroken = run(small_model, tmp_path / "a")
    again = run(small_model, tmp_path / "b", max_steps=1)
    first_step = len(played(tmp_path / "b"))
    assert played(tmp_path / "b") == played(tmp_path / "a")[:first_step]
    resumed = run(small_model, tmp_path / "b", resume_from=str(tmp_path / "b" / "checkpoints" / "checkpoint-1"))
    assert played(tmp_path / "b") == played(tmp_path / "a")
    for adapter in (LEARNER, OPPONENT):
        assert same(weights(unbroken.model, adapter), weights(resumed.model, adapter))
        assert not same(weights(again.model, adapter), weights(resumed.model, adapter))
    lines = (tmp_path / "b" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]


def test_an_unscored_negotiation_is_left_out_of_its_group(small_model, tmp_path):
    model, tokenizer = small_model()
    lost = []

    def score(question):
        lost.append(question)
        return None if len(lost) % 2 else varied_score(question)

    judge = ScriptedJudge(score=score, agrees=agree_at_turn_three)
    trainer = build_trainer(config(group_size=4, groups_per_step=1), model, tokenizer, judge, tmp_path, SCENARIOS)
    trainer.model.train()
    inputs = trainer._generate_and_score_completions([dict(trainer.train_dataset[0]) for _ in range(4)])
    unscored = [episode.reward is None for episode in trainer.rollout_func.episodes]
    assert sum(unscored) == 2
    assert (inputs["advantages"][torch.tensor(unscored)] == 0).all()
    scored = inputs["advantages"][~torch.tensor(unscored)]
    assert scored.sum().abs() < 1e-4


def test_refreshing_copies_the_learner(small_model):
    model, _ = small_model()
    for parameter in weights(model, LEARNER):
        dict(model.named_parameters())[parameter].data.add_(1.0)
    refresh(model)
    assert same(
        {name.replace(OPPONENT, LEARNER): p for name, p in weights(model, OPPONENT).items()}, weights(model, LEARNER)
    )
