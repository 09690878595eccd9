"""Judges: who decides agreement and scores completions, and how a spec string names one."""

from collections.abc import Sequence
from pathlib import Path

from negotiation_env.address import without_secrets
from negotiation_env.errors import JudgeError, UserError
from negotiation_env.events import Question, Verdict
from negotiation_env.interfaces import Judge
from negotiation_env.specs import load_factory, names
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
        UserError: No such spec; the message lists them.
    """
    if not isinstance(spec, str):
        return spec
    kind, _, rest = spec.partition(":")
    if kind == "embedded" and not rest:
        from negotiation_env.smoke_test_judge.judge import EmbeddedJudge

        return EmbeddedJudge()
    if kind == "scripted" and not rest:
        from negotiation_env.judges.scripted import ScriptedJudge

        return ScriptedJudge()
    if kind == "python":
        judge: Judge = load_factory(rest)()
        return judge
    if kind == "panel" and rest:
        return _panel(rest, traffic, cache)
    if (kind == "openai" and rest) or spec.endswith(".toml"):
        from negotiation_env.judges.llm_file import llm_judge, read_llm_judge, short_spec

        found = short_spec(rest) if kind == "openai" else read_llm_judge(Path(spec))
        return llm_judge(found, traffic or Live(), cache=cache)
    raise UserError(f"no judge {without_secrets(spec)!r}; expected one of: {JUDGE_SPECS}")


def judged(judge: Judge, questions: Sequence[Question]) -> list[Verdict]:
    """A judge's answers; one that fails as a whole leaves its questions unscored and ends nothing.

    Raises:
        ValueError: It gave more or fewer verdicts than it was asked questions.
    """
    try:
        verdicts = judge.judge(questions)
    except JudgeError as error:
        return [Verdict(None, judge.name, str(error))] * len(questions)
    if len(verdicts) != len(questions):
        raise ValueError(
            f"expected {len(questions)} verdicts from the {judge.name}, one a question; got {len(verdicts)}"
        )
    return verdicts


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
