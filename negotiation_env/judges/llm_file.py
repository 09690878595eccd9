"""An LLM judge by its settings: a TOML file, or the short form MODEL[@BASE_URL].

A judge file:

    criteria = "collective_agency"   # or the path of a criteria file, looked up beside this one
    [judge]                          # the fields of LLMJudgeSettings
    samples = 3
    [endpoint]                       # the fields of EndpointSettings
    model = "gpt-4o-mini"
    requests_per_minute = 500
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from negotiation_env.endpoints.address import without_secrets
from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import connect, short_endpoint
from negotiation_env.endpoints.recording import Live, Traffic
from negotiation_env.errors import UserError
from negotiation_env.files.settings_file import check_settings, read_toml
from negotiation_env.judges.cache import users_cache
from negotiation_env.judges.criteria import load_criteria
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings
from negotiation_env.judges.panel import check_panel
from negotiation_env.specs import FILE, Spec, load_factory, parse
from negotiation_env.specs.kinds import JUDGES

__all__ = ["JudgeFile", "judge_files", "judge_settings", "llm_judge", "read_llm_judge"]


@dataclass(frozen=True, slots=True)
class JudgeFile:
    """What a judge file holds.

    Attributes:
        endpoint: The model and its limits.
        judge: How it is asked.
        criteria: What it grades by.
    """

    endpoint: EndpointSettings
    judge: LLMJudgeSettings = field(default_factory=LLMJudgeSettings)
    criteria: str = "collective_agency"


def read_llm_judge(path: Path) -> JudgeFile:
    """Read a judge file.

    Raises:
        UserError: It is missing, or a key or value is wrong.
    """
    found = check_settings(JudgeFile, read_toml(path, "judge file"), path)
    beside = path.parent / found.criteria
    return replace(found, criteria=str(beside)) if beside.is_file() else found


def judge_settings(spec: Spec) -> JudgeFile:
    """The settings of an LLM judge: those of its file, or the default ones where the spec is openai:MODEL[@BASE_URL].

    Raises:
        UserError: The file is missing or wrong, or the spec names no model or no possible URL.
    """
    return read_llm_judge(Path(spec.rest)) if spec.kind == FILE else JudgeFile(short_endpoint(spec.rest))


def judge_files(text: str) -> list[JudgeFile]:
    """The settings of the LLM judges behind a judge's spec; none for a judge of another kind. Nobody is called.

    Raises:
        UserError: No such spec, or what it names is wrong.
    """
    shown, spec = without_secrets(text), parse(text)
    kind = JUDGES.find(spec, shown)
    if spec.kind in ("python", "function"):
        load_factory(spec.rest, spec.kind)
    elif kind.added:
        kind.load()
    elif spec.kind in ("openai", FILE):
        settings = judge_settings(spec)
        load_criteria(settings.criteria)
        return [settings]
    elif spec.kind == "panel":
        try:
            check_panel(len(spec.members), spec.rest)
        except ValueError as error:
            raise UserError(f"{shown}: {error}") from error
    return [each for member in spec.members for each in judge_files(member)]


def llm_judge(found: JudgeFile, traffic: Traffic, *, cache: bool = True) -> LLMJudge:
    """The judge of a file; replies are kept in the user's cache folder, unless they are recorded or replayed.

    Raises:
        UserError: Nobody answers at the endpoint, its key is missing or refused, or there is no such criteria file.
    """
    model = traffic.model(found.endpoint.name, lambda: connect(found.endpoint))
    kept = users_cache() if cache and isinstance(traffic, Live) else None
    return LLMJudge(model, load_criteria(found.criteria), found.judge, kept)
