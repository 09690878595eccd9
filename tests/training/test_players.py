import pytest

torch = pytest.importorskip("torch")

from agents.models.fake import FakeModel  # noqa: E402
from agents.scripted import ScriptedAgent  # noqa: E402
from negotiation_env.events import Question, QuestionKind, Task  # noqa: E402
from negotiation_env.interfaces import Reply  # noqa: E402
from tests.conftest import two_parties  # noqa: E402
from tests.llm_replies import judge_reply  # noqa: E402
from training.config import TrainConfig  # noqa: E402
from training.players import Players  # noqa: E402
from training.run import judge_of  # noqa: E402
from training.snapshots import Snapshots  # noqa: E402


class FakeEngine:
    """Notes what it is synced with; its policies say their version."""

    def __init__(self):
        self.synced = []

    def sync(self, version, past):
        self.synced.append((version, sorted(past)))

    def policy(self, version):
        return FakeModel(lambda request: Reply(str(version)))


def players(**settings):
    network = torch.nn.Linear(2, 2)
    snapshots = Snapshots(network)
    return Players(TrainConfig(**settings), FakeEngine(), snapshots), snapshots, network


def test_each_step_brings_the_engine_up_to_date_once():
    who, snapshots, _ = players(opponent="frozen:2")
    for version in (0, 0, 1, 2, 3):
        who.prepare(version)
    assert who.engine.synced == [(0, [0]), (1, [0]), (2, [2]), (3, [2])]
    assert snapshots.versions == [2]


def test_a_copy_of_the_weights_of_now_is_the_learner_itself():
    who, _, _ = players(opponent="frozen:2")
    who.prepare(2)
    assert who.against(0)[1] is who.learner
    who.prepare(3)
    opponent, agent = who.against(0)
    assert (opponent.name, opponent.version) == ("frozen:2", 2)
    assert agent is not who.learner


def test_an_agent_that_is_no_copy_plays_as_it_is():
    who, snapshots, _ = players(opponent="scripted:stubborn")
    who.prepare(5)
    opponent, agent = who.against(0)
    assert (opponent.name, opponent.version) == ("scripted:stubborn", None)
    assert isinstance(agent, ScriptedAgent)
    assert snapshots.versions == []


def test_the_pool_goes_on_from_a_checkpoint(tmp_path):
    who, snapshots, network = players(opponent="pool:1,3,rated")
    for version in range(5):
        who.prepare(version)
        network.weight.data += 1.0
    who.save(tmp_path)
    again, restored, other = players(opponent="pool:1,3,rated")
    again.load(tmp_path)
    assert restored.versions == snapshots.versions == [2, 3, 4]
    with snapshots.swapped_in(3), restored.swapped_in(3):
        assert torch.equal(network.weight, other.weight)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"completion_temperature": 0.1}, (0.1, 0.95)),
        ({"completion_temperature": 0.1, "trained_tokens": "dialogue+completion"}, (0.7, 1.0)),
        ({"method": "single-agent", "temperature": 1.0}, (1.0, 1.0)),
    ],
)
def test_an_answer_that_is_trained_is_sampled_from_the_distribution_that_is_trained(settings, expected):
    who, _, _ = players(**settings)
    who.prepare(0)
    sampling = who.learner.sampling(Task.COMPLETION)
    assert (sampling.temperature, sampling.top_p) == expected
    assert who.learner.sampling(Task.UTTERANCE).top_p == 1.0


def test_the_learner_can_be_its_own_judge():
    def reply(request):
        return judge_reply(
            {"messages": request.messages, "response_format": {"json_schema": {"schema": request.schema}}}
        )

    who, _, _ = players()
    who.engine.policy = lambda version: FakeModel(reply)
    who.prepare(0)
    question = Question(QuestionKind.SCORE, two_parties(), completion="We share the well from Monday on.")
    assert judge_of("self", who).judge([question])[0].value is not None
