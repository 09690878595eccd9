import pytest

pytest.importorskip("transformers")

from agents.models.chat_tokens import ChatTokens
from agents.models.embedded import embedded_model
from negotiation_env.errors import ModelError

pytestmark = pytest.mark.models

SYSTEM, ASK, MORE = (
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello"},
    {"role": "user", "content": "And now?"},
)


@pytest.fixture(scope="module")
def tokens():
    from transformers import AutoTokenizer

    return ChatTokens(AutoTokenizer.from_pretrained(embedded_model()))


def test_growing_a_chat_gives_the_ids_of_rendering_it_whole(tokens):
    words = tokens.tokenizer("Fine.", add_special_tokens=False).input_ids
    grown = tokens.prompt([SYSTEM, ASK]) + words + [tokens.end] + tokens.follow_up([MORE])
    whole = tokens.prompt([SYSTEM, ASK, {"role": "assistant", "content": "Fine."}, MORE])
    assert grown == whole


def test_a_template_that_rewrites_earlier_turns_is_refused(tokens):
    import copy

    other = copy.deepcopy(tokens.tokenizer)
    other.chat_template = "{{ messages | length }}" + other.chat_template
    with pytest.raises(ModelError, match="rewrites earlier turns"):
        ChatTokens(other).follow_up([MORE])


def test_a_tokenizer_without_a_template_is_told(tokens):
    import copy

    other = copy.deepcopy(tokens.tokenizer)
    other.chat_template = None
    with pytest.raises(ModelError, match="no chat template"):
        ChatTokens(other)
