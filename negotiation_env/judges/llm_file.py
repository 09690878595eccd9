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

from negotiation_env.endpoints.chat_completions import EndpointSettings
from negotiation_env.endpoints.endpoint import connect, short_endpoint
from negotiation_env.endpoints.recording import Live, Traffic
from negotiation_env.files.settings_file import check_settings, read_toml
from negotiation_env.judges.cache import users_cache
from negotiation_env.judges.criteria import load_criteria
from negotiation_env.judges.llm import LLMJudge, LLMJudgeSettings

__all__ = ["JudgeFile", "llm_judge", "read_llm_judge", "short_spec"]


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


def short_spec(text: str) -> JudgeFile:
    """The judge that MODEL[@BASE_URL] stands for, with default settings."""
    return JudgeFile(short_endpoint(text))


def llm_judge(found: JudgeFile, traffic: Traffic, *, cache: bool = True) -> LLMJudge:
    """The judge of a file; replies are kept in the user's cache folder, unless they are recorded or replayed.

    Raises:
        UserError: Nobody answers at the endpoint, its key is missing or refused, or there is no such criteria file.
    """
    model = traffic.model(found.endpoint.name, lambda: connect(found.endpoint))
    kept = users_cache() if cache and isinstance(traffic, Live) else None
    return LLMJudge(model, load_criteria(found.criteria), found.judge, kept)
