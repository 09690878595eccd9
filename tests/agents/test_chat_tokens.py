import copy

import pytest

pytest.importorskip("transformers")

from negotiation_env.agents.models.chat_tokens import ChatTokens
from negotiation_env.agents.models.embedded import embedded_model
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


def with_template(tokens, template):
    other = copy.deepcopy(tokens.tokenizer)
    other.chat_template = template
    return other


def test_a_template_that_rewrites_earlier_turns_is_refused(tokens):
    other = with_template(tokens, "{{ messages | length }}" + tokens.tokenizer.chat_template)
    with pytest.raises(ModelError, match="rewrites earlier turns"):
        ChatTokens(other).follow_up([MORE])


def test_a_template_that_drops_thoughts_which_are_not_empty_is_refused(tokens):
    cue = "<|im_start|>assistant\n"
    thinking = tokens.tokenizer.chat_template.replace(cue, cue + "<think>\n")
    with pytest.raises(ModelError, match="set one that keeps them"):
        ChatTokens(with_template(tokens, thinking)).follow_up([MORE])


@pytest.mark.parametrize("line", ["{{ message['role'] }}: {{ message['content'] }}\n", "<|im_end|>"])
def test_a_template_that_ends_a_turn_with_no_control_token_is_refused(tokens, line):
    with pytest.raises(ModelError, match="ends a turn with no control token"):
        ChatTokens(with_template(tokens, "{% for message in messages %}" + line + "{% endfor %}"))


def test_a_cue_whose_last_white_space_is_joined_otherwise_in_a_longer_text_is_kept_as_it_was_seen(tokens):
    spaced = ChatTokens(with_template(tokens, tokens.tokenizer.chat_template.replace("\n'", "\n\n'")))
    whole = spaced.prompt([SYSTEM, ASK, {"role": "assistant", "content": "Fine."}, MORE])
    words = tokens.tokenizer("Fine.", add_special_tokens=False).input_ids
    grown = spaced.prompt([SYSTEM, ASK]) + words + [spaced.end] + spaced.follow_up([MORE])
    assert grown != whole
    assert tokens.tokenizer.decode(grown) == tokens.tokenizer.decode(whole)


@pytest.mark.parametrize("deaf", ["{% if role == 'system' %}{{ raise_exception('no') }}{% endif %}", ""])
def test_where_a_template_has_no_system_role_its_message_opens_the_users_first(tokens, deaf):
    turn = "{% if role != 'system' %}<|im_start|>{{ role }}\n{{ message['content'] }}<|im_end|>\n{% endif %}"
    loop = "{% for message in messages %}{% set role = message['role'] %}" + deaf + turn + "{% endfor %}"
    model = ChatTokens(with_template(tokens, loop + "<|im_start|>assistant\n"))
    folded = {"role": "user", "content": "Be brief.\n\nHello"}
    assert model.prompt([SYSTEM, ASK]) == model.prompt([folded])
    assert "Be brief.\n\nHello" in tokens.tokenizer.decode(model.prompt([SYSTEM, ASK]))


def test_the_end_of_a_turn_is_no_word_even_where_the_tokenizer_does_not_call_it_special(tokens):
    marked = tokens.tokenizer.chat_template.replace("<|im_end|>", "<|over|>")
    other = with_template(tokens, marked)
    other.add_tokens(["<|over|>"])
    model = ChatTokens(other)
    assert model.end not in other.all_special_ids
    assert model.text([*other("Fine.", add_special_tokens=False).input_ids, model.end]) == "Fine."


def test_a_tokenizer_without_a_template_is_told(tokens):
    with pytest.raises(ModelError, match="no chat template"):
        ChatTokens(with_template(tokens, None))
