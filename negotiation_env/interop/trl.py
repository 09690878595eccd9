"""One seat of a negotiation for TRL's `GRPOTrainer(environment_factory=...)`: the policy speaks by calling a tool.

    trainer = GRPOTrainer(
        model="Qwen/Qwen3-4B",
        args=GRPOConfig(...),
        train_dataset=Dataset.from_list(seat_rows(load_scenarios("train"))),
        environment_factory=partial(SeatTools, opponent="openai:m@http://localhost:8000/v1", judge="judge.toml"),
    )

`negotiate train` (`negotiation_env.training`) goes by `rollout_func`, for what a tool cannot do: the learner's own
words as its turns, an opponent that is a copy of the policy, and a joint answer that the learner writes and is not
trained on. Here all that the policy samples is trained, the syntax of its calls, too; so another seat writes the joint
answer. TRL 1.16 calls either way experimental.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from negotiation_env.agents.seat import SeatEnv
from negotiation_env.agents.specs import resolve_agent
from negotiation_env.environment.choices import chosen_scenario, given_scenarios
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import derive_seed
from negotiation_env.errors import UserError
from negotiation_env.game.events import Message
from negotiation_env.game.scenario import Scenario
from negotiation_env.interfaces import Agent, Judge
from negotiation_env.judges.specs import resolve_judge

__all__ = ["SeatTools", "seat_rows"]

_HOW: Final = "Speak by calling the tool `say`, once a turn, until it tells you that the negotiation is over.\n\n"
_OVER: Final = "The negotiation is over."


def seat_rows(scenarios: Iterable[Scenario], seed: int = 0) -> list[dict[str, Any]]:
    """A dataset row for each scenario; its games have the seed that `negotiate eval` gives them."""
    prompt = [{"role": "user", "content": _HOW}]
    return [{"prompt": prompt, "scenario": each.id, "seed": derive_seed(seed, each.id)} for each in scenarios]


class SeatTools:
    """One game after the other, in one seat; TRL makes one for each rollout of a batch.

    Args:
        opponent: Plays every other seat, and writes the joint answer: an agent or its spec string.
        judge: A judge or its spec string.
        scenarios: Those of the dataset's rows, as for `NegotiationEnv`.
        seat: The policy's.
        **settings: Those of `SeatEnv`, such as "prompts", and the fields of `Rules`.

    Raises:
        UserError: There is no such agent, judge, split or seat, or the rules have `history_turns`.
    """

    def __init__(
        self,
        opponent: str | Agent = "scripted:compromising",
        judge: str | Judge = "embedded",
        scenarios: Any = "train",
        seat: int = 0,
        **settings: Any,
    ) -> None:
        speaker = resolve_agent(opponent) if isinstance(opponent, str) else opponent
        given: dict[str, Any] = {"writer": int(seat == 0), **settings, "scenarios": given_scenarios(scenarios)}
        self._seat = SeatEnv(speaker, resolve_judge(judge), seat, **given)
        if (window := self._seat.game.rules.history_turns) is not None:
            raise UserError(f"expected no history_turns: the trainer's chat only grows; got {window}")

    def reset(self, scenario: str, seed: int, **row: Any) -> str:
        """Start a negotiation; the others speak until it is this seat's turn.

        Args:
            scenario: The id of a scenario.
            seed: Seeds the others' words.
            **row: The row's other columns, which are the trainer's.

        Returns:
            What the seat is told; the trainer puts it behind the prompt.

        Raises:
            UserError: There is no such scenario.
        """
        game = self._seat.game
        chosen = chosen_scenario(scenario, game.scenarios, len(game.possible_agents))
        seen, _ = self._seat.reset(options={"scenario": chosen, "seed": seed})
        return _joined(seen["messages"])

    def say(self, words: str) -> str:
        """Say something to the other parties, and hear what they answer.

        Args:
            words: What you say.

        Returns:
            The others' words, or that the negotiation is over.
        """
        if not self._waits:
            return _OVER
        seen, *_ = self._seat.step(words)
        return _joined(_since_own(seen["messages"])) if self._waits else _OVER

    def get_reward(self) -> float | None:
        """The reward, 0 to 5: 0 where the policy stopped before the end; None, for TRL no reward, where unscored."""
        return 0.0 if self._waits else self.episode.reward

    @property
    def episode(self) -> Episode:
        """The record of the game so far."""
        return self._seat.episode(self._seat.game.game.scenario.id, "policy")

    @property
    def _waits(self) -> bool:
        return self._seat.game.game.speaker is not None


def _joined(messages: Sequence[Message]) -> str:
    return "\n\n".join(message["content"] for message in messages)


def _since_own(messages: Sequence[Message]) -> Sequence[Message]:
    """What a seat has been told since it spoke last."""
    own = max(place for place, message in enumerate(messages) if message["role"] == "assistant")
    return messages[own + 1 :]
