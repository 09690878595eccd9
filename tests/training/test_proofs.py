"""Numerical proofs on the real path: SmolLM2's tokenizer and first two layers, TRL's trainer, the environment."""

import json
from itertools import cycle
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from peft import LoraConfig, get_peft_model  # noqa: E402
from pettingzoo.utils import BaseWrapper  # noqa: E402
from transformers import TrainerCallback  # noqa: E402
from trl.trainer import utils as trl_utils  # noqa: E402

from negotiation_env import Scenario, ScriptedJudge, Verdict, load_scenarios  # noqa: E402
from negotiation_env.endpoints.usage import Usage  # noqa: E402
from negotiation_env.environment.episode import read_episodes  # noqa: E402
from negotiation_env.episodes.summary import judge_usage  # noqa: E402
from negotiation_env.errors import Diverged, JudgeError, UserError  # noqa: E402
from negotiation_env.game.events import JudgeCall  # noqa: E402
from negotiation_env.report import write_report  # noqa: E402
from negotiation_env.training import trl_seam  # noqa: E402
from negotiation_env.training.checkpoints import last_checkpoint  # noqa: E402
from negotiation_env.training.config import TrainConfig  # noqa: E402
from negotiation_env.training.engines.adapters import LEARNER, merged  # noqa: E402
from negotiation_env.training.engines.in_process import InProcess  # noqa: E402
from negotiation_env.training.engines.snapshots import Snapshots  # noqa: E402
from negotiation_env.training.grpo import build_trainer  # noqa: E402
from negotiation_env.training.learner import load_learner  # noqa: E402
from negotiation_env.training.players import Players  # noqa: E402
from negotiation_env.training.trl_seam import cut_to_width  # noqa: E402

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


def trainer_of(small_model, out, judge=None, scenarios=SCENARIOS, wrap=None, **changes):
    model, tokenizer = small_model()
    settings, snapshots = config(**changes), Snapshots(model)
    engine = InProcess(model, tokenizer, snapshots, settings.max_thought_tokens)
    players = Players(settings, engine, snapshots)
    judge = judge or ScriptedJudge(score=varied_score, agrees=agree_at_turn_three)
    return build_trainer(settings, model, tokenizer, judge, players, out, scenarios, wrap)


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters() if f".{LEARNER}." in name}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def batch_of(trainer):
    """The first step's batch as TRL feeds it to the loss."""
    trainer.model.train()
    # Set by the training loop, which this stands in for: all micro-batches of a step at once.
    trainer.current_gradient_accumulation_steps = trainer.args.steps_per_generation
    groups = [dict(trainer.train_dataset[group]) for group in range(trainer.rollout_func.config.groups_per_step)]
    return trainer._generate_and_score_completions([row for row in groups for _ in range(trainer.num_generations)])


def on_record(folder):
    return list(read_episodes(folder / "episodes.jsonl"))


@pytest.fixture
def batch(small_model, tmp_path):
    """A trainer, its rollout's episodes, and their batch."""
    trainer = trainer_of(small_model, tmp_path)
    inputs = batch_of(trainer)
    return trainer, on_record(tmp_path), inputs


def test_the_ids_fed_to_the_loss_are_the_ids_sampled(batch):
    _, episodes, inputs = batch
    for row, episode in enumerate(episodes):
        seat = episode.tags["learner_seat"]
        sampled = [
            token
            for said in episode.turns
            if said.seat == seat and said.task == "utterance"
            for token in said.tokens.sampled
        ]
        counted = inputs["completion_ids"][row][inputs["tool_mask"][row].bool() & inputs["completion_mask"][row].bool()]
        assert counted.tolist() == sampled
    assert {episode.tags["learner_seat"] for episode in episodes} == {0, 1}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"history_turns": 2, "max_turns": 6},
        {"trained_tokens": "dialogue+completion"},
        {"history_turns": 1, "trained_tokens": "dialogue+completion"},
        {"method": "single-agent"},
        {"learner_seat": "both", "trained_tokens": "dialogue+completion"},
    ],
    ids=["dialogue", "window", "completion", "window and completion", "single agent", "both seats"],
)
def test_the_trainers_log_probabilities_are_the_rollouts(small_model, tmp_path, changes):
    trainer = trainer_of(small_model, tmp_path, **changes)
    inputs = batch_of(trainer)
    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
    with torch.no_grad():
        recomputed, *_ = trainer._get_per_token_logps_and_entropies(
            trainer.model, ids, mask, inputs["completion_ids"].size(1)
        )
    counted = inputs["tool_mask"].bool() & inputs["completion_mask"].bool()
    difference = (recomputed - inputs["sampling_per_token_logps"])[counted].abs().max().item()
    sampled = [
        said.tokens.sampled
        for episode in on_record(tmp_path)
        for said in episode.turns
        if said.seat in episode.learner_seats and said.task in trainer.rollout_func.config.trained_tasks
    ]
    assert counted.sum() == sum(map(len, sampled)) > 15
    assert difference < 1e-3


def test_where_both_seats_learn_each_has_its_own_words_as_a_row_with_the_games_advantage(small_model, tmp_path):
    trainer = trainer_of(small_model, tmp_path, learner_seat="both")
    inputs = batch_of(trainer)
    counted = inputs["tool_mask"].bool() & inputs["completion_mask"].bool()
    trained = [ids[mask].tolist() for ids, mask in zip(inputs["completion_ids"], counted, strict=True)]
    advantages = inputs["advantages"].tolist()
    for place, episode in enumerate(on_record(tmp_path)):
        for row, seat in zip((2 * place, 2 * place + 1), episode.learner_seats, strict=True):
            said = [each for each in episode.turns if each.seat == seat and each.task == "utterance"]
            assert trained[row] == [token for each in said for token in each.tokens.sampled]
            assert advantages[row] == pytest.approx(episode.tags["advantage"])
    assert len(trained) == 2 * (place + 1)
    assert any(advantages)


def guarded(folder, *ladder):
    """A guard file by which each turn breaks a constraint."""
    path, steps = folder / "never.toml", ", ".join(f'"{step}"' for step in ladder)
    text = f'[[constraint]]\nname = "never"\nformula = "false"\nladder = [{steps}]\n'
    path.write_text(text, encoding="utf-8")
    return {"guards": (str(path),)}


def test_what_guards_refuse_is_context_of_what_is_said_next_and_carries_no_gradient(small_model, tmp_path):
    changes = guarded(tmp_path, "ask_again", "record", "replace", "record") | {"max_turns": 6, "learner_seat": 0}
    trainer = trainer_of(small_model, tmp_path, ScriptedJudge(agrees=lambda _: False), agreement_gate=False, **changes)
    inputs = batch_of(trainer)
    counted = inputs["tool_mask"].bool() & inputs["completion_mask"].bool()
    for row, episode in enumerate(on_record(tmp_path)):
        own = [said for said in episode.turns if said.seat == 0 and said.task == "utterance"]
        assert [(len(said.refused), said.replaced) for said in own] == [(1, False), (1, True), (0, False)]
        delivered = [token for said in own if not said.replaced for token in said.tokens.sampled]
        assert inputs["completion_ids"][row][counted[row]].tolist() == delivered
        fed = inputs["completion_ids"][row].tolist()
        assert str(list(own[1].refused[0].tokens.sampled))[1:-1] in str(fed)
    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
    with torch.no_grad():
        recomputed, *_ = trainer._get_per_token_logps_and_entropies(
            trainer.model, ids, mask, inputs["completion_ids"].size(1)
        )
    assert (recomputed - inputs["sampling_per_token_logps"])[counted].abs().max().item() < 1e-3


def test_a_step_in_which_all_words_of_the_learner_are_replaced_changes_no_weight(small_model, tmp_path):
    trainer = trainer_of(small_model, tmp_path, **guarded(tmp_path, "replace"))
    before = weights(trainer.model)
    trainer.train()
    assert len(played(tmp_path)) == 8
    assert same(before, weights(trainer.model))


def test_a_penalty_for_breaches_makes_a_signal_of_equal_rewards_and_leaves_the_record_alone(small_model, tmp_path):
    path = tmp_path / "even.toml"
    text = '[[constraint]]\nname = "evenly"\nformula = "even"\n[propositions]\neven = "tests.guards.oracles:even"\n'
    path.write_text(text, encoding="utf-8")
    judge = ScriptedJudge(score=2.0, agrees=agree_at_turn_three)
    changes = {"guards": (str(path),), "guard_penalty": 0.5, "learner_seat": 0, "group_size": 4, "groups_per_step": 1}
    inputs = batch_of(trainer_of(small_model, tmp_path, judge, **changes))
    episodes = on_record(tmp_path)
    broken = torch.tensor([float(len(each.broken([0]))) for each in episodes])
    assert {each.reward for each in episodes} == {2.0}
    assert broken.unique().numel() > 1
    expected = (broken.mean() - broken) / broken.std()
    assert torch.allclose(inputs["advantages"].cpu(), expected, atol=1e-3)


class Polite(BaseWrapper):
    """Changes what is said."""

    def step(self, action):
        super().step(action if action is None else f"Please. {action}")


def test_a_wrapper_stands_around_training_games_and_the_learners_own_tokens_are_trained(small_model, tmp_path):
    trainer = trainer_of(small_model, tmp_path, wrap=Polite)
    inputs = batch_of(trainer)
    for row, episode in enumerate(on_record(tmp_path)):
        assert all(said.text.startswith("Please. ") for said in episode.turns)
        own = [said for said in episode.turns if said.seat == episode.tags["learner_seat"] and said.task == "utterance"]
        trained = inputs["completion_ids"][row][inputs["tool_mask"][row].bool() & inputs["completion_mask"][row].bool()]
        assert trained.tolist() == [token for said in own for token in said.tokens.sampled]


def test_with_a_history_window_every_turn_that_is_rendered_anew_is_a_row_with_the_games_advantage(
    small_model, tmp_path
):
    trainer = trainer_of(small_model, tmp_path, history_turns=1, max_turns=6, learner_seat=0)
    trainer.rollout_func.judge._judge = ScriptedJudge(score=varied_score, agrees=lambda question: False)
    trainer.rollout_func.config = trainer.rollout_func.config.model_copy(update={"agreement_gate": False})
    inputs = batch_of(trainer)
    counted = (inputs["tool_mask"] * inputs["completion_mask"]).sum(dim=1).view(4, 3)
    assert (counted > 0).all()  # four games, three turns of the learner in each
    advantages = inputs["advantages"].view(4, 3)
    assert (advantages == advantages[:, :1]).all()
    assert advantages.abs().max() > 0


def test_the_control_deals_the_advantages_to_other_negotiations(small_model, tmp_path):
    true, mixed = (
        batch_of(trainer_of(small_model, tmp_path / name, advantages=name, group_size=4, groups_per_step=1))
        for name in ("group", "shuffled")
    )
    assert torch.equal(true["completion_ids"], mixed["completion_ids"])
    assert sorted(true["advantages"].tolist()) == sorted(mixed["advantages"].tolist())
    assert true["advantages"].tolist() != mixed["advantages"].tolist()


def test_a_run_stops_after_the_rollout_that_exceeds_the_unscored_limit_and_keeps_its_episodes(small_model, tmp_path):
    judge = ScriptedJudge(score=None, agrees=agree_at_turn_three)
    short = {"max_turn_tokens": 2, "max_completion_tokens": 2, "group_size": 5, "unscored_limit": 0.5}
    trainer = trainer_of(small_model, tmp_path, judge, max_steps=3, **short)
    before = weights(trainer.model)
    with pytest.raises(JudgeError, match="20 of the last 20"):
        trainer.train()
    assert len(played(tmp_path)) == 20
    assert same(before, weights(trainer.model))  # a step without a single score teaches nothing


def equal_in_the_first_group(scenario):
    return lambda question: 2.0 if question.scenario.id == scenario else varied_score(question)


def test_groups_without_signal_can_be_dropped_from_the_loss(small_model, tmp_path):
    trainer = trainer_of(small_model, tmp_path, no_signal="drop")
    first = json.loads(trainer.train_dataset[0]["prompt"])["scenario"]
    judge = ScriptedJudge(score=equal_in_the_first_group(first), agrees=agree_at_turn_three)
    trainer.rollout_func.judge._judge = judge
    counted = (lambda inputs: (inputs["tool_mask"] * inputs["completion_mask"]).sum(dim=1))(batch_of(trainer))
    assert (counted[:2] == 0).all()
    assert (counted[2:] > 0).all()


def test_groups_without_signal_can_be_played_again_on_another_scenario(small_model, tmp_path):
    trainer = trainer_of(small_model, tmp_path, no_signal="resample")
    first = json.loads(trainer.train_dataset[0]["prompt"])["scenario"]
    judge = ScriptedJudge(score=equal_in_the_first_group(first), agrees=agree_at_turn_three)
    trainer.rollout_func.judge._judge = judge
    batch_of(trainer)
    episodes = on_record(tmp_path)
    assert [episode.id for episode in episodes] == ["0/0", "0/1", "0/0/again", "0/1/again", "0/2", "0/3"]
    assert len({episode.scenario.id for episode in episodes[2:4]}) == 1


class RankingJudge(ScriptedJudge):
    """Finds all answers equal, and orders them by their last letters."""

    def __init__(self):
        super().__init__(score=lambda question: 2.0, agrees=agree_at_turn_three)

    def rank(self, rankings):
        self.asked = rankings
        orders = [sorted(range(len(each.answers)), key=lambda n: each.answers[n][::-1]) for each in rankings]
        calls = (JudgeCall((), usage={"cost": 0.5}),)
        return [
            Verdict(0.0 if number == 1 else None, self.name, details={"order": order}, calls=calls)
            for number, order in enumerate(orders)
        ]


def test_tied_answers_can_be_ordered_by_the_judge_and_the_record_keeps_their_scores(small_model, tmp_path):
    judge = RankingJudge()
    inputs = batch_of(trainer_of(small_model, tmp_path, judge, rerank_ties=True))
    assert [len(ranking.answers) for ranking in judge.asked] == [2, 2]
    assert inputs["advantages"].tolist()[:2] == [0.0, 0.0]  # the judge could not say
    assert sorted(inputs["advantages"].tolist()[2:]) == [-0.25, 0.25]  # less than scores that differ give
    assert {episode.reward for episode in on_record(tmp_path)} == {2.0}
    assert judge_usage(on_record(tmp_path)) == Usage(2, 0, 0, 1.0)


def test_a_judge_that_cannot_order_is_told_before_the_run(small_model, tmp_path):
    judge = ScriptedJudge(score=lambda question: 2.0, agrees=agree_at_turn_three)
    with pytest.raises(UserError, match="cannot order answers; use an LLM judge"):
        trainer_of(small_model, tmp_path, judge, rerank_ties=True)


@pytest.mark.parametrize("what", ["the loss", "the gradients' norm"])
def test_a_step_that_diverges_changes_no_weight_and_makes_no_checkpoint(small_model, tmp_path, monkeypatch, what):
    trainer = trainer_of(small_model, tmp_path)
    if what == "the loss":
        monkeypatch.setattr(
            "negotiation_env.training.rollout.group_advantages", lambda rewards, _: [torch.nan] * len(rewards)
        )
    else:
        next(p for p in trainer.model.parameters() if p.requires_grad).register_hook(lambda gradient: gradient / 0)
    before = weights(trainer.model)
    with pytest.raises(Diverged, match=f"at step 1: {what} is"):
        trainer.train()
    assert same(before, weights(trainer.model))
    assert last_checkpoint(tmp_path / "checkpoints") is None
    assert len(played(tmp_path)) == 4


def test_what_had_ended_when_a_step_was_interrupted_is_on_record(small_model, tmp_path):
    scored = []

    def score(question):
        scored.append(question)
        if len(scored) == 3:
            raise KeyboardInterrupt
        return varied_score(question)

    at_once = cycle([True, False])
    judge = ScriptedJudge(score=score, agrees=lambda question: len(question.dialogue) == 3 or next(at_once))
    trainer = trainer_of(small_model, tmp_path, judge, group_size=4, groups_per_step=1)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    kept = list(read_episodes(tmp_path / "episodes.jsonl"))
    assert [episode.id for episode in kept] == ["0/0", "0/2"]
    assert all(episode.tags["step"] == 0 and "advantage" not in episode.tags for episode in kept)
    assert write_report(tmp_path).is_file()


def test_every_weight_is_trained_in_full_fine_tuning_and_the_base_stays_as_it_was(tmp_path):
    from tests.conftest import small_network

    model, tokenizer = small_network()
    settings, snapshots = config(fine_tuning="full", opponent="base", learning_rate=1e-4), Snapshots(model)
    players = Players(settings, InProcess(model, tokenizer, snapshots), snapshots)
    judge = ScriptedJudge(score=varied_score, agrees=agree_at_turn_three)
    trainer = build_trainer(settings, model, tokenizer, judge, players, tmp_path, SCENARIOS)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trainer.train()
    changed = [name for name, p in model.named_parameters() if not torch.equal(p, before[name])]
    assert len(changed) > 0.9 * len(before)
    with snapshots.swapped_in(0):
        assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


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


def test_the_completion_is_not_in_the_row(batch):
    _, episodes, inputs = batch
    for row, episode in enumerate(episodes):
        answer = list(episode.turns[-1].tokens.sampled)
        assert episode.turns[-1].task == "completion"
        width = len(answer)
        ids = inputs["completion_ids"][row][inputs["completion_mask"][row].bool()].tolist()
        assert ids[-width:] != answer


def test_the_policy_ratio_is_one_and_the_loss_grpos(batch):
    """-sum(advantage) over the counted tokens, divided by their number: the loss before the first update."""
    trainer, _, inputs = batch
    inputs["advantages"] = torch.tensor([1.0, 2.0, -0.5, 0.25])  # those of groups with as many tokens a row cancel out
    counted = inputs["tool_mask"].bool() & inputs["completion_mask"].bool()
    expected = -(inputs["advantages"][:, None] * counted).sum() / counted.sum()
    assert trainer.compute_loss(trainer.model, inputs).item() == pytest.approx(expected.item(), abs=1e-6)


def test_cutting_the_padding_of_a_micro_batch_changes_nothing(batch):
    trainer, _, inputs = batch
    row = int(inputs["advantages"].abs().argmax())
    rows = {name: value[row : row + 1] if getattr(value, "ndim", 0) else value for name, value in inputs.items()}
    cut = cut_to_width(rows)
    assert cut["completion_ids"].shape[1] == rows["completion_mask"].sum()
    assert cut["prompt_ids"].shape[1] == rows["prompt_mask"].sum()
    gradients = []
    for part in (rows, cut):
        trainer.model.zero_grad()
        trainer.compute_loss(trainer.model, part).backward()
        gradients.append({name: p.grad.clone() for name, p in trainer.model.named_parameters() if p.grad is not None})
    largest = max(gradient.abs().max() for gradient in gradients[0].values())
    assert largest > 1e-4
    assert all((gradients[0][name] - gradients[1][name]).abs().max() < 1e-4 * largest for name in gradients[0])


@pytest.mark.parametrize("seat", [0, 1])  # the second one's rows begin with what the opponent said, of other lengths
def test_what_a_groups_rows_share_is_run_once_with_the_same_gradient(small_model, tmp_path, monkeypatch, seat):
    trainer = trainer_of(small_model, tmp_path, group_size=4, groups_per_step=1, micro_batch=4, learner_seat=seat)
    inputs, found, fed = batch_of(trainer), [], []
    inner = trainer.model.get_base_model().model
    inner.register_forward_pre_hook(lambda _, args, kept: fed.append(kept["input_ids"].numel()), with_kwargs=True)
    for shared in (True, False):
        monkeypatch.setattr(trl_seam, "can_share", lambda _, shared=shared: shared)
        trainer.model.zero_grad()
        loss = trainer.compute_loss(trainer.model, dict(inputs))
        loss.backward()
        gradients = {name: p.grad.clone() for name, p in trainer.model.named_parameters() if p.grad is not None}
        found.append((loss.item(), gradients))
    (loss, once), (expected, every) = found
    assert loss == pytest.approx(expected, abs=1e-6)
    largest = max(gradient.abs().max() for gradient in every.values())
    assert largest > 1e-4
    assert all((once[name] - every[name]).abs().max() < 1e-4 * largest for name in every)
    *together, apart = fed
    assert sum(together) < apart / 2


def test_on_a_cpu_too_the_head_over_all_words_scores_what_is_asked_for_alone(small_model, tmp_path, monkeypatch):
    trainer = trainer_of(small_model, tmp_path, groups_per_step=1)
    inputs, scored, head = batch_of(trainer), [], trl_utils._ChunkedLogProbFunction
    spy = SimpleNamespace(apply=lambda states, *rest: scored.append(len(states)) or head.apply(states, *rest))
    monkeypatch.setattr(trl_utils, "_ChunkedLogProbFunction", spy)
    spoken, counted = inputs["completion_mask"], inputs["completion_mask"] * inputs["tool_mask"]
    trainer.compute_loss(trainer.model, dict(inputs))
    trainer.compute_loss(trainer.model, inputs | {"old_per_token_logps": torch.zeros(spoken.shape)})  # to compare with
    monkeypatch.setattr(trl_seam, "can_share", lambda _: False)
    trainer.compute_loss(trainer.model, dict(inputs))
    assert scored == [counted.sum(), spoken.sum(), spoken.sum()]
    assert 0 < counted.sum() < spoken.sum() < inputs["prompt_mask"].sum()


def test_the_adapter_is_folded_in_and_everything_is_put_back(small_model):
    model, _ = small_model()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        with merged(model):
            folded = model(ids).logits
        with model.disable_adapter():
            bare = model(ids).logits
        assert torch.allclose(folded, model(ids).logits, atol=1e-3)
    assert not torch.allclose(folded, bare)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert {name for name, p in model.named_parameters() if p.requires_grad} == set(weights(model))


def bfloat16(model):
    """The weights that do not train, as on a GPU."""
    for parameter in (each for each in model.parameters() if not each.requires_grad):
        parameter.data = parameter.data.bfloat16()
    return model


def test_an_adapter_is_not_folded_into_bfloat16_weights_which_would_round_it_away(small_model):
    model = bfloat16(small_model()[0])
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        expected = model(ids).logits
        with merged(model):
            assert torch.equal(model(ids).logits, expected)
        with model.disable_adapter():
            assert not torch.equal(model(ids).logits, expected)


def test_the_adapter_of_quantised_weights_trains_in_float32(small_model, tmp_path):
    def quantised():
        model, tokenizer = small_model()
        model.is_loaded_in_4bit = True  # what TRL casts the adapter by
        return model, tokenizer

    model = trainer_of(quantised, tmp_path, quantise="4bit").model
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}


def test_an_adapters_dropout_is_off_in_training(tmp_path):
    from tests.conftest import small_network

    base, tokenizer = small_network()
    shape = LoraConfig(r=4, target_modules="all-linear", lora_dropout=0.05)
    trainer = trainer_of(lambda: (get_peft_model(base, shape), tokenizer), tmp_path)
    assert {module.p for module in trainer.model.modules() if isinstance(module, torch.nn.Dropout)} == {0}


def test_the_reference_of_full_fine_tuning_is_the_model_with_the_adapter_that_it_goes_on_from(
    small_model, model_folder, tmp_path
):
    small_model()[0].save_pretrained(tmp_path / "adapter")
    settings = {"fine_tuning": "full", "beta": 0.04}
    start = load_learner(config(model=str(model_folder), adapter=str(tmp_path / "adapter"), **settings))
    trainer = trainer_of(lambda: start, tmp_path, **settings)
    reference = trainer.accelerator.unwrap_model(trainer.ref_model).state_dict()
    assert all(torch.equal(weight, reference[name]) for name, weight in start[0].state_dict().items())


def test_a_single_agent_trains_on_open_questions(small_model, tmp_path):
    questions = [Scenario(f"q{number}", "What is a fair share of a well?") for number in range(2)]
    trainer = trainer_of(small_model, tmp_path, scenarios=questions, method="single-agent", learner_seat=0)
    counted = (lambda inputs: (inputs["tool_mask"] * inputs["completion_mask"]).sum(dim=1))(batch_of(trainer))
    assert (counted > 0).all()


def test_the_last_two_checkpoints_stay(small_model, tmp_path):
    run(small_model, tmp_path, max_steps=3, max_turn_tokens=2, max_completion_tokens=2)
    folder = tmp_path / "checkpoints"
    assert {path.name for path in folder.glob("checkpoint-*")} == {"checkpoint-2", "checkpoint-3"}
    assert last_checkpoint(folder) == folder / "checkpoint-3"


def test_the_frozen_copys_weights_change_only_at_a_refresh(small_model, tmp_path):
    trainer = trainer_of(small_model, tmp_path, max_steps=4, opponent="frozen:2", max_turn_tokens=4)
    snapshots, played_with, after = trainer.rollout_func.players._snapshots, [], [weights(trainer.model)]
    original = trainer.rollout_func._play_step

    def watched(places, model):
        found = original(places, model)
        [version] = snapshots.versions
        with snapshots.swapped_in(version):
            played_with.append(weights(trainer.model))
        return found

    class Watch(TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            after.append(weights(trainer.model))

    trainer.rollout_func._play_step = watched
    trainer.add_callback(Watch())
    trainer.train()
    assert [episode.tags["opponent_version"] for episode in read_episodes(tmp_path / "episodes.jsonl")][::4] == [
        0,
        0,
        2,
        2,
    ]
    assert [same(weights, after[step]) for weights, step in zip(played_with, (0, 0, 2, 2), strict=True)] == [True] * 4
    assert not same(after[0], after[1])
    assert not same(after[1], after[2])


def run(small_model, out, **changes):
    trainer = trainer_of(small_model, out, **changes)
    trainer.train()
    return trainer


def played(out):
    return [episode.to_json() for episode in read_episodes(out / "episodes.jsonl")]


@pytest.mark.parametrize(
    ("steps", "changes"),
    [
        (2, {}),
        (3, {"opponent": {"pool:1,2,rated": 1, "frozen:2": 1, "scripted:compromising": 1}}),
        (2, {"history_turns": 2, "max_turns": 5}),
        (2, {"trained_tokens": "dialogue+completion", "advantages": "shuffled"}),
        (2, {"method": "single-agent", "temperature": 1.0, "beta": 0.04}),
    ],
    ids=["self-play", "pool", "window", "completion", "single-agent"],
)
def test_a_resumed_run_equals_an_unbroken_one(small_model, tmp_path, steps, changes):
    unbroken = run(small_model, tmp_path / "a", max_steps=steps, **changes)
    again = run(small_model, tmp_path / "b", max_steps=steps - 1, **changes)
    first_steps = len(played(tmp_path / "b"))
    assert played(tmp_path / "b") == played(tmp_path / "a")[:first_steps]
    resumed = trainer_of(small_model, tmp_path / "b", max_steps=steps, **changes)
    checkpoint = tmp_path / "b" / "checkpoints" / f"checkpoint-{steps - 1}"
    resumed.rollout_func.players.load(checkpoint)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert played(tmp_path / "b") == played(tmp_path / "a")
    assert same(weights(unbroken.model), weights(resumed.model))
    assert not same(weights(again.model), weights(resumed.model))
    lines = (tmp_path / "b" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [*range(1, steps + 1)]


def test_an_unscored_negotiation_is_left_out_of_its_group(small_model, tmp_path):
    lost = []

    def score(question):
        lost.append(question)
        return None if len(lost) % 2 else varied_score(question)

    judge = ScriptedJudge(score=score, agrees=agree_at_turn_three)
    trainer = trainer_of(small_model, tmp_path, judge, group_size=4, groups_per_step=1)
    trainer.model.train()
    inputs = trainer._generate_and_score_completions([dict(trainer.train_dataset[0]) for _ in range(4)])
    unscored = [episode.reward is None for episode in on_record(tmp_path)]
    assert sum(unscored) == 2
    assert (inputs["advantages"][torch.tensor(unscored)] == 0).all()
    scored = inputs["advantages"][~torch.tensor(unscored)]
    assert scored.sum().abs() < 1e-4


def test_personas_that_vary_change_from_epoch_to_epoch_and_a_resumed_run_meets_the_same(small_model, tmp_path):
    scenarios = [each for each in load_scenarios("everyday", seed=None) if each.dilemma == SCENARIOS[0].dilemma]
    settings = {"vary_personas": True, "groups_per_step": 1, "max_steps": 4, "scenarios": scenarios}
    trainer_of(small_model, tmp_path / "whole", **settings).train()
    trainer_of(small_model, tmp_path / "parts", **settings | {"max_steps": 2}).train()
    rest = trainer_of(small_model, tmp_path / "parts", **settings)
    rest.train(resume_from_checkpoint=str(last_checkpoint(tmp_path / "parts" / "checkpoints")))
    met = [(each.scenario.id, each.tags["learner_seat"]) for each in on_record(tmp_path / "whole")]
    assert met == [(each.scenario.id, each.tags["learner_seat"]) for each in on_record(tmp_path / "parts")]
    assert len({scenario for scenario, _ in met}) > 1
