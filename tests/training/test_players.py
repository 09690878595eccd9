from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from negotiation_env.agents.models.fake import FakeModel  # noqa: E402
from negotiation_env.agents.scripted import ScriptedAgent  # noqa: E402
from negotiation_env.game.events import Question, QuestionKind, Task  # noqa: E402
from negotiation_env.interfaces import Reply  # noqa: E402
from negotiation_env.training.config import TrainConfig  # noqa: E402
from negotiation_env.training.engines.snapshots import Snapshots  # noqa: E402
from negotiation_env.training.opponents import load_ratings  # noqa: E402
from negotiation_env.training.players import Players  # noqa: E402
from negotiation_env.training.run import judge_of  # noqa: E402
from tests.conftest import two_parties  # noqa: E402
from tests.helpers.llm_replies import judge_reply  # noqa: E402


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


def test_each_step_brings_the_engine_up_to_date():
    who, snapshots, _ = players(opponent="frozen:2")
    for version in (0, 1, 2, 3):
        who.prepare(version)
    assert who.engine.synced == [(0, [0]), (1, [0]), (2, [2]), (3, [2])]
    assert snapshots.versions == [2]


def test_what_an_evaluation_left_in_the_engine_is_gone_when_the_training_begins():
    who, _, _ = players()
    who.prepare(0)
    evaluated = who.learner.model
    who.prepare(0)
    assert who.engine.synced == [(0, [0]), (0, [0])]
    assert who.learner.model is not evaluated


@pytest.mark.parametrize(("spec", "kept"), [("current", []), ("frozen:1", []), ("base", [0]), ("pool:1,2", [2, 3])])
def test_only_copies_that_will_play_again_are_kept(spec, kept):
    who, snapshots, _ = players(opponent=spec)
    for version in range(4):
        who.prepare(version)
    assert snapshots.versions == kept


def met(version, *rewards, group=0):
    tags = {"group": group, "opponent_version": version}
    return [SimpleNamespace(tags=tags, reward=reward) for reward in rewards]


def test_a_group_counts_once_in_its_opponent_s_rating(tmp_path):
    who, _, _ = players(opponent="pool:1,3,rated")
    who.note([*met(1, 4.0, 4.0, 4.0, None), *met(None, 1.0, 1.0, group=1)])
    who.note([*met(1, 0.0, 1.0, 2.0, None), *met(2, None, None, group=1)])
    who.save(tmp_path)
    assert load_ratings(tmp_path).means == {1: pytest.approx(4.0 + 0.2 * (1.0 - 4.0))}


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
