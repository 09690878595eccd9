import pytest

torch = pytest.importorskip("torch")

from peft import LoraConfig, get_peft_model  # noqa: E402

from negotiation_env import ChatRequest, Sampling  # noqa: E402
from negotiation_env.agents.models.in_process import InProcessModel  # noqa: E402
from negotiation_env.training.engines.in_process import InProcess  # noqa: E402
from negotiation_env.training.engines.snapshots import Snapshots  # noqa: E402
from tests.helpers.families import tiny  # noqa: E402

pytestmark = pytest.mark.models

REQUEST = ChatRequest(({"role": "user", "content": "Which plan?"},), Sampling(1.0, 1.0, 6), seed=3)


def moved(model):
    with torch.no_grad():
        for parameter in (each for each in model.parameters() if each.requires_grad):
            parameter += 0.05 * torch.randn_like(parameter)


def said(chat_model):
    (reply,) = chat_model.chat([REQUEST])
    return reply.tokens.sampled, torch.tensor(reply.tokens.logprobs)


@pytest.mark.parametrize("shape", [{}, {"use_dora": True}, {"modules_to_save": ["lm_head"]}], ids=str)
def test_each_version_samples_with_its_own_weights_as_the_plain_model_would(shape):
    """The learner of now and a past one take turns, before and after a step."""
    torch.manual_seed(0)
    network, tokenizer = tiny("qwen2")
    model = get_peft_model(
        network, LoraConfig(**{"r": 4, "target_modules": "all-linear", "init_lora_weights": False} | shape)
    )
    snapshots, expected = Snapshots(model), {}
    engine = InProcess(model, tokenizer, snapshots)
    for version in range(3):
        moved(model)
        snapshots.take(version)
        expected[version] = said(InProcessModel(model, tokenizer, "plain"))
        engine.sync(version, range(version))
        for each in [*range(version + 1), *range(version + 1)]:
            ids, logprobs = said(engine.policy(each))
            assert ids == expected[each][0]
            assert torch.allclose(logprobs, expected[each][1], atol=1e-3)
    assert len({tuple(logprobs.tolist()) for _, logprobs in expected.values()}) == 3
