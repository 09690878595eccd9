import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from negotiation_env import ScriptedJudge
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.episodes.longest_game import Ruler, longest_game
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.errors import UserError
from negotiation_env.game.events import Task
from negotiation_env.game.prompts import shipped_prompts
from negotiation_env.game.protocol import Rules
from negotiation_env.guards.files import load_guards
from negotiation_env.training.architectures import Architecture, Parameters, count_parameters, find_architecture
from negotiation_env.training.budget import plan
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.duration import step_time
from negotiation_env.training.memory import Load, estimate_memory
from tests.conftest import two_parties

GIB = 1024**3
PUBLISHED = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": 134_515_008,
    "Qwen/Qwen3-0.6B": 596_049_920,
    "Qwen/Qwen3-1.7B": 1_720_574_976,
    "Qwen/Qwen3-4B": 4_022_468_096,
    "Qwen/Qwen3-8B": 8_190_735_360,
    "Qwen/Qwen3-14B": 14_768_307_200,
    "Qwen/Qwen2.5-7B-Instruct": 7_615_616_512,
    "meta-llama/Llama-3.1-8B-Instruct": 8_030_261_248,
}
SMALL = Architecture(
    settings=None,
    source="a test",
    hidden=64,
    intermediate=128,
    layers=2,
    queries=64,
    keys=32,
    vocabulary=1000,
    positions=512,
    normalised_heads=True,
)
COUNTS = Parameters(total=200_000, embedding=64_000, linear=128_000, trainable=8_000)
LOAD = Load(rows=4, fed=50, kept=600, row=100, copies=3)
RULER = Ruler(turn=10, answer=20)


def longest(settings, ruler=RULER):
    return longest_game(two_parties(), Rules(**settings.rules), ruler, [shipped_prompts("handshake")])


def config(**changes):
    """Small, and its sizes by hand are easy."""
    settings = {"lora_rank": 8, "micro_batch": 2, "max_turn_tokens": 10}
    return TrainConfig(**settings | {"max_completion_tokens": 20} | changes)


def sizes(**changes):
    """Memory by name, in bytes."""
    found = estimate_memory(config(**changes), SMALL, COUNTS, LOAD)
    return {item.name: item.gib * GIB for item in (*found.standing, *found.update, *found.sampling)}


@pytest.mark.parametrize("model", PUBLISHED)
def test_a_model_of_the_table_has_as_many_parameters_as_published(model):
    found = count_parameters(config(model=model, fine_tuning="full"), find_architecture(model))
    assert found.total == found.trainable == PUBLISHED[model]


def test_an_adapter_has_two_narrow_matrices_for_every_linear_layer_but_the_head():
    found = count_parameters(config(model="Qwen/Qwen3-0.6B", lora_rank=16), find_architecture("Qwen/Qwen3-0.6B"))
    attention = (1024 + 2048) + 2 * (1024 + 1024) + (2048 + 1024)
    mlp = 3 * (1024 + 3072)
    assert found.trainable == 28 * 16 * (attention + mlp)
    assert found.embedding == 151936 * 1024  # tied: one matrix for both


def test_the_shipped_adapter_is_counted_with_its_own_rank():
    found = count_parameters(config(model="embedded", lora_rank=99), find_architecture("embedded"))
    assert found.trainable == 2_442_240


def test_a_model_folder_is_read_before_the_table(tmp_path):
    settings = find_architecture("embedded").settings
    settings.num_hidden_layers = 3
    settings.save_pretrained(tmp_path)
    found = find_architecture(str(tmp_path))
    assert (found.layers, found.hidden, found.source) == (3, 576, "its config.json")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": "nobody/knows"}, "add its numbers to training/architectures.toml"),
        ({"model": "Qwen/Qwen3-0.6B", "adapter": "no/such-adapter"}, "no adapter 'no/such-adapter'"),
        ({"model": "embedded", "max_turns": 2, "split": "eval_multi"}, "the scenarios do not fit the config"),
    ],
)
def test_what_cannot_be_budgeted_is_a_user_error(changes, told):
    with pytest.raises(UserError, match=told):
        plan(config(**changes))


def test_a_mixture_of_experts_is_refused(tmp_path):
    from transformers import AutoConfig

    AutoConfig.for_model("qwen3_moe", num_experts=4).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="qwen3_moe is a mixture of experts"):
        find_architecture(str(tmp_path))


def test_the_memory_of_an_adapter_on_bfloat16_weights_is_the_sum_by_hand():
    found = sizes()
    assert found["weights"] == 400_000
    assert found["adapter"] == found["gradients"] == 32_000
    assert found["AdamW"] == 64_000
    assert found["past selves, 3"] == 96_000
    assert found["keys and values"] == 2 * (2 + 1) * 32 * 2 * 600
    layer = 8 * 64 + 2 * (5 * 64 + 5 * 64 + 4 * 128 + 7 * 8) + 4 * (64 + 32)
    assert found["activations"] == 200 * 2 * layer
    assert found["their gradients"] == 200 * layer
    assert found["output head"] == 32768 * (200 + 64) * 2 + 4 * 200 * 64
    assert found["reading prompts"] == 4 * 50 * (8 * 64 + 3 * 2 * 128)
    assert found["drawing tokens"] == 4 * 28 * 1000
    assert "reference of the KL term" not in found


def test_quantised_weights_take_half_a_byte_and_their_scales():
    found = sizes(quantise="4bit")
    scales = 128_000 / 64 + 4 * 128_000 / (64 * 256)
    assert found["weights"] == pytest.approx(128_000 / 2 + scales + 4 * 72_000)
    assert (found["adapter"], found["AdamW"]) == (32_000, 64_000)  # float32 as without


def test_full_fine_tuning_trains_float32_weights():
    full = estimate_memory(config(fine_tuning="full"), SMALL, replace(COUNTS, trainable=200_000), LOAD)
    found = {item.name: item.gib * GIB for item in full.standing}
    assert (found["weights"], found["gradients"], found["AdamW"]) == (800_000 + 256_000, 800_000, 1_600_000)
    assert "adapter" not in found


def test_checkpointing_keeps_the_input_of_each_layer_and_one_layer():
    layer = sizes()["their gradients"] / 200
    assert sizes(gradient_checkpointing=True)["activations"] == 200 * (2 * 64 * 2 + layer)


def test_the_kl_term_has_its_price():
    assert sizes(beta=0.04)["reference of the KL term"] == 32_000


def test_on_servers_nothing_is_sampled_here():
    found = estimate_memory(config(engine="vllm:http://a:1"), SMALL, COUNTS, LOAD)
    assert found.sampling == ()
    assert "keys and values" not in [item.name for item in found.standing]


def test_the_peak_is_what_stands_and_the_larger_of_update_and_sampling():
    found = estimate_memory(config(), SMALL, COUNTS, LOAD)
    standing, update, sampling = (
        sum(item.gib for item in each) for each in (found.standing, found.update, found.sampling)
    )
    assert update > sampling > 0
    assert found.peak == standing + update


@pytest.mark.parametrize("kind", ["qwen3", "llama"])
@pytest.mark.parametrize("fine_tuning", ["lora", "full"])
def test_the_activations_formula_is_what_autograd_keeps(kind, fine_tuning):
    """A layer's share is the difference of three layers and two; a batch with padding, as training has it."""
    kept = {layers: _kept_bytes(kind, layers, fine_tuning) for layers in (2, 3)}
    settings = config(fine_tuning=fine_tuning, lora_rank=8, micro_batch=1)
    shape = replace(
        SMALL, hidden=128, intermediate=384, queries=256, keys=64, layers=1, normalised_heads=kind == "qwen3"
    )
    found = estimate_memory(settings, shape, COUNTS, replace(LOAD, row=1024))
    expected = next(item.gib for item in found.update if item.name == "activations") * GIB
    attention, mlp = (128 * 256, 128 * 64, 128 * 64, 256 * 128), 3 * (128 * 384,)
    adapted = 8 * (2 * (128 + 256) + 2 * (128 + 64) + 3 * (128 + 384))
    copies = 2 * (sum(attention + mlp) if fine_tuning == "full" else adapted)  # autocast's, of what is trained
    assert kept[3] - kept[2] == pytest.approx(expected + copies, rel=0.04)


def _kept_bytes(kind, layers, fine_tuning):
    """What the forward pass of 2 x 512 tokens keeps for the backward pass, parameters aside."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    sized = {"hidden_size": 128, "intermediate_size": 384, "num_attention_heads": 4, "num_key_value_heads": 1}
    settings = AutoConfig.for_model(kind, **sized, head_dim=64, num_hidden_layers=layers, vocab_size=64)
    full = fine_tuning == "full"
    model = AutoModelForCausalLM.from_config(settings, dtype=torch.float32 if full else torch.bfloat16)
    if not full:
        model = get_peft_model(model, LoraConfig(r=8, target_modules="all-linear"))
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # held, so that no address is used again
        return tensor

    mask = torch.ones(2, 512, dtype=torch.long)
    mask[0, :9] = 0
    backbone = model.model if full else model.base_model.model.model
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16):
        backbone(torch.zeros(2, 512, dtype=torch.long), attention_mask=mask, use_cache=False)
    return sum(size for size, _ in kept.values())


def test_a_cache_has_room_for_two_numbers_for_every_layer_key_and_token_and_one_layer_twice_while_it_grows():
    import torch
    from transformers import AutoModelForCausalLM

    from negotiation_env.agents.models.in_process import CACHE_ROOM
    from negotiation_env.agents.models.roomy_cache import roomy_cache

    settings = find_architecture("embedded").settings
    settings.num_hidden_layers = 2
    model = AutoModelForCausalLM.from_config(settings, dtype=torch.bfloat16)
    cache = roomy_cache()
    with torch.no_grad():
        model(torch.zeros(3, 7, dtype=torch.long), use_cache=True, past_key_values=cache)
    layers = [sum(each.untyped_storage().nbytes() for each in (layer.keys, layer.values)) for layer in cache.layers]
    shape = replace(find_architecture("embedded"), layers=2)
    found = estimate_memory(config(), shape, COUNTS, replace(LOAD, kept=3 * (7 + CACHE_ROOM)))
    assert sum(layers) + layers[0] == next(item.gib for item in found.standing if item.name == "keys and values") * GIB


def test_the_longest_game_grows_by_what_each_says():
    game = longest(config(max_turns=3))
    assert [(speech.seat, speech.task) for speech in game.speeches] == [
        (0, Task.UTTERANCE),
        (1, Task.UTTERANCE),
        (0, Task.UTTERANCE),
        (0, Task.COMPLETION),
    ]
    first, _, third, answer = game.speeches
    assert third.context == first.end + third.fresh
    assert answer.context == third.end + answer.fresh
    assert game.context == answer.context + 20
    assert game.rows(config().trained_tasks, 0) == [(third.end, 20)]
    assert game.rows(config(trained_tokens="dialogue+completion").trained_tasks, 0) == [(answer.end, 40)]


def test_a_prompt_that_a_history_window_has_cut_is_read_anew_and_begins_a_row():
    windowed = config(max_turns=5, history_turns=2)
    game = longest(windowed)
    assert [speech.anew for speech in game.speeches] == [True, True, False, True, True, True]
    assert game.rows(windowed.trained_tasks, 0) == [(game.speeches[2].end, 20), (game.speeches[4].end, 10)]
    assert windowed.rows_per_game == 2
    full = longest(config(max_turns=5))
    assert game.speeches[4].context < full.speeches[4].context


def test_where_the_window_has_cut_nothing_the_answer_is_in_the_dialogue_s_row():
    wide = config(max_turns=3, history_turns=2, trained_tokens="dialogue+completion")
    game = longest(wide)
    assert game.rows(wide.trained_tasks, 0) == [(game.speeches[-1].end, 40)]


def test_a_single_agent_reads_one_prompt_and_says_one_answer():
    alone = config(method="single-agent")
    game = longest(alone)
    [speech] = game.speeches
    assert game.rows(alone.trained_tasks, 0) == [(speech.context + 20, 20)]
    assert len(game.questions) == 1


@pytest.mark.parametrize("turns", [2, 7])
@pytest.mark.parametrize("method", ["self-play", "single-agent"])
def test_the_judge_is_asked_at_most_what_the_budget_says(method, turns):
    """A run in which nobody agrees before the last turn reaches the bound."""
    settings = config(model="embedded", method=method, max_turns=turns, group_size=2, groups_per_step=2)
    agent = ChatAgent(FakeModel(lambda request: "Hm."))
    judge = ScriptedJudge(agrees=lambda question: len(question.dialogue) == turns)
    games = [Game(f"{n}", two_parties(), (agent, agent)) for n in range(settings.games_per_step)]
    list(play_many(games, judge, **settings.rules))
    assert plan(settings).step.questions == sum(judge.calls)


def test_groups_that_are_played_again_double_the_sampling_and_not_the_rows():
    once, twice = (plan(config(model="embedded", no_signal=kind)).step for kind in ("keep", "resample"))
    assert (twice.sampled, twice.questions) == (2 * once.sampled, 2 * once.questions)
    assert (twice.rows, twice.trained) == (once.rows, once.trained)


def test_another_agent_s_turns_are_not_sampled_here():
    copies, script = (plan(config(model="embedded", opponent=spec)) for spec in ("frozen:1", "scripted:stubborn"))
    assert copies.step.sampled == 16 * (7 * 10 + 20)
    assert script.step.sampled == 16 * (4 * 10 + 20)


@pytest.mark.parametrize(
    ("spec", "copies"), [("frozen:1", []), ("frozen:2", ["past selves, 1"]), ("pool:1,3", ["past selves, 3"])]
)
def test_past_selves_take_memory_but_one_that_is_the_learner_itself(spec, copies):
    found = plan(config(model="embedded", opponent=spec))
    assert [item.name for item in found.memory.standing if "past" in item.name] == copies


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({}, 1),
        ({"opponent": "frozen:2"}, 1),  # its turns are not the learner's
        ({"opponent": "frozen:2", "learner_seat": "alternate"}, 2),
        ({"opponent": "pool:1,8"}, 2),  # two groups, two opponents
        ({"no_signal": "resample"}, 2),
        ({"group_size": 64}, 2),  # 128 games, of which a batch takes 64
    ],
    ids=str,
)
def test_decoding_steps_are_the_tokens_of_the_longest_game_for_each_batch_and_each_set_of_weights(changes, times):
    assert plan(config(model="embedded", **changes)).step.decodes == times * (7 * 10 + 20)


def test_the_embedded_models_step_takes_what_was_measured_and_another_models_what_is_assumed():
    measured = json.loads((Path(__file__).parents[2] / "measurements/results/decoding_steps.json").read_text())
    assert step_time("embedded", 30).milliseconds == measured["milliseconds"]["16 rows"]["ours"]
    assert step_time("Qwen/Qwen3-4B", 36).milliseconds == 36


def test_a_model_that_cannot_be_sampled_here_is_refused_unless_a_server_samples(tmp_path):
    from transformers import AutoConfig

    sizes = {"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 99}
    kinds = ["conv", "full_attention"]
    AutoConfig.for_model("lfm2", num_hidden_layers=2, layer_types=kinds, **sizes).save_pretrained(tmp_path)
    settings = config(model=str(tmp_path), adapter="none")
    with pytest.raises(UserError, match="lfm2 cannot be sampled in this process: it has layers of the kind conv"):
        plan(settings)
    assert plan(settings.model_copy(update={"engine": "vllm:http://127.0.0.1:1"})).step.decodes > 0


def test_of_many_held_out_games_those_of_two_batches_are_held_and_one_is_sampled_for():
    found = {number: plan(config(model="embedded", eval_scenarios=number)).memory for number in (40, 80, 100)}
    kept = {n: sum(item.gib for item in each.standing if item.name == "keys and values") for n, each in found.items()}
    assert kept[100] == kept[80] == pytest.approx(2 * kept[40])
    assert found[100].sampling == found[40].sampling


def test_evaluations_come_before_after_and_every_so_often():
    counts = [plan(config(model="embedded", max_steps=100, eval_every=every)).evaluations for every in (0, 25, 30)]
    assert counts == [2, 5, 5]
    assert plan(config(model="embedded", eval_split="none")).evaluations == 0


@pytest.mark.models
def test_what_a_real_game_samples_and_reads_stays_within_the_bound():
    """With the model's own tokenizer, on two layers of it: its words never end by themselves before the limit."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from negotiation_env.agents.models.chat_tokens import ChatTokens
    from negotiation_env.agents.models.embedded import embedded_model
    from negotiation_env.agents.models.in_process import InProcessModel
    from negotiation_env.interfaces import Sampling

    tokenizer = AutoTokenizer.from_pretrained(embedded_model())
    model = AutoModelForCausalLM.from_pretrained(embedded_model(), dtype=torch.float32, num_hidden_layers=2).eval()
    settings = config(max_turns=4)
    agent = ChatAgent(InProcessModel(model, tokenizer, "two layers"), Sampling(1.0, 1.0, 10), Sampling(1.0, 1.0, 20))
    judge = ScriptedJudge(agrees=lambda question: len(question.dialogue) == 4)
    [episode] = play_many([Game("g", two_parties(), (agent, agent))], judge, prompts="handshake", **settings.rules)
    bound = longest(settings, Ruler(10, 20, ChatTokens(tokenizer).prompt))
    for said, speech in zip(episode.turns, bound.speeches, strict=True):
        assert len(said.tokens.context) <= speech.fresh + 2  # what is said can be spelt in more tokens when it is heard
        assert len(said.tokens.sampled) <= speech.limit


def test_thoughts_come_on_top_of_what_is_said_and_each_turn_is_read_anew_where_they_are_dropped():
    thinks = config(model="Qwen/Qwen3-0.6B", max_turns=3, max_thought_tokens=50)
    silent, dropped, kept = (
        longest(thinks, Ruler(10, 20, None, thought, anew)) for thought, anew in ((0, False), (50, True), (50, False))
    )
    assert [speech.context for speech in dropped.speeches] == [speech.context for speech in silent.speeches]
    assert [speech.limit for speech in dropped.speeches] == [60, 60, 60, 70]
    assert all(speech.anew for speech in dropped.speeches)
    assert dropped.rows(thinks.trained_tasks, 0) == [(speech.end, 60) for speech in dropped.speeches[:3:2]]
    assert dropped.rows(thinks.trained_tasks, 0, thoughts=False)[0] == (dropped.speeches[0].end, 10)
    assert kept.speeches[2].context == silent.speeches[2].context + 50
    assert kept.speeches[3].context == silent.speeches[3].context + 100
    assert kept.speeches[3].context == kept.speeches[2].end + kept.speeches[3].fresh
    assert len(kept.rows(thinks.trained_tasks, 0)) == 1


@pytest.mark.parametrize(("trained", "counted"), [("dialogue", 4 * 60), ("words", 4 * 10)])
def test_a_plan_counts_thoughts_among_what_is_sampled_and_where_they_are_trained(trained, counted):
    found = plan(config(model="Qwen/Qwen3-0.6B", max_thought_tokens=50, trained_tokens=trained))
    assert found.step.sampled == 16 * (7 * 60 + 70)
    assert found.step.rows == 16 * 4
    assert found.step.trained == 16 * counted


def test_under_guards_every_try_that_the_ladders_allow_is_counted_and_stays_in_its_speakers_chat():
    free, guarded = config(max_turns=4), config(max_turns=4, guards="anti_hacking")
    tries = 6  # steps to ask again on its ladders
    bound = longest_game(
        two_parties(), Rules(**guarded.rules), RULER, [shipped_prompts("handshake")], load_guards("anti_hacking")
    )
    without = longest(free).speeches
    assert len(bound.speeches) == len(without) + 2 * tries
    assert [each.seat for each in bound.speeches[: 2 * tries + 2]] == [0] * (tries + 1) + [1] * (tries + 1)
    assert bound.speeches[-1].context > without[-1].context + tries * RULER.turn
    assert len(bound.rows(guarded.trained_tasks, 0)) == 1
    assert plan(guarded).step.sampled == plan(free).step.sampled + 16 * 2 * tries * 10
