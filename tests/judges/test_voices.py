from negotiation_env import ScriptedJudge
from negotiation_env.agents.models.fake import FakeModel
from negotiation_env.interfaces import Reply
from negotiation_env.judges.criteria import load_criteria
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings
from negotiation_env.judges.panel import PanelJudge
from negotiation_env.judges.voices import voices


def test_a_model_is_one_voice_whatever_it_is_asked_for_and_however():
    model = FakeModel(lambda _: Reply("5"))
    one = LLMJudge(model)
    other = LLMJudge(model, load_criteria("conflict_resolution"), LLMJudgeSettings(samples=3))
    assert one.name != other.name
    assert voices(one) == voices(other) == (model.name,)


def test_a_panel_speaks_with_its_members_voices_and_a_judge_without_a_model_with_its_own():
    scripted, model = ScriptedJudge(), FakeModel(lambda _: Reply("5"))
    assert voices(PanelJudge([scripted, LLMJudge(model), scripted])) == (scripted.name, model.name)
