import pytest

from negotiation_env import Reply, ScriptedJudge
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.episodes.runner import Game, play
from negotiation_env.game.events import Task
from negotiation_env.guards.files import Constraint, Guards, Intervention
from negotiation_env.interfaces import TokenTrace
from negotiation_env.training.rows import learner_rows
from tests.conftest import two_parties

END = 2
BOTH = (Task.UTTERANCE, Task.COMPLETION)


def episode(traces, max_turns=4, agree=False):
    """A game in which seat 0's turns carry the given traces, the completion's included."""
    left = {0: list(traces), 1: [TokenTrace((9,), (8, END), (0.0, 0.0)) for _ in range(9)]}
    words = {0: "Yes.\nPROPOSE: Share.", 1: "Yes.\nACCEPT"} if agree else {0: "Hm.", 1: "Hm."}

    def reply(request):
        seat = int(request.conversation[-1])
        return Reply(words[seat], tokens=left[seat].pop(0))

    agent = ChatAgent(FakeModel(reply))
    return play(Game("g", two_parties(), (agent, agent)), ScriptedJudge(), max_turns=max_turns)


def test_only_what_the_learner_sampled_in_the_dialogue_counts():
    first = TokenTrace((10, 11), (20, 21, END), (-0.1, -0.2, -0.3))
    second = TokenTrace((30, 31), (40, END), (-0.4, -0.5), fresh=False)
    [row] = learner_rows(episode([first, second]), 0, END)
    assert row.prompt == (10, 11)
    assert row.completion == (20, 21, END, 30, 31, 40, END)
    assert row.mask == (1, 1, 1, 0, 0, 1, 1)
    assert row.logprobs == (-0.1, -0.2, -0.3, 0.0, 0.0, -0.4, -0.5)


def test_a_row_that_was_cut_off_is_closed_by_an_uncounted_end():
    [row] = learner_rows(episode([TokenTrace((10,), (20,), (-0.1,))], max_turns=2), 0, END)
    assert (row.completion, row.mask) == ((20, END), (1, 0))


SAID = TokenTrace((10,), (20, END), (-0.1, -0.2))
ANSWER = TokenTrace((50,), (60, END), (-0.3, -0.4), fresh=False)


@pytest.mark.parametrize(
    ("trained", "completion", "mask"),
    [
        ((Task.UTTERANCE,), (20, END), (1, 1)),
        (BOTH, (20, END, 50, 60, END), (1, 1, 0, 1, 1)),
        ((Task.COMPLETION,), (20, END, 50, 60, END), (0, 0, 0, 1, 1)),
    ],
)
def test_the_trained_tokens_are_those_of_the_tasks_asked_for(trained, completion, mask):
    [row] = learner_rows(episode([SAID, ANSWER], agree=True), 0, END, trained)
    assert (row.completion, row.mask) == (completion, mask)
    assert [value != 0 for value in row.logprobs] == [bool(counted) for counted in mask]


def test_a_seat_that_never_spoke_has_no_row():
    agent = ChatAgent(FakeModel(lambda request: Reply("", error="lost")))
    assert learner_rows(play(Game("g", two_parties(), (agent, agent)), ScriptedJudge()), 1, END) == []


def test_a_prompt_that_was_rendered_anew_begins_a_row_of_its_own():
    anew = TokenTrace((10, 12), (21, END), (-0.3, -0.4))
    rows = learner_rows(episode([SAID, anew]), 0, END)
    assert [(row.prompt, row.completion) for row in rows] == [((10,), (20, END)), ((10, 12), (21, END))]


def test_a_turn_without_the_one_that_it_goes_on_from_is_refused():
    with pytest.raises(ValueError, match="no token trace to train on"):
        learner_rows(episode([ANSWER, ANSWER]), 0, END)


def test_what_guards_refused_and_replaced_stays_in_the_row_and_counts_nothing():
    never = Constraint("never", "false", ladder=tuple(map(Intervention, ("ask_again", "record", "replace", "record"))))
    traces = [TokenTrace((n,), (20 + n, END), (-0.1, -0.2), fresh=n == 0) for n in range(4)]
    left = iter(traces)
    agent = ChatAgent(
        FakeModel(lambda request: Reply("Hm.", tokens=next(left) if "/0" in request.conversation else None))
    )
    game = Game("g", two_parties(), (agent, agent))
    played = play(game, ScriptedJudge(), max_turns=6, guards=Guards("g", (never,)))
    [row] = learner_rows(played, 0, END)
    assert row.completion == (20, END, 1, 21, END, 2, 22, END, 3, 23, END)
    assert row.mask == (0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1)
    assert [value != 0 for value in row.logprobs] == [bool(counted) for counted in row.mask]


def test_a_game_in_which_guards_replaced_all_words_of_a_seat_has_no_row():
    never = Constraint("never", "false", ladder=(Intervention.REPLACE,))
    agent = ChatAgent(FakeModel(lambda request: Reply("Hm.", tokens=SAID)))
    played = play(Game("g", two_parties(), (agent, agent)), ScriptedJudge(), guards=Guards("g", (never,)))
    assert learner_rows(played, 0, END) == []
