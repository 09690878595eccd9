import pytest

from agents.chat import ChatAgent
from agents.models.fake import FakeModel
from negotiation_env import Reply, ScriptedJudge
from negotiation_env.interfaces import TokenTrace
from negotiation_env.runner import Game, play
from tests.conftest import two_parties
from training.rows import learner_row

END = 2


def episode(traces, words="Hm.", max_turns=4):
    """A game in which each seat's turns carry the given traces, the completion's included."""
    left = {0: list(traces), 1: [TokenTrace((9,), (8, END), (0.0, 0.0)) for _ in range(9)]}

    def reply(request):
        return Reply(words, tokens=left[int(request.conversation[-1])].pop(0))

    agent = ChatAgent(FakeModel(reply))
    return play(Game("g", two_parties(), (agent, agent)), ScriptedJudge(), max_turns=max_turns)


def test_only_what_the_learner_sampled_in_the_dialogue_counts():
    first = TokenTrace((10, 11), (20, 21, END), (-0.1, -0.2, -0.3))
    second = TokenTrace((30, 31), (40, END), (-0.4, -0.5), fresh=False)
    row = learner_row(episode([first, second]), 0, END)
    assert row.prompt == (10, 11)
    assert row.completion == (20, 21, END, 30, 31, 40, END)
    assert row.mask == (1, 1, 1, 0, 0, 1, 1)
    assert row.logprobs == (-0.1, -0.2, -0.3, 0.0, 0.0, -0.4, -0.5)


def test_a_row_that_was_cut_off_is_closed_by_an_uncounted_end():
    row = learner_row(episode([TokenTrace((10,), (20,), (-0.1,))], max_turns=2), 0, END)
    assert (row.completion, row.mask) == ((20, END), (1, 0))


def test_the_joint_answer_is_left_out():
    trace = TokenTrace((10,), (20, END), (-0.1, -0.1))
    answer = TokenTrace((50,), (60, END), (-0.1, -0.1), fresh=False)
    words = "Yes.\nPROPOSE: Share."
    agreeing = {0: [trace, answer], 1: [TokenTrace((9,), (8, END), (0.0, 0.0))]}

    def reply(request):
        seat = int(request.conversation[-1])
        return Reply(words if seat == 0 else "Yes.\nACCEPT", tokens=agreeing[seat].pop(0))

    agent = ChatAgent(FakeModel(reply))
    played = play(Game("g", two_parties(), (agent, agent)), ScriptedJudge())
    assert played.said[-1].task == "completion"
    assert learner_row(played, 0, END).completion == (20, END)


def test_a_seat_that_never_spoke_gets_one_uncounted_token():
    def reply(request):
        return Reply("", error="lost")

    agent = ChatAgent(FakeModel(reply))
    row = learner_row(play(Game("g", two_parties(), (agent, agent)), ScriptedJudge()), 1, END)
    assert (row.completion, row.mask) == ((END,), (0,))


def test_turns_that_do_not_make_one_row_are_refused():
    again = TokenTrace((10,), (20, END), (-0.1, -0.1), fresh=True)
    with pytest.raises(ValueError, match="does not go on"):
        learner_row(episode([again, again]), 0, END)
