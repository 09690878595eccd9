"""A training run's config, checked and budgeted without weights, GPU or network."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from negotiation_env.agents.models.chat_tokens import ChatTokens
from negotiation_env.agents.models.pretrained import load_tokenizer, needs_trust, why
from negotiation_env.endpoints.address import check_base_url
from negotiation_env.errors import UserError
from negotiation_env.judges.llm_file import judge_files
from negotiation_env.specs import names, parse
from negotiation_env.statistics.table import Cell, Table
from negotiation_env.text.secrets import without_secrets
from negotiation_env.training.budget import Budget, plan
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.memory import Memory
from negotiation_env.training.needs import lacking_for
from negotiation_env.training.opponents import parse_opponents

__all__ = ["DryRun", "dry_run", "tables"]

_FIGURES: Final = {
    "games": "negotiations",
    "sampled": "tokens sampled",
    "decodes": "decoding steps",
    "prefilled": "tokens read",
    "rows": "training rows",
    "forwarded": "tokens in them",
    "trained": "tokens trained",
    "questions": "questions to the judge",
}


@dataclass(frozen=True, slots=True)
class DryRun:
    """What was found.

    Attributes:
        config: The settings.
        processes: How many train side by side.
        budget: What the run takes.
        lacking: What this machine lacks: adapters, and what opponents and judges need.
        unchecked: What only the run itself can show.
    """

    config: TrainConfig
    processes: int
    budget: Budget
    lacking: tuple[str, ...]
    unchecked: tuple[str, ...]

    def to_json(self) -> str:
        """All of it, memory's peak included, as JSON."""
        budget = asdict(self.budget)
        budget["memory"]["peak"] = self.budget.memory.peak
        found = {"config": self.config.model_dump(), "processes": self.processes, "budget": budget}
        found |= {"lacking": self.lacking, "unchecked": self.unchecked}
        return without_secrets(json.dumps(found, indent=1)) + "\n"


def dry_run(config: TrainConfig, processes: int = 1) -> DryRun:
    """Check a config and work out what its run takes; no weights are loaded and nothing is written.

    Args:
        config: The settings.
        processes: How many train side by side.

    Raises:
        UserError: Something cannot work; the message says what.
        ModelError: The model's chat template cannot be trained with.
    """
    _check_engine(config.engine)
    lacks = tuple(lacking_for(config))
    judges = [] if config.judge == "self" else judge_files(config.judge)
    if config.rerank_ties and parse(config.judge).kind in ("embedded", "scripted", "panel"):
        raise UserError(f"rerank_ties: the judge {config.judge} cannot order answers; use an LLM judge")
    held_out = [] if config.held_out_judge == "none" else judge_files(config.held_out_judge)
    chat = _tokenizer(config)
    if chat and config.history_turns is None and not chat.anew:
        chat.follow_up(({"role": "user", "content": "x"},))  # raises where a chat cannot grow
    budget = plan(config, processes=processes, chat=chat, judges=judges, held_out_judges=held_out)
    if budget.context > budget.positions:
        raise UserError(
            f"the longest conversation needs {budget.context} tokens and {config.model} takes {budget.positions}; "
            "lower max_turns, max_turn_tokens, max_thought_tokens or max_completion_tokens"
        )
    unchecked = tuple(map(without_secrets, _unchecked(config, budget, processes, chat)))
    return DryRun(config, processes, budget, lacks, unchecked)


def _check_engine(engine: str) -> None:
    urls = parse(engine).rest
    for url in names(urls) if urls else ():
        try:
            check_base_url(url)
        except ValueError as error:
            raise UserError(f"engine: expected vllm:http://HOST:PORT,…; {error}") from error


def _tokenizer(config: TrainConfig) -> ChatTokens | None:
    """The model's tokenizer, where it is on this machine."""
    if config.model == "embedded":
        return None  # looking for it would fetch the model
    try:
        return ChatTokens(load_tokenizer(config.model, local_files_only=True), thinking=config.thinks)
    except (OSError, ValueError) as error:
        if needs_trust(error):
            raise UserError(f"cannot load the tokenizer of {config.model}: {why(error)}") from error
        return None


def _unchecked(config: TrainConfig, budget: Budget, processes: int, chat: ChatTokens | None) -> Iterator[str]:
    yield f"the weights of {config.model}: not loaded; the memory is a formula's, measured on no GPU"
    yield f"the time of a decoding step: {budget.decode.source}; judge and update come on top"
    if processes > 1:
        yield f"how ZeRO or FSDP shards over the {processes} processes: the memory is without"
    if chat is None:
        yield "its tokenizer is not on this machine: prompts are estimated at 3.2 characters a token"
        if config.thinks:
            yield "its chat template: answered thoughts are taken to be dropped from the prompt"
    if config.engine != "in-process":
        yield f"the engine: nobody was asked at {parse(config.engine).rest}"
    for judge in (config.judge, config.held_out_judge):
        if judge == "self":
            yield "what the learner reads and says as its own judge is not counted"
        elif judge not in ("none", "embedded", "scripted"):
            yield f"the judge {judge}: not called; `negotiate doctor --judge {judge}` does"
    for agent in parse_opponents(config.opponent).agents:
        yield f"the opponent {agent}: not tried"


def tables(found: DryRun) -> Iterator[Table]:
    """What a dry run found: model, memory, work, bills, and what was not checked."""
    yield _model_table(found)
    yield _memory_table(found.budget.memory)
    yield _work_table(found.budget)
    if found.budget.bills:
        yield _bill_table(found.budget)
    if found.lacking:
        yield Table("lacking on this machine", ("",), tuple((told,) for told in found.lacking))
    yield Table("not checked", ("",), tuple((told,) for told in found.unchecked))


def _model_table(found: DryRun) -> Table:
    budget, counts = found.budget, found.budget.parameters
    rows = (
        ("shape out of", budget.architecture),
        ("parameters", counts.total),
        ("without embeddings", counts.total - counts.embedding),
        ("trained", f"{counts.trainable:,} ({counts.trainable / counts.total:.2%})"),
        ("longest conversation", f"{budget.context:,} of {budget.positions:,} tokens"),
    )
    return Table("dry run: nothing is loaded, nothing is written", ("model", found.config.model), rows)


def _memory_table(memory: Memory) -> Table:
    rows = [(item.name, item.gib) for item in memory.standing]
    for name, items in (("while updating", memory.update), ("while sampling", memory.sampling)):
        rows += [(f"{name}: {item.name}", item.gib) for item in items]
    return Table("memory a process, estimated", ("", "GiB"), (*rows, ("peak", memory.peak)))


def _work_table(budget: Budget) -> Table:
    columns = ("", "a step", f"{budget.steps:,} steps", f"{budget.evaluations} evaluations")
    rows = tuple(_work_row(budget, *figure) for figure in _FIGURES.items())
    return Table("work, at most", columns, (*rows, _hours_row(budget)))


def _work_row(budget: Budget, name: str, label: str) -> tuple[Cell, ...]:
    step, evaluation = (int(getattr(work, name)) for work in (budget.step, budget.evaluation))
    return label, step, budget.steps * step, budget.evaluations * evaluation


def _hours_row(budget: Budget) -> tuple[Cell, ...]:
    """What the decoding steps take, one after the other."""
    _, *steps = _work_row(budget, "decodes", "")
    hours = (float(count) * budget.decode.milliseconds / 3.6e6 for count in steps if isinstance(count, int))
    return (f"hours of sampling, {budget.decode.milliseconds:.0f} ms a decoding step", *hours)


def _bill_table(budget: Budget) -> Table:
    rows = tuple(
        (
            each.judge.removeprefix("openai:"),
            each.calls,
            each.prompt_tokens,
            each.completion_tokens,
            "no prices" if each.dollars is None else f"{each.dollars:,.2f}",
        )
        for each in budget.bills
    )
    columns = ("LLM judge", "calls", "tokens in", "tokens out", "dollars")
    return Table("the judge's calls in the run, at most, retries aside", columns, rows)
