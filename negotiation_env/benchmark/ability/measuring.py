"""General ability through EleutherAI's lm-eval: its tasks, put to the models that spec strings name.

A task that is answered in words goes through the model's chat template with thinking switched off, as a negotiation
does; one whose choices are compared by their likelihood is put as plain text, which is lm-eval's way.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from negotiation_env.agents.contents import contents_of, sha256_of
from negotiation_env.agents.models.in_process import InProcessModel
from negotiation_env.agents.specs import resolve_model
from negotiation_env.benchmark.ability.comparison import (
    REPORT,
    Ability,
    AbilityReport,
    AbilitySettings,
    Metric,
    TaskResult,
    ability_file,
    compare,
    kept_ability,
)
from negotiation_env.endpoints.endpoint import connect, short_endpoint
from negotiation_env.episodes.provenance import fetched, note_provenance
from negotiation_env.episodes.run_folder import claim
from negotiation_env.errors import ModelError, UserError
from negotiation_env.files.durable import write_whole
from negotiation_env.loading.heavy import importing
from negotiation_env.specs import parse
from negotiation_env.specs.kinds import MODELS
from negotiation_env.text.secrets import without_secrets

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task
    from lm_eval.tasks import TaskManager

__all__ = ["find_tasks", "load_tasks", "measure", "open_model", "version"]

_PATIENCE = 3600
"""Seconds for an endpoint's answer: 32,768 tokens, as AIME allows, take their time."""


def version() -> str:
    """The installed version of lm-eval.

    Raises:
        MissingExtra: It is not installed.
    """
    with importing("measuring general ability", "lm-eval"):
        from lm_eval import __version__
    return str(__version__)


def find_tasks(tasks_dir: Path | None = None) -> "TaskManager":
    """An index of lm-eval's tasks, and of those in a folder; of two with the same name the folder's counts.

    Raises:
        UserError: There is no such folder.
    """
    from lm_eval.tasks import TaskManager

    if tasks_dir is not None and not tasks_dir.is_dir():
        raise UserError(f"no folder {str(tasks_dir)!r}; expected one with the YAML files of lm-eval tasks")
    return TaskManager(include_path=tasks_dir)


def load_tasks(names: Sequence[str], index: "TaskManager", seed: int = 0) -> "dict[str, Task]":
    """Tasks with their data, by name; a group or tag stands for its tasks.

    Args:
        names: As in lm-eval.
        index: Where they are looked up.
        seed: Seeds what tasks shuffle while they load: GPQA its choices.

    Raises:
        UserError: There is no such task, or its data or a package that it needs is not to be had.
    """
    random.seed(seed)
    return {name: task for asked in names for name, task in _load(asked, index).items()}


def _load(name: str, index: "TaskManager") -> "dict[str, Task]":
    from datasets.exceptions import DatasetsError

    if name not in index.all_tasks:
        raise UserError(f"lm-eval {version()} has no task {name!r}; see `lm-eval ls tasks`, or add its --tasks-dir")
    try:
        tasks: dict[str, Task] = index.load([name])["tasks"]
    except ImportError as error:
        raise UserError(f"the task {name!r} needs a package: {error}; run: pip install 'lm-eval[tasks]'") from error
    except (OSError, ValueError, DatasetsError) as error:
        told = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        remedy = "see that its data hub can be reached and its terms are accepted there (HF_TOKEN), or leave it out"
        raise UserError(f"cannot load the data of the task {name!r}: {told}; {remedy}") from error
    if any("ifeval" in each for each in tasks):
        _expect_sentence_data(name)
    return tasks


def _expect_sentence_data(task: str) -> None:
    """IFEval would miss it only when it counts sentences, after all answers are written."""
    import nltk

    try:
        nltk.data.find("tokenizers/punkt_tab")
    except LookupError as error:
        remedy = "run: python -m nltk.downloader punkt_tab, where there is network; NLTK_DATA names its folder"
        raise UserError(f"the task {task!r} needs NLTK's data punkt_tab, and it is not here; {remedy}") from error


def open_model(spec: str, settings: AbilitySettings) -> "LM":
    """The model that a spec string names, as lm-eval takes it; nothing else holds its weights.

    Args:
        spec: embedded, trained, hf:ID_OR_DIR[+ADAPTER_DIR] or openai:MODEL[@BASE_URL].
        settings: How it is asked.

    Raises:
        UserError: It is another spec, or there is no such model or endpoint.
    """
    found = parse(spec)
    if found.kind in ("embedded", "trained", "hf"):
        return _in_process(spec, settings)
    if found.kind == "openai":
        return _endpoint(found.rest, settings)
    expected = MODELS.forms("embedded", "trained", "hf", "openai")
    raise UserError(f"lm-eval cannot be given {without_secrets(spec)!r}; expected one of: {expected}")


def _in_process(spec: str, settings: AbilitySettings) -> "LM":
    from lm_eval.models.huggingface import HFLM

    model = resolve_model(spec)
    resolve_model.cache_clear()  # or the weights would stay when the next model comes
    assert isinstance(model, InProcessModel)  # as these specs name nothing else
    tokenizer = model.tokens.tokenizer
    return HFLM(model.model, tokenizer=tokenizer, batch_size=settings.batch_size, enable_thinking=False)


def _endpoint(short: str, settings: AbilitySettings) -> "LM":
    from negotiation_env.benchmark.ability.endpoint import EndpointLM

    patient = replace(short_endpoint(short), timeout=_PATIENCE, deadline=_PATIENCE)
    return EndpointLM(connect(patient), settings.seed)


def measure(
    models: Sequence[str],
    tasks: "Mapping[str, Task]",
    out: Path,
    settings: AbilitySettings,
    *,
    resume: bool = False,
    open_model: "Callable[[str, AbilitySettings], LM]" = open_model,
) -> AbilityReport:
    """Put tasks to models, one model after the other, and write each model's results and the report.

    Args:
        models: Spec strings; the others are compared with the first.
        tasks: As `load_tasks` gives them.
        out: The folder to write to; must hold no results of these models yet, unless the run is resumed.
        settings: How they are asked.
        resume: Keep what the folder holds, and measure what is missing.
        open_model: Makes lm-eval's model of a spec string.

    Raises:
        UserError: Another run has the folder; it holds results already or, to resume, with other settings; there is no
            such model, or it cannot do a task.
        ModelError: An endpoint failed. What was measured before is kept.
    """
    specs = {without_secrets(model): model for model in models}
    with claim(out):
        there = [path for path in (ability_file(out, name) for name in specs) if path.exists()]
        if there and not resume:
            raise UserError(f"{there[0]} is there already; go on with --resume, or give another --out")
        contents = contents_of(models)
        kept = [kept_ability(out, name, settings, contents.get(spec, "")) for name, spec in specs.items()]
        note_provenance(out, fetched() | sha256_of(models))
        report = compare(
            [_go_on(each, tasks, out, lambda name, asked: open_model(specs[name], asked)) for each in kept], tasks
        )
        write_whole(out / REPORT, report.to_json())
    return report


def _go_on(
    ability: Ability, tasks: "Mapping[str, Task]", out: Path, open_model: "Callable[[str, AbilitySettings], LM]"
) -> Ability:
    """Measure what is missing; each task is on file as soon as it is done."""
    missing = tasks.keys() - {result.task for result in ability.tasks}
    if not missing:
        return ability
    from lm_eval.models.utils_hf import clear_torch_cache

    clear_torch_cache()  # of the model before
    model = open_model(ability.model, ability.settings)
    for name in (each for each in tasks if each in missing):
        result = _ask(model, ability.model, name, tasks[name], ability.settings)
        ability = replace(ability, tasks=(*ability.tasks, result))
        write_whole(ability_file(out, ability.model), ability.to_json())
    return ability


def _ask(model: "LM", spec: str, name: str, task: "Task", settings: AbilitySettings) -> TaskResult:
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    in_words = task.OUTPUT_TYPE == "generate_until"
    try:
        found = simple_evaluate(
            model,
            tasks=[task],
            task_manager=TaskManager(include_defaults=False),  # the task is here: look for no other
            limit=settings.limit,
            apply_chat_template=in_words,
            gen_kwargs={"max_gen_toks": settings.max_tokens} if in_words and settings.max_tokens else None,
            random_seed=settings.seed,
            numpy_random_seed=settings.seed,
            torch_random_seed=settings.seed,
            fewshot_random_seed=settings.seed,
        )
    except (AssertionError, NotImplementedError) as error:  # how lm-eval says that a model and a task do not match
        raise UserError(f"{spec} cannot do the task {name!r}: {error} Leave it out, or try --max-tokens") from error
    except ModelError as error:
        raise ModelError(f"{spec} failed at the task {name!r}: {error}; go on with --resume") from error
    return _result(found, name, in_words)


def _result(found: Mapping[str, Any], name: str, chat_template: bool) -> TaskResult:
    """What is of use in lm-eval's results on a task."""
    samples = found["samples"][name]
    return TaskResult(
        task=name,
        version=str(found["versions"][name]),
        shots=int(found["n-shot"][name]),
        chat_template=chat_template,
        n=int(found["results"][name]["sample_len"]),
        metrics=tuple(_metrics(found["results"][name], found["higher_is_better"][name], samples)),
        replies={_document(sample): sample["resps"] for sample in samples},
    )


def _metrics(
    figures: Mapping[str, Any], better: Mapping[str, bool], samples: Sequence[Mapping[str, Any]]
) -> list[Metric]:
    """Keys are "METRIC,FILTER", those of standard errors "METRIC_stderr,FILTER"."""
    keys = [key.split(",", 1) for key in figures if "," in key and "_stderr," not in key]
    return [
        Metric(
            name=name,
            filter=reader,
            value=_number(figures[f"{name},{reader}"]),
            stderr=_number(figures[f"{name}_stderr,{reader}"]),
            higher_is_better=better.get(name),
            documents={
                _document(sample): number
                for sample in samples
                if sample["filter"] == reader and (number := _number(sample.get(name))) is not None
            },
        )
        for name, reader in keys
    ]


def _document(sample: Mapping[str, Any]) -> str:
    return f"{sample['doc_id']}-{sample['doc_hash'][:12]}"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, Real) and math.isfinite(value) else None
