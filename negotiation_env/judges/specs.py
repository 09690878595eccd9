"""How a spec string names a judge."""

from pathlib import Path
from typing import Any

from negotiation_env.endpoints.recording import Live, Traffic
from negotiation_env.errors import UserError
from negotiation_env.interfaces import Judge
from negotiation_env.specs import FILE, load_factory, make, parse, require_name
from negotiation_env.specs.kinds import JUDGES
from negotiation_env.text.secrets import without_secrets

__all__ = ["resolve_judge"]


def resolve_judge(spec: str | Path | Judge, traffic: Traffic | None = None, *, cache: bool = True) -> Judge:
    """The judge that a spec string names.

    Args:
        spec: One of `negotiation_env.specs.kinds.JUDGES`, or a judge, which is returned as it is. A TOML file, which
            may be named by a path, holds the settings of an LLM judge; see `negotiation_env.judges.llm_file`. A
            function is one from a question to a number; see `FunctionJudge`.
        traffic: Where the judge's model comes from; live by default.
        cache: Let an LLM judge keep its replies on disk. A recording or replay has no cache.

    Raises:
        UserError: No such spec; the message lists them. Or what it names cannot be made, or it is no judge.
    """
    if isinstance(spec, Path):
        spec = str(spec)
    if not isinstance(spec, str):
        return _checked(spec)
    require_name(spec, "judge")
    shown, found = without_secrets(spec), parse(spec)
    kind = JUDGES.find(found, shown)
    if found.kind == "panel":
        return _panel([resolve_judge(member, traffic, cache=cache) for member in found.members], found.rest, shown)
    if found.kind in ("openai", FILE):
        from negotiation_env.judges.llm_file import judge_settings, llm_judge

        return llm_judge(judge_settings(found), traffic or Live(), cache=cache)
    if found.kind == "function":
        from negotiation_env.judges.functions import FunctionJudge

        return FunctionJudge(load_factory(found.rest, "function"), name=spec)
    made = make(spec, load_factory(found.rest)) if found.kind == "python" else kind.make(found)
    judge = _checked(made, f"{shown} made")
    require_name(judge.name, f"the judge that {shown} made")
    return judge


def _checked(made: Any, told: str = "got") -> Judge:
    if not (isinstance(getattr(made, "name", None), str) and callable(getattr(made, "judge", None))):
        wrap = "; FunctionJudge makes one of a function" if callable(made) else ""
        raise UserError(f"{told} a {type(made).__name__}; expected a Judge (name, judge){wrap}")
    judge: Judge = made
    return judge


def _panel(members: list[Judge], combine: str, shown: str) -> Judge:
    from negotiation_env.judges.panel import ExaminingPanel, PanelJudge
    from negotiation_env.judges.probes import Examiner

    kind = ExaminingPanel if all(isinstance(member, Examiner) for member in members) else PanelJudge
    try:
        return kind(members, combine)
    except ValueError as error:
        raise UserError(f"{shown}: {error}") from error
