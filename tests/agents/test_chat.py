import pytest

from negotiation_env import Sampling
from negotiation_env.agents.chat import COMPLETION, DIALOGUE, ChatAgent, with_sampling
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.agents.scripted import ScriptedAgent
from negotiation_env.game.events import Task


@pytest.fixture
def agent():
    return ChatAgent(FakeModel(), name="embedded")


def samplings(agent):
    return agent.sampling(Task.UTTERANCE), agent.sampling(Task.COMPLETION)


def test_greedy_is_the_same_model_and_name_with_the_same_limits_and_no_chance(agent):
    greedy = with_sampling(agent, greedy=True)
    assert (greedy.model, greedy.name) == (agent.model, "embedded")
    assert samplings(greedy) == (Sampling(0.0, 1.0, DIALOGUE.max_tokens), Sampling(0.0, 1.0, COMPLETION.max_tokens))


def test_token_limits_of_turns_and_completions_are_set_apart(agent):
    turns, completions = samplings(with_sampling(agent, max_turn_tokens=7, max_completion_tokens=9))
    assert (turns.max_tokens, completions.max_tokens) == (7, 9)
    assert (turns.temperature, completions.temperature) == (DIALOGUE.temperature, COMPLETION.temperature)


def test_the_agent_itself_stays_as_it_was(agent):
    with_sampling(agent, greedy=True, max_turn_tokens=7)
    assert samplings(agent) == (DIALOGUE, COMPLETION)


def test_who_samples_nothing_comes_back_unchanged():
    script = ScriptedAgent("stubborn")
    assert with_sampling(script, greedy=True, max_turn_tokens=7) is script


def test_a_limit_below_one_is_refused(agent):
    with pytest.raises(ValueError, match="max_tokens >= 1"):
        with_sampling(agent, max_turn_tokens=0)
