"""Every class of model that is said to be supported samples as it reads: tiny, random weights, a short window."""

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402

from negotiation_env import Sampling, ScriptedJudge, load_scenarios  # noqa: E402
from negotiation_env.agents.chat import ChatAgent  # noqa: E402
from negotiation_env.agents.models.attention import attention_of, layer_window  # noqa: E402
from negotiation_env.agents.models.in_process import InProcessModel  # noqa: E402
from negotiation_env.episodes.runner import Game, play_many  # noqa: E402
from negotiation_env.errors import UserError  # noqa: E402
from negotiation_env.training.rows import learner_rows  # noqa: E402
from tests.helpers.families import FAMILIES, WITHOUT_ROWS_WITH_HOLES, tiny  # noqa: E402

TURN = Sampling(0.7, 1.0, 12)


def farthest(name, network, tokenizer):
    """The largest difference between what was noted while sampling and a plain forward pass over a row, in nats."""
    agent = ChatAgent(InProcessModel(network, tokenizer, name), TURN, TURN)
    games = [
        Game(f"{each.id}/{n}", each, (agent, agent), seed=n) for each in load_scenarios("everyday")[:2] for n in (3, 4)
    ]
    apart, lengths = [], set()
    for episode in play_many(games, ScriptedJudge(agrees=lambda question: False), max_turns=5):
        lengths |= {len(said.tokens.sampled) for said in episode.turns}
        [row] = learner_rows(episode, 0, agent.model.tokens.end)
        ids = torch.tensor([row.prompt + row.completion])
        with torch.no_grad():
            logits = network(ids).logits[0, len(row.prompt) - 1 : -1].float() / TURN.temperature
        read = torch.log_softmax(logits, dim=-1)[range(len(row.completion)), row.completion]
        apart.append(((read - torch.tensor(row.logprobs)) * torch.tensor(row.mask)).abs().max().item())
    assert len(lengths) > 2  # turns that end early leave holes in their rows
    return max(apart)


@pytest.mark.models
@pytest.mark.parametrize("name", FAMILIES)
def test_log_probabilities_while_sampling_are_those_of_a_plain_forward_pass(name):
    assert farthest(name, *tiny(name)) < 1e-4


@pytest.mark.parametrize("name", FAMILIES)
def test_a_window_is_found_where_the_class_has_one(name):
    settings = FAMILIES[name]
    found = layer_window(AutoConfig.for_model(name, num_hidden_layers=2, **settings))
    assert found == (settings.get("sliding_window"), name == "gemma2" or "layer_types" in settings)


@pytest.mark.parametrize("name", WITHOUT_ROWS_WITH_HOLES)
def test_layers_that_keep_more_than_keys_and_values_are_refused(name):
    settings = AutoConfig.for_model(name, **WITHOUT_ROWS_WITH_HOLES[name])
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(settings)
    with pytest.raises(UserError, match=f"^{name} cannot be sampled in this process: it has layers .* endpoint$"):
        attention_of(network)


def test_the_page_on_training_names_every_class_that_was_run_and_no_other():
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    [table] = re.findall(r"\| `model_type` in transformers .*?\n\n", page, re.DOTALL)
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(FAMILIES)
