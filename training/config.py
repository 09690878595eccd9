"""The settings of a training run: a TOML file, overridden from the command line."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from negotiation_env.errors import UserError
from negotiation_env.files.settings_file import Several, read_toml
from negotiation_env.game.events import Task
from negotiation_env.game.protocol import Negotiation, Rules
from negotiation_env.game.scenario import Scenario
from negotiation_env.guards.files import load_guards
from negotiation_env.specs import require_name
from negotiation_env.text.nearest import did_you_mean

__all__ = ["TrainConfig", "load_config"]


class TrainConfig(BaseModel):
    """Settings of one run. The defaults are the paper's (arXiv 2603.10476) where it gives them.

    Attributes:
        method: "self-play", or "single-agent": the paper's baseline, the same trainer on answers written alone.
        model: `embedded`, or a transformers folder or hub id.
        adapter: A LoRA adapter to go on from; for `embedded` the shipped warm start is the default, "none" is none.
        fine_tuning: "lora" trains an adapter, "full" every weight.
        lora_rank: Of a new adapter; one to go on from brings its own.
        quantise: "4bit" holds the frozen weights in 4-bit NF4 (QLoRA); needs bitsandbytes and a GPU.
            What is trained is played on such weights too.
        gradient_checkpointing: Trade time for memory in the backward pass.
        judge: Decides agreement and scores, as a spec string; "self" is the learner itself, as it is at the time, under
            the judge's prompts: only the scores of a `held_out_judge` can be compared between steps.
        split: Training scenarios, as for `load_scenarios`.
        scenarios: How many of them to use; 0 is all.
        vary_personas: Let each epoch draw every dilemma's personas and their seats anew, out of its tensions or, in a
            file, of the scenarios with the same dilemma; else they stay those that the seed drew.
        seed: Seeds pairing, data order and every sampled token; 0 to 2**32 - 1.
        max_steps: Optimizer steps.
        group_size: G, the negotiations sampled for each scenario and seat.
        groups_per_step: Scenarios a step.
        micro_batch: Rows in one forward and backward pass of one process; what they share is run once.
        learning_rate: Of AdamW; constant after `warmup_steps`.
        warmup_steps: Steps over which the learning rate rises from 0.
        max_grad_norm: Gradients are clipped to this norm.
        beta: Weight of the KL term towards the model as it was before training; 0 is the paper's, 0.04 its baseline's.
        opponent: Who plays against the learner, as in `negotiation_env.training.opponents`; a mixture is a table of
            weights. "frozen:1" and "current" are the same: a copy that is refreshed at every step is the learner
            itself.
        learner_seat: Where the learner sits, who writes the joint answer: 0, 1, or "alternate" between scenarios.
            "both": that alternates, and the words of both seats are trained, each seat's as rows of their own with the
            game's advantage (the paper trains one seat).
        max_turns: Most utterances of a negotiation.
        history_turns: How many of the last utterances a speaker sees; None is all, 2 the paper's.
        personas: Show speakers their personas; False is the ablation.
        prompts: What the parties are told: the name of a prompt set, or the path of one; None follows the judge, as for
            `NegotiationEnv`. A run goes on only with a set that says the same.
        guards: What has to hold in the training's negotiations: a name, a path or several, see
            `negotiation_env.guards.files`. What they refuse carries no gradient. Held-out negotiations have none.
        guard_penalty: What each breach of the learner takes from its reward, in levels, before advantages are made of
            it; the record keeps the reward.
        agreement_gate: No completion and reward 0 without agreement; False writes and scores one anyway.
        trained_tokens: Which of the learner's tokens carry the gradient. "dialogue" is all that it samples in its
            turns, thoughts included, "words" what comes behind the thoughts: these are context then, sampled by the
            policy and not trained (`negotiation_env.training.rows` says what that means). Each with "+completion"
            counts the joint answer likewise.
        advantages: "shuffled" is the control: the batch's advantages, dealt at random among its negotiations.
        tie_width: A group whose rewards all lie closer together has no signal, and advantages of 0. Exactly so far
            apart they differ. A graded judge's noise is about 0.1 of a level; 0 takes equal rewards alone for a tie.
        no_signal: Groups without signal: "keep" them, "drop" their tokens from the loss's normaliser, or
            "resample" them once, on another scenario.
        rerank_ties: Where all negotiations of a group have an answer and no signal, ask the judge to order the answers.
            Their advantages are then 0.25 for the best to -0.25 for the worst, evenly spaced, in the place of 0; scores
            and rewards stay what they are. For LLM judges.
        temperature: Of the dialogue. Top-p is 1 in training, for a truncated distribution would bias the gradient
            (the paper's is 0.95).
        max_turn_tokens: Longest turn, without its thought.
        max_thought_tokens: Longest thought of a turn or answer, marks included, from 2 on; the closing mark is fed
            where it is spent. 0 switches thinking off in the chat template. A template that drops answered thoughts,
            such as Qwen3's, makes each turn a training row.
        completion_temperature: Of the joint answer, at top-p 0.95; where its tokens are trained, at top-p 1 and the
            dialogue's temperature.
        max_completion_tokens: Longest joint answer, without its thought.
        engine: Who samples: "in-process", or "vllm:URL,URL…" for servers started with `--enable-lora`.
        engine_tolerance: Largest mean difference between the log-probabilities of engine and trainer, in nats.
        save_steps: A checkpoint every so many steps.
        unscored_limit: The highest share of unscored negotiations, 0 to 1; a run with more stops. See `UnscoredLimit`.
        eval_split: Held-out scenarios for the table before and after; "none" leaves it out.
        eval_scenarios: How many of them.
        eval_every: Also evaluate every so many steps; 0 does not.
        held_out_judge: A second judge for the held-out scenarios, which the training never sees; "none" is none.
        report_to: Trackers of transformers, such as "tensorboard", "wandb" or "trackio"; one or several.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: Literal["self-play", "single-agent"] = "self-play"
    model: str = "embedded"
    adapter: str | None = None
    fine_tuning: Literal["lora", "full"] = "lora"
    lora_rank: int = Field(16, ge=1)
    quantise: Literal["none", "4bit"] = "none"
    gradient_checkpointing: bool = False
    judge: str = "embedded"
    split: str = "train"
    scenarios: int = Field(0, ge=0)
    vary_personas: bool = False
    seed: int = Field(0, ge=0, lt=2**32)
    max_steps: int = Field(1900, ge=1)
    group_size: int = Field(8, ge=2)
    groups_per_step: int = Field(2, ge=1)
    micro_batch: int = Field(1, ge=1)
    learning_rate: float = Field(5e-6, gt=0)
    warmup_steps: int = Field(0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    beta: float = Field(0.0, ge=0)
    opponent: str | dict[str, float] = "frozen:1"
    learner_seat: Literal[0, 1, "alternate", "both"] = 0
    max_turns: int = Field(7, ge=2)
    history_turns: int | None = Field(None, ge=1)
    personas: bool = True
    prompts: str | None = None
    guards: Several[str] = ()
    guard_penalty: float = Field(0.0, ge=0, le=5)
    agreement_gate: bool = True
    trained_tokens: Literal["dialogue", "words", "dialogue+completion", "words+completion", "completion"] = "dialogue"
    advantages: Literal["group", "shuffled"] = "group"
    tie_width: float = Field(0.1, ge=0, le=5)
    no_signal: Literal["keep", "drop", "resample"] = "keep"
    rerank_ties: bool = False
    temperature: float = Field(0.7, gt=0)
    max_turn_tokens: int = Field(96, ge=1)
    max_thought_tokens: int = Field(0, ge=0)
    completion_temperature: float = Field(0.1, ge=0)
    max_completion_tokens: int = Field(160, ge=1)
    engine: str = Field("in-process", pattern="^(in-process|vllm:.+)$")
    engine_tolerance: float = Field(0.05, gt=0)
    save_steps: int = Field(50, ge=1)
    unscored_limit: float = Field(0.2, ge=0, le=1)
    eval_split: str = "eval_conflict"
    eval_scenarios: int = Field(16, ge=1)
    eval_every: int = Field(0, ge=0)
    held_out_judge: str = "none"
    report_to: Several[str] = ()

    @property
    def games_per_step(self) -> int:
        """Negotiations a step, over all processes."""
        return self.group_size * self.groups_per_step

    @property
    def trained_tasks(self) -> tuple[Task, ...]:
        """What the learner says that carries the gradient."""
        if self.method == "single-agent":
            return (Task.COMPLETION,)
        tasks = {"dialogue": Task.UTTERANCE, "words": Task.UTTERANCE, "completion": Task.COMPLETION}
        return tuple(tasks[name] for name in self.trained_tokens.split("+"))

    @property
    def trains_completion(self) -> bool:
        """Whether the joint answer's tokens carry the gradient."""
        return Task.COMPLETION in self.trained_tasks

    @property
    def thinks(self) -> bool:
        """Whether the learner thinks before it speaks."""
        return self.max_thought_tokens > 0

    @property
    def trains_thoughts(self) -> bool:
        """Whether the tokens of thoughts carry the gradient, where those of the words behind them do."""
        return "words" not in self.trained_tokens

    @property
    def rows_per_game(self) -> int:
        """Most training rows of a negotiation: each prompt that is rendered anew has its own.

        With a history window these are the first one and those that the window has cut, of which one in two is the
        learner's at most; where it thinks, all of the learner's, for the template may drop answered thoughts.
        """
        both = self.learner_seat == "both"
        if (self.history_turns is None and not self.thinks) or Task.UTTERANCE not in self.trained_tasks:
            return 1 + both
        seats = (0, 1) if both else (1,) if self.learner_seat == 1 else (0,)
        anew = 1 + max(0, self.max_turns - (self.history_turns or 0)) // 2
        return sum(min((self.max_turns - seat + 1) // 2, anew) for seat in seats) + self.trains_completion

    @property
    def seats(self) -> tuple[int, ...]:
        """Where the learner sits and writes, from scenario to scenario."""
        return (self.learner_seat,) if isinstance(self.learner_seat, int) else (0, 1)

    def trained_seats(self, writer: int) -> tuple[int, ...]:
        """Whose words are trained in a game in which a seat of the learner's writes."""
        return (writer, 1 - writer) if self.learner_seat == "both" else (writer,)

    def rows_per_process(self, processes: int) -> int:
        """Training rows of a step in each process.

        Raises:
            UserError: The negotiations of a step cannot be shared out evenly.
        """
        share, rest = divmod(self.games_per_step, processes)
        if rest or share % self.micro_batch:
            raise UserError(
                f"{processes} processes x micro_batch {self.micro_batch} must divide group_size x groups_per_step = "
                f"{self.games_per_step}"
            )
        return share * self.rows_per_game

    @property
    def rules(self) -> dict[str, Any]:
        """How the training's negotiations are played: fields of `negotiation_env.game.protocol.Rules`."""
        if self.method == "single-agent":
            return {"max_turns": 0, "personas": self.personas}
        return {
            "max_turns": self.max_turns,
            "history_turns": self.history_turns,
            "personas": self.personas,
            "complete_without_agreement": not self.agreement_gate,
            "reward_without_agreement": not self.agreement_gate,
        }

    def check_fit(self, scenarios: Iterable[Scenario], seats: Collection[int]) -> None:
        """Check that the rules fit scenarios' parties, whichever of some seats writes the joint answer.

        Raises:
            UserError: They do not.
        """
        try:
            for scenario in scenarios:
                for seat in seats:
                    Negotiation(scenario, Rules(**self.rules, writer=seat))
        except ValueError as error:
            raise UserError(
                f"the scenarios do not fit the config: {error}; change max_turns, method or learner_seat, or take "
                "another split"
            ) from error

    @model_validator(mode="after")
    def _possible(self) -> "TrainConfig":
        if self.quantise == "4bit" and self.fine_tuning == "full":
            raise ValueError('4-bit weights cannot be trained; use fine_tuning = "lora"')
        if self.engine != "in-process" and self.fine_tuning == "full":
            raise ValueError('a vLLM engine is handed adapters; use fine_tuning = "lora" or engine = "in-process"')
        if self.engine != "in-process" and self.quantise == "4bit":
            raise ValueError(
                "a vLLM server samples with 16-bit weights, which are not the 4-bit ones that train; use quantise = "
                '"none" or engine = "in-process"'
            )
        if self.max_thought_tokens == 1:
            raise ValueError(
                "max_thought_tokens: a thought takes two marks, so the least is 2; 0 switches thinking off"
            )
        if self.thinks and self.model == "embedded":
            raise ValueError("the embedded model does not think; take another model, or max_thought_tokens = 0")
        if self.thinks and self.judge == "self" and self.engine != "in-process":
            raise ValueError('a vLLM engine cannot hold a thinking judge to its form; take another judge than "self"')
        if self.judge == "self" and self.held_out_judge == "none" and self.eval_split != "none":
            raise ValueError(
                'judge = "self" changes with the learner, so that its scores before and after cannot be compared; name '
                'a held_out_judge, or set eval_split = "none"'
            )
        return self

    @model_validator(mode="after")
    def _both_seats(self) -> "TrainConfig":
        if self.learner_seat != "both":
            return self
        if self.opponent not in ("frozen:1", "current"):
            raise ValueError('learner_seat = "both" leaves no seat for an opponent; leave opponent at "frozen:1"')
        if Task.UTTERANCE not in self.trained_tasks:
            raise ValueError('learner_seat = "both" trains what both say; one of them writes the answer: take 0 or 1')
        return self

    @model_validator(mode="after")
    def _guarded(self) -> "TrainConfig":
        if self.guards and self.method == "single-agent":
            raise ValueError("guards: a single agent takes no turns that they could look at")
        if self.guard_penalty and not self.guards:
            raise ValueError('guard_penalty: nothing can be broken without guards, such as guards = "anti_hacking"')
        if self.guards:
            load_guards(self.guards)
        return self

    @model_validator(mode="after")
    def _whole_micro_batches(self) -> "TrainConfig":
        if (total := self.games_per_step) % self.micro_batch:
            games = f"group_size x groups_per_step = {total}"
            fits = max(size for size in range(1, min(self.micro_batch, total) + 1) if total % size == 0)
            raise ValueError(f"micro_batch must divide {games}; it is {self.micro_batch}: take {fits}, say")
        return self


def load_config(path: Path, overrides: Mapping[str, str] | None = None) -> TrainConfig:
    """Read a TOML file and apply overrides.

    Args:
        path: The file.
        overrides: Values as text, by key; they win over the file.

    Raises:
        UserError: The file is missing or is no TOML, or a key or value is wrong; the message names it.
    """
    settings = read_toml(path, "config file")
    for name, text in (overrides or {}).items():
        require_name(text, name)
    try:
        return TrainConfig.model_validate(settings | {name: _value(text) for name, text in (overrides or {}).items()})
    except ValidationError as error:
        raise UserError(f"{path}: {'; '.join(_explain(item) for item in error.errors())}") from error


def _value(text: str) -> Any:
    """A command-line value as TOML would read it; bare words are text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _explain(item: Any) -> str:
    name = ".".join(map(str, item["loc"][:1])) or "config"
    if item["type"] == "extra_forbidden":
        known = list(TrainConfig.model_fields)
        return f"there is no key {name!r}{did_you_mean(name, known)}; the keys are {', '.join(known)}"
    told = item["msg"].removeprefix("Value error, ")
    return f"{name}: {told} (got {item['input']!r})" if item["loc"] else told
