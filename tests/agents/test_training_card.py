import pytest

from negotiation_env.agents.models.embedded import embedded_adapter
from negotiation_env.agents.models.training_card import CARD, TrainingCard, cards_of, read_card, write_card
from negotiation_env.agents.specs import resolve_agent, resolve_model
from negotiation_env.errors import UserError


@pytest.fixture
def adapter(tmp_path):
    """A folder with the card of an adapter that was trained on weights in 4 bit, and without the adapter."""
    write_card(tmp_path, TrainingCard("gpt on Collective Agency [v2 1]", ("gpt",), "4bit"))
    return tmp_path


def test_a_card_goes_with_the_folder_of_an_adapter_or_model(adapter, tmp_path):
    card = TrainingCard("gpt on Collective Agency [v2 1]", ("gpt",), "4bit")
    assert read_card(adapter) == card
    assert cards_of(f"hf:some/model+{adapter}") == cards_of(f"vllm:{adapter}") == [card]
    assert cards_of("trained") == cards_of("vllm:trained") == [read_card(embedded_adapter("trained"))]
    assert cards_of("hf:some/model") == cards_of("scripted:stubborn") == cards_of("embedded") == []


def test_a_card_that_cannot_be_read_is_told_in_one_line(adapter):
    (adapter / CARD).write_text('{"judge": 3}')
    with pytest.raises(UserError, match=r"training\.json.* is no card of a training; mend it") as told:
        read_card(adapter)
    assert "\n" not in str(told.value)


def test_vllm_refuses_an_adapter_that_was_trained_on_weights_in_4_bit_before_it_loads_anything(adapter):
    with pytest.raises(UserError, match=r"trained on weights in 4 bit, .* play it as hf:ID_OR_DIR\+ADAPTER_DIR"):
        resolve_model(f"vllm:some/model+{adapter}")


@pytest.mark.parametrize("spec", ["vllm:some/model", "openai:m@http://127.0.0.1:9/v1"])
def test_only_weights_in_this_process_can_be_held_in_4_bit(tmp_path, spec):
    (tmp_path / "agent.toml").write_text(f'agent = "{spec}"\nquantise = "4bit"\n')
    with pytest.raises(UserError, match="quantise is for models in this process, hf:ID_OR_DIR; got"):
        resolve_agent(str(tmp_path / "agent.toml"))
