"""Steps: how words get into the games of one environment or of many, wrapped or not."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pettingzoo import AECEnv
from pettingzoo.utils import BaseWrapper, OrderEnforcingWrapper

from negotiation_env.interfaces import Judge
from negotiation_env.judges.asking import judged

if TYPE_CHECKING:
    from negotiation_env.environment.aec import NegotiationEnv

__all__ = ["OrderEnforced", "Wrap", "plain", "step_many", "step_together"]

Wrap: TypeAlias = Callable[["NegotiationEnv"], AECEnv]
"""What puts wrappers around an environment, such as a subclass of PettingZoo's `BaseWrapper`."""

Step = TypeVar("Step", bound=Callable[..., None])
_PLAIN = {BaseWrapper.step, OrderEnforcingWrapper.step}


def plain(step: Step) -> Step:
    """Mark a method `step` that hands its action on as it is, so that `step_many` may go round it."""
    _PLAIN.add(step)
    return step


class OrderEnforced(OrderEnforcingWrapper):  # type: ignore[misc]
    """PettingZoo's wrapper, which reads each field of the environment through two calls; this one asks once."""

    env: "NegotiationEnv"

    def last(self, observe: bool = True) -> tuple[dict[str, Any] | None, float, bool, bool, dict[str, Any]]:
        """What the selected agent sees, its reward, whether it is done, and its info."""
        return self.env.last(observe) if self._has_reset else super().last(observe)  # type: ignore[no-any-return]

    @plain
    def step(self, action: str | None) -> None:
        """The selected agent says something."""
        if self._has_reset and self.env.agents:
            self._has_updated = True
            self.env.step(action)
        else:
            super().step(action)

    def __str__(self) -> str:
        return str(self.env)


def step_many(envs: Sequence[Any], actions: Sequence[Any], judge: Judge) -> None:
    """One step in each of many games: all speak, then one judge call answers all that ask.

    A wrapper, or a subclass, with a `step` of its own has the say over what becomes of the action: its environment is
    stepped through it, after the others, and asks the judge alone.

    Args:
        envs: Environments that wait for an agent, wrapped or not, each another.
        actions: One for each: the selected agent's words, or what a wrapper takes in their place.
        judge: Asked once for all agreement and score questions of this step.

    Raises:
        TypeError: An action is not a string. Nothing was changed then, in any game.
        ValueError: There are not as many actions as environments, or one with a `step` of its own was made with another
            judge. Nothing was changed then.
    """
    if len(envs) != len(actions):
        raise ValueError(f"step_many: expected {len(envs)} actions, one for each environment; got {len(actions)}")
    together, alone = [], []
    for env, action in zip(envs, actions, strict=True):
        if _is_plain(env):
            together.append((env.unwrapped, action))
        else:
            alone.append((env, action))
    if others := [env.unwrapped.judge.name for env, _ in alone if env.unwrapped.judge is not judge]:
        told = f"expected the judge {others[0]}, with which an environment with a step of its own was made"
        raise ValueError(f"step_many: {told}; got {judge.name}")
    step_together(together, judge)
    for env, action in alone:
        env.step(action)


def _is_plain(env: Any) -> bool:
    """Whether no layer has a step of its own."""
    while type(env).step in _PLAIN:
        if not isinstance(env, BaseWrapper):
            return True
        env = env.env
    return False


def step_together(pairs: "Sequence[tuple[NegotiationEnv, Any]]", judge: Judge) -> None:
    """The one way into a core: a step in each of some games without wrappers, see `step_many`.

    What guards ask about the words goes to the judge with what other games ask; what comes of the answers is asked
    next.

    Args:
        pairs: Environments, each another, with the selected agent's words.
        judge: Answers all that ask.
    """
    for _, words in pairs:
        if not isinstance(words, str):
            raise TypeError(f"expected the action as a str (what the agent says), got {type(words).__name__}")
    asking, questions = [], []
    for game, words in pairs:
        if question := game.hear(words):
            asking.append(game)
            questions.append(question)
    while questions:
        ruled = zip(asking, questions, judged(judge, questions), strict=True)
        asking, questions = [], []
        for game, question, verdict in ruled:
            if further := game.rule(question, verdict):
                asking.append(game)
                questions.append(further)
