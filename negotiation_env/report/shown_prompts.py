"""What a speaker was told before each turn, made again out of the record, as it holds no prompts."""

from collections.abc import Sequence

from negotiation_env.environment.episode import Episode
from negotiation_env.environment.prompting import seat_prompts, shipped_of
from negotiation_env.environment.turns import Said
from negotiation_env.game.chats import conversation, single_agent_chat
from negotiation_env.game.events import Message, Task
from negotiation_env.game.prompts import PromptSet

__all__ = ["shown_prompts"]


def shown_prompts(episode: Episode) -> list[tuple[Message, ...]]:
    """The messages before each turn; none where the record does not tell them.

    It does not where somebody's own prompt set was used, of which it names the id only, or where guards added to them.
    """
    ids = episode.prompts.split("; ")
    sets = shipped_of(episode.prompts)
    if len(sets) < len(ids) or episode.guards:
        return [()] * len(episode.turns)
    prompts = seat_prompts(sets, max(episode.scenario.seats, 1))
    return [_shown(episode, prompts, said, place) for place, said in enumerate(episode.turns)]


def _shown(episode: Episode, prompts: Sequence[PromptSet], said: Said, place: int) -> tuple[Message, ...]:
    rules, scenario, told = episode.rules, episode.scenario, prompts[said.seat]
    if rules.single:
        return single_agent_chat(told, scenario, said.seat, personas=rules.personas)
    completing = said.task is Task.COMPLETION
    return conversation(
        told,
        scenario,
        said.seat,
        episode.dialogue[:place],
        window=rules.history_turns,
        completing=completing,
        personas=rules.personas,
    )
