"""How a spec string names a judge."""

from pathlib import Path
from typing import Any

from negotiation_env.endpoints.address import without_secrets
from negotiation_env.endpoints.recording import Live, Traffic
from negotiation_env.errors import UserError
from negotiation_env.interfaces import Judge
from negotiation_env.specs import load_factory, make, names

__all__ = ["JUDGE_SPECS", "resolve_judge"]

JUDGE_SPECS = (
    "embedded, openai:MODEL[@BASE_URL], FILE.toml, panel:median|mean:SPEC,SPEC…, scripted, function:MODULE:NAME, "
    "python:MODULE:FACTORY"
)


def resolve_judge(spec: str | Judge, traffic: Traffic | None = None, *, cache: bool = True) -> Judge:
    """The judge that a spec string names.

    Args:
        spec: One of `JUDGE_SPECS`, or a judge, which is returned as it is. A TOML file holds the settings of an LLM
            judge; see `negotiation_env.judges.llm_file`. NAME is a function from a question to a number, see
            `FunctionJudge`.
        traffic: Where the judge's model comes from; live by default.
        cache: Let an LLM judge keep its replies on disk. A recording or replay has no cache.

    Raises:
        UserError: No such spec; the message lists them. Or what it names cannot be made.
    """
    if not isinstance(spec, str):
        return spec
    kind, _, rest = spec.partition(":")
    if kind == "embedded" and not rest:
        from negotiation_env.judges.smoke_test.judge import EmbeddedJudge

        return EmbeddedJudge()
    if kind == "scripted" and not rest:
        from negotiation_env.judges.scripted import ScriptedJudge

        return ScriptedJudge()
    if kind == "function":
        from negotiation_env.judges.functions import FunctionJudge

        return FunctionJudge(load_factory(rest, kind), name=spec)
    if kind == "python":
        return _made(spec, make(spec, load_factory(rest)))
    if kind == "panel" and rest:
        return _panel(rest, traffic, cache)
    if (kind == "openai" and rest) or spec.endswith(".toml"):
        from negotiation_env.judges.llm_file import llm_judge, read_llm_judge, short_spec

        found = short_spec(rest) if kind == "openai" else read_llm_judge(Path(spec))
        return llm_judge(found, traffic or Live(), cache=cache)
    raise UserError(f"no judge {without_secrets(spec)!r}; expected one of: {JUDGE_SPECS}")


def _made(spec: str, made: Any) -> Judge:
    if not (isinstance(getattr(made, "name", None), str) and callable(getattr(made, "judge", None))):
        raise UserError(f"{spec} made a {type(made).__name__}; expected a Judge (name, judge)")
    judge: Judge = made
    return judge


def _panel(rest: str, traffic: Traffic | None, cache: bool) -> Judge:
    from negotiation_env.judges.panel import ExaminingPanel, PanelJudge
    from negotiation_env.judges.probes import Examiner

    combine, _, specs = rest.partition(":")
    members = [resolve_judge(spec, traffic, cache=cache) for spec in names(specs) if spec]
    kind = ExaminingPanel if all(isinstance(member, Examiner) for member in members) else PanelJudge
    try:
        return kind(members, combine)
    except ValueError as error:
        raise UserError(f"panel:{without_secrets(rest)}: {error}") from error
