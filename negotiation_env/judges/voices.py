"""Who speaks in a judge. One that trained a negotiator is no held-out judge of it, however it is asked."""

from negotiation_env.interfaces import Judge
from negotiation_env.judges.llm import LLMJudge
from negotiation_env.judges.panel import PanelJudge

__all__ = ["voices"]


def voices(judge: Judge) -> tuple[str, ...]:
    """The models behind a judge, whatever they are asked for; a judge without a model is its own voice."""
    if isinstance(judge, PanelJudge):
        return tuple(dict.fromkeys(voice for member in judge.members for voice in voices(member)))
    return (judge.model.name,) if isinstance(judge, LLMJudge) else (judge.name,)
