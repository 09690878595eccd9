"""Models that think, in the real chat templates: which chats grow, what a reply holds, and what a budget does."""

import copy

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from transformers import Qwen3Config, Qwen3ForCausalLM  # noqa: E402

from negotiation_env import ChatRequest, Sampling, ScriptedJudge, load_scenarios  # noqa: E402
from negotiation_env.agents.chat import ChatAgent  # noqa: E402
from negotiation_env.agents.models.chat_tokens import ChatTokens, Marks  # noqa: E402
from negotiation_env.agents.models.in_process import InProcessModel  # noqa: E402
from negotiation_env.episodes.runner import Game, play_many  # noqa: E402
from negotiation_env.errors import ModelError  # noqa: E402
from negotiation_env.text.thoughts import split_thought  # noqa: E402
from negotiation_env.training.rows import learner_rows  # noqa: E402
from tests.agents.test_chat_templates import (  # noqa: E402
    SYSTEM,
    TALK,
    rebuilt_tokenizer,
    template,
    tokenizer,
    trained_logprobs,
)

pytestmark = pytest.mark.models

DROP, KEEP = ("qwen3", "qwen3_5_think"), ("qwen3_training", "qwen3_5_think_training")
THOUGHT, BUDGET, TURN = "Half is too little.", 6, Sampling(0.7, 1.0, 8)


def thinker(name):
    """Qwen3's tokenizer with a template of its family."""
    words = copy.deepcopy(tokenizer("qwen3"))
    words.chat_template = template(name)
    return words


def thinking(name):
    return ChatTokens(thinker(name), thinking=True)


def thinking_network(**settings):
    """Qwen3's architecture with tiny random weights; it often opens and closes thoughts, and ends turns."""
    words, chat = tokenizer("qwen3"), thinking("qwen3")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes |= {"num_key_value_heads": 2, "head_dim": 8, "tie_word_embeddings": False} | settings
    network = Qwen3ForCausalLM(Qwen3Config(vocab_size=len(words), initializer_range=0.3, **sizes)).float().eval()
    network.lm_head.weight.data[[chat.end, chat.marks.opens, chat.marks.closes]] *= 4.0
    return network


@pytest.mark.parametrize("name", DROP + KEEP)
def test_a_chat_is_rendered_anew_where_its_template_drops_answered_thoughts(name):
    chat = thinking(name)
    assert chat.anew == (name in DROP)
    if chat.anew:
        with pytest.raises(ModelError, match="drops answered thoughts"):
            chat.follow_up([TALK[2]])


@pytest.mark.parametrize("name", DROP + KEEP)
def test_a_prompt_is_what_the_template_renders_with_thinking_on(name):
    chat = [SYSTEM, *TALK]
    rendered = thinker(name).apply_chat_template(
        chat, add_generation_prompt=True, enable_thinking=True, return_dict=False
    )
    assert thinking(name).prompt(chat) == rendered


@pytest.mark.parametrize("name", KEEP)
def test_a_chat_whose_template_keeps_thoughts_grows_into_the_whole_that_it_renders(name):
    chat, words = thinking(name), thinker(name)
    cued = "" if chat.marks.cued else "<think>\n"
    said = f"{THOUGHT}\n</think>\n\nThen half each."
    grown = [*chat.prompt(TALK[:1]), *words(cued + said, add_special_tokens=False).input_ids, chat.end]
    answered = {"role": "assistant", "content": "<think>\n" + said}
    whole = [TALK[0], answered, TALK[2]]
    expected = words.apply_chat_template(whole, add_generation_prompt=True, enable_thinking=True, return_dict=False)
    assert grown + chat.follow_up([TALK[2]]) == expected


@pytest.mark.parametrize("name", ["smollm2", "llama3", "gemma3"])
def test_a_model_without_marks_for_thoughts_is_not_asked_to_think(name):
    with pytest.raises(ModelError, match="no tokens that open and close a thought"):
        ChatTokens(tokenizer(name), thinking=True)


def test_a_thought_that_the_template_has_opened_is_told_from_words_though_nothing_closes_it():
    chat, words = thinking("qwen3_5_think"), tokenizer("qwen3")
    ids = words(f"{THOUGHT}", add_special_tokens=False).input_ids
    assert split_thought(chat.text(ids)) == (THOUGHT, "")
    assert split_thought(chat.text([*ids, chat.marks.closes, *words("No.").input_ids, chat.end])) == (THOUGHT, "No.")


def test_marks_stay_in_the_text_though_the_tokenizer_takes_them_for_control_tokens():
    words = rebuilt_tokenizer("qwen3")
    words.add_special_tokens({"additional_special_tokens": ["[THINK]", "[/THINK]"]})
    words.add_tokens(["<think>"], special_tokens=True)
    chat = ChatTokens(words)
    ids = [chat.marks.opens, *words(THOUGHT).input_ids, chat.marks.closes, *words("No.").input_ids, chat.end]
    assert split_thought(chat.text(ids)) == (THOUGHT, "No.")


@pytest.mark.parametrize(
    ("cued", "ids", "thought"),
    [
        (False, [5, 6], [0, 0]),
        (False, [1, 5, 2, 6], [1, 1, 1, 0]),
        (False, [1, 5, 6], [1, 1, 1]),
        (False, [5, 2, 6], [1, 1, 0]),
        (False, [1, 1, 2, 2, 6, 1, 5], [1, 1, 1, 0, 0, 1, 1]),
        (True, [5, 2, 6], [1, 1, 0]),
        (True, [5, 6], [1, 1]),
        (True, [], []),
    ],
)
def test_a_thought_goes_from_its_opening_mark_to_the_next_closing_one(cued, ids, thought):
    assert Marks(1, 2, cued).thoughts(ids) == [bool(each) for each in thought]


def played(name, max_turns=6, games=6):
    """Games of a thinking model with itself."""
    model = InProcessModel(thinking_network(), thinker(name), name, max_thought_tokens=BUDGET)
    agent = ChatAgent(model, TURN, TURN)
    chosen = [Game(scenario.id, scenario, (agent, agent), seed=3) for scenario in load_scenarios("everyday")[:games]]
    return model, list(play_many(chosen, ScriptedJudge(agrees=lambda question: False), max_turns=max_turns))


def first_thought(marks, ids):
    """How many ids of a reply are the thought that it begins with, or comes to."""
    start = 0 if marks.cued else (*ids, marks.opens).index(marks.opens)
    return len(ids[start : (*ids, marks.closes).index(marks.closes, start) + 1])


@pytest.mark.parametrize("name", DROP + KEEP)
def test_a_thought_stays_within_its_budget_and_the_words_within_theirs(name):
    model, episodes = played(name)
    traces, marks = [said.tokens for episode in episodes for said in episode.turns], model.tokens.marks
    for trace in traces:
        thought = first_thought(marks, trace.sampled)
        assert thought == BUDGET if trace.forced else thought <= BUDGET
        assert len(trace.sampled) - thought <= TURN.max_tokens
        assert all(trace.sampled[place] == marks.closes and trace.logprobs[place] == 0.0 for place in trace.forced)
    assert {len(trace.forced) for trace in traces} == {0, 1}


@pytest.mark.parametrize("name", DROP + KEEP)
def test_each_turn_is_a_row_where_thoughts_are_dropped_and_a_game_is_one_where_they_are_kept(name):
    model, episodes = played(name)
    for episode in episodes:
        assert len(learner_rows(episode, 0, model.tokens.end)) == (3 if name in DROP else 1)


@pytest.mark.parametrize("left_out", [False, True], ids=["dialogue", "words"])
@pytest.mark.parametrize("name", DROP + KEEP)
def test_a_row_counts_what_was_sampled_with_its_log_probabilities_and_not_the_mark_that_was_fed(name, left_out):
    model, episodes = played(name)
    skipped = model.tokens.marks.thoughts
    for episode in episodes:
        rows = learner_rows(episode, 0, model.tokens.end, left_out=skipped if left_out else None)
        counted = [token for row in rows for token, mask in zip(row.completion, row.mask, strict=True) if mask]
        assert counted == [
            token
            for trace in (said.tokens for said in episode.turns if said.seat == 0)
            for place, (token, skip) in enumerate(zip(trace.sampled, skipped(trace.sampled), strict=True))
            if place not in trace.forced and not (left_out and skip)
        ]
        for row in rows:
            assert (trained_logprobs(model.model, row) - torch.tensor(row.logprobs)).abs().max() < 1e-4


@pytest.mark.parametrize("name", DROP)
def test_a_prompt_holds_no_earlier_thought(name):
    model, episodes = played(name)
    marks = model.tokens.marks
    for trace in (said.tokens for episode in episodes for said in episode.turns):
        assert trace.fresh
        assert trace.context.count(marks.opens) == marks.cued
        assert marks.closes not in trace.context


def test_the_same_is_sampled_whatever_else_is_in_the_batch():
    model = InProcessModel(thinking_network(), thinker("qwen3"), "tiny", max_thought_tokens=BUDGET)
    requests = [ChatRequest((TALK[0],), TURN, seed) for seed in range(8)]
    together = [reply.tokens.sampled for reply in model.chat(requests)]
    assert together == [reply.tokens.sampled for request in requests for reply in model.chat([request])]
