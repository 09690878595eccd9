"""General ability before and after: what lm-eval measured of some models, and how far they are apart.

`measuring.py` does the measuring; here are its values, the files that keep them, and the comparison. A model's file
holds each metric's value at every document, so that two models are compared document by document.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from negotiation_env.episodes.verify import differing, read_object
from negotiation_env.errors import UserError
from negotiation_env.files.differences import differences
from negotiation_env.files.durable import read_whole
from negotiation_env.statistics.intervals import Estimate, mean_with_interval
from negotiation_env.statistics.table import Cell, Table

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = [
    "REPORT",
    "Ability",
    "AbilityReport",
    "AbilitySettings",
    "Figure",
    "Metric",
    "TaskResult",
    "ability_file",
    "ability_table",
    "compare",
    "kept_ability",
    "verify_ability",
]

REPORT = "ability.json"
_NOTE = (
    "In brackets: 95 % interval by the bootstrap over documents, which a difference pairs. A metric that is no mean "
    "over documents has none, and no difference."
)


@dataclass(frozen=True, slots=True)
class AbilitySettings:
    """What decides a figure beside its model and task.

    Attributes:
        lm_eval: The version of lm-eval.
        seed: Seeds what tasks shuffle, examples of a few-shot prompt and sampled tokens.
        limit: Only the first so many documents of each task; None is all.
        batch_size: Documents in a forward pass; a model in this process differs in the last bit between batches.
        max_tokens: Most new tokens of an answer; None is as many as the task allows.
        tasks_dir: A folder with tasks beside lm-eval's own.
    """

    lm_eval: str
    seed: int = 0
    limit: int | None = None
    batch_size: int = 8
    max_tokens: int | None = None
    tasks_dir: str | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of one task.

    Attributes:
        name: As in lm-eval, such as "acc".
        filter: How the answer was read out of the reply, as in lm-eval; "none" is the whole reply.
        value: Over all documents; None where it is no number.
        stderr: Its standard error; None where lm-eval gives none.
        higher_is_better: None where the task does not say.
        documents: The value of each document that has one, by its number and the beginning of its hash.
    """

    name: str
    filter: str
    value: float | None
    stderr: float | None
    higher_is_better: bool | None
    documents: Mapping[str, float]

    @property
    def is_mean(self) -> bool:
        """Whether the value is the mean of the documents' values, as accuracy is and perplexity is not."""
        if self.value is None or not self.documents:
            return False
        return math.isclose(fmean(self.documents.values()), self.value, abs_tol=1e-9)

    def estimate(self, n: int) -> Estimate:
        """The value over `n` documents, with its interval where it is their mean."""
        if not self.is_mean:
            return Estimate(self.value, None, None, n)
        return mean_with_interval(list(self.documents.values()))

    def minus(self, before: "Metric") -> Estimate | None:
        """Mean difference over the documents that both have; None for a metric that is no mean over documents."""
        if not (self.is_mean and before.is_mean):
            return None
        both = [each for each in before.documents if each in self.documents]
        return mean_with_interval([self.documents[each] - before.documents[each] for each in both])


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One model's results on one task.

    Attributes:
        task: Its name in lm-eval.
        version: Its version.
        shots: Solved examples in a prompt.
        chat_template: Whether prompts went through the model's chat template.
        n: Documents.
        metrics: All that the task reports.
        replies: What the model said to each document, keyed as in `Metric.documents`: texts, or the log-likelihood of
            each choice and whether it is what the model itself would say.
    """

    task: str
    version: str
    shots: int
    chat_template: bool
    n: int
    metrics: tuple[Metric, ...]
    replies: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ability:
    """What was measured of one model so far; a file.

    Attributes:
        model: Its spec.
        settings: How it was asked.
        tasks: What was measured.
        contents: What the spec does not say of it, such as its weights' digest.
    """

    model: str
    settings: AbilitySettings
    tasks: tuple[TaskResult, ...] = ()
    contents: str = ""

    def to_json(self) -> str:
        """All of it as indented JSON."""
        return _adapter().dump_json(self, indent=1).decode() + "\n"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a report; see `TaskResult` and `Metric`.

    Attributes:
        estimate: The metric's value, with a bootstrap interval over documents where it is their mean.
        stderr: Its standard error as lm-eval gives it.
        difference: From the first model's, over the same documents; None for the first model, and for a metric that is
            no mean over documents.
    """

    task: str
    version: str
    metric: str
    filter: str
    higher_is_better: bool | None
    model: str
    estimate: Estimate
    stderr: float | None
    difference: Estimate | None


@dataclass(frozen=True, slots=True)
class AbilityReport:
    """Models side by side.

    Attributes:
        settings: What was the same for all.
        models: Their names; the others are compared with the first.
        figures: By task, metric and model, in the order asked for.
    """

    settings: AbilitySettings
    models: tuple[str, ...]
    figures: tuple[Figure, ...]

    def to_json(self) -> str:
        """The report as indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def ability_file(out: Path, model: str) -> Path:
    """Where a model's results are in a folder."""
    return out / f"{quote(model, safe='+@')}.json"


def kept_ability(out: Path, model: str, settings: AbilitySettings, contents: str = "") -> Ability:
    """What a folder holds of a model; nothing yet where it has no file of it.

    Raises:
        UserError: The file is broken, or was made with other settings or another model behind the same spec.
    """
    path = ability_file(out, model)
    if not path.exists():
        return Ability(model, settings, contents=contents)
    found = read_whole(path, _adapter(), "does not hold a model's results")
    then, now = asdict(found.settings) | {"contents": found.contents}, asdict(settings) | {"contents": contents}
    if changed := differences(then, now):
        raise UserError(f"{path} was made with other settings: {'; '.join(changed)}; --resume needs the same")
    return found


@cache
def _adapter() -> "TypeAdapter[Ability]":
    from pydantic import TypeAdapter

    return TypeAdapter(Ability)


def compare(abilities: Sequence[Ability], tasks: Collection[str]) -> AbilityReport:
    """Lay models beside the first one.

    Args:
        abilities: One of each model, all with these tasks and with the same settings.
        tasks: What to report.
    """
    found = {each.model: _metrics(each) for each in abilities}
    first = abilities[0].model
    figures = [
        _figure(model, *metrics[key], None if model == first else before)
        for key, (result, before) in found[first].items()
        if result.task in tasks
        for model, metrics in found.items()
    ]
    return AbilityReport(abilities[0].settings, tuple(found), tuple(figures))


def verify_ability(out: Path) -> list[str]:
    """What of a folder's report is not what its models' results come to, a sentence each.

    Raises:
        UserError: A file is missing or cannot be read.
    """
    told = read_object(out / REPORT)
    kept = [
        read_whole(ability_file(out, model), _adapter(), "does not hold a model's results") for model in told["models"]
    ]
    again = compare(kept, {figure["task"] for figure in told["figures"]})
    return differing(REPORT, told, json.loads(again.to_json()))


def _metrics(ability: Ability) -> dict[tuple[str, str, str], tuple[TaskResult, Metric]]:
    return {
        (result.task, metric.name, metric.filter): (result, metric)
        for result in ability.tasks
        for metric in result.metrics
    }


def _figure(model: str, result: TaskResult, metric: Metric, before: Metric | None) -> Figure:
    return Figure(
        task=result.task,
        version=result.version,
        metric=metric.name,
        filter=metric.filter,
        higher_is_better=metric.higher_is_better,
        model=model,
        estimate=metric.estimate(result.n),
        stderr=metric.stderr,
        difference=metric.minus(before) if before else None,
    )


def ability_table(report: AbilityReport) -> Table:
    """A row for each metric: before, and after with its difference for each other model."""
    before, *after = report.models
    headings = [heading for model in after for heading in (f"after: {model}", "difference")]
    rows: dict[str, list[Cell]] = {}
    for figure in report.figures:
        row = rows.setdefault(_label(figure), [_label(figure), figure.estimate.n])
        row += [figure.estimate] if figure.model == before else [figure.estimate, figure.difference]
    title = f"General ability by lm-eval {report.settings.lm_eval}"
    return Table(title, ("task", "n", f"before: {before}", *headings), tuple(map(tuple, rows.values())), _NOTE)


def _label(figure: Figure) -> str:
    read = "" if figure.filter == "none" else f" by {figure.filter}"
    better = {True: " ↑", False: " ↓", None: ""}[figure.higher_is_better]
    return f"{figure.task}, {figure.metric}{read}{better}"
