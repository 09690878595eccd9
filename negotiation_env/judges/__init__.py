"""Judges: who decides agreement and scores completions, and how a spec string names one."""

from negotiation_env.errors import UserError
from negotiation_env.interfaces import Judge
from negotiation_env.specs import load_factory

__all__ = ["JUDGE_SPECS", "resolve_judge"]

JUDGE_SPECS = "embedded, scripted, python:MODULE:FACTORY"


def resolve_judge(spec: str | Judge) -> Judge:
    """The judge that a spec string names.

    Args:
        spec: One of `JUDGE_SPECS`, or a judge, which is returned as it is.

    Raises:
        UserError: No such spec; the message lists them.
    """
    if not isinstance(spec, str):
        return spec
    kind, _, rest = spec.partition(":")
    if kind == "embedded" and not rest:
        from negotiation_env.judges.embedded import EmbeddedJudge

        return EmbeddedJudge()
    if kind == "scripted" and not rest:
        from negotiation_env.judges.scripted import ScriptedJudge

        return ScriptedJudge()
    if kind == "python":
        judge: Judge = load_factory(rest)()
        return judge
    raise UserError(f"no judge {spec!r}; expected one of: {JUDGE_SPECS}")
