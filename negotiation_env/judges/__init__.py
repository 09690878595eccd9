"""Judges: who decides agreement and scores completions, and how a spec string names one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from negotiation_env.address import without_secrets
from negotiation_env.errors import UserError
from negotiation_env.events import Question, QuestionKind, Verdict
from negotiation_env.interfaces import Judge
from negotiation_env.judges.asking import answers
from negotiation_env.specs import load_factory, make, names, require_name
from negotiation_env.traffic import Live, Traffic

__all__ = ["JUDGE_SPECS", "judged", "resolve_judge"]

JUDGE_SPECS = (
    "embedded, openai:MODEL[@BASE_URL], FILE.toml, panel:median|mean:SPEC,SPEC…, scripted, python:MODULE:FACTORY"
)


def resolve_judge(spec: str | Judge, traffic: Traffic | None = None, *, cache: bool = True) -> Judge:
    """The judge that a spec string names.

    Args:
        spec: One of `JUDGE_SPECS`, or a judge, which is returned as it is. A TOML file holds the settings of an LLM
            judge; see `negotiation_env.judges.llm_file`.
        traffic: Where the judge's model comes from; live by default.
        cache: Let an LLM judge keep its replies on disk. A recording or replay has no cache.

    Raises:
        UserError: No such spec; the message lists them. Or what it names cannot be made.
    """
    if not isinstance(spec, str):
        return spec
    require_name(spec, "judge")
    kind, _, rest = spec.partition(":")
    if kind == "embedded" and not rest:
        from negotiation_env.smoke_test_judge.judge import EmbeddedJudge

        return EmbeddedJudge()
    if kind == "scripted" and not rest:
        from negotiation_env.judges.scripted import ScriptedJudge

        return ScriptedJudge()
    if kind == "python":
        return _made(spec, make(spec, load_factory(rest)))
    if kind == "panel" and rest:
        return _panel(rest, traffic, cache)
    if (kind == "openai" and rest) or spec.endswith(".toml"):
        from negotiation_env.judges.llm_file import llm_judge, read_llm_judge, short_spec

        found = short_spec(rest) if kind == "openai" else read_llm_judge(Path(spec))
        return llm_judge(found, traffic or Live(), cache=cache)
    raise UserError(f"no judge {without_secrets(spec)!r}; expected one of: {JUDGE_SPECS}")


def judged(judge: Judge, questions: Sequence[Question]) -> list[Verdict]:
    """A judge's answers; what it raises or gives amiss leaves its questions unscored and ends nothing.

    Raises:
        UserError: What the judge needs is missing, such as a package or weights that could not be fetched.
    """
    found = answers(judge.name, judge.judge, questions, Verdict, lambda reason: Verdict(None, judge.name, reason))
    for place, verdict in enumerate(found):
        if verdict.value not in (0.0, 1.0, None) and questions[place].kind is QuestionKind.AGREEMENT:
            found[place] = _undecided(verdict)
    return found


def _undecided(verdict: Verdict) -> Verdict:
    """An agreement is there or not: a probability in its place would count as a yes."""
    return replace(verdict, value=None, reason=f"expected 1.0 or 0.0 for an agreement, got {verdict.value:g}")


def _made(spec: str, made: Any) -> Judge:
    if not (isinstance(getattr(made, "name", None), str) and callable(getattr(made, "judge", None))):
        raise UserError(f"{spec} made a {type(made).__name__}; expected a Judge (name, judge)")
    require_name(made.name, f"the judge that {spec} made")
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
