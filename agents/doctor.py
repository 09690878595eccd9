"""What a doctor finds about a policy: template, context, endpoint, and two turns of ten games with itself."""

import time
from collections.abc import Iterator, Sequence

from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.chat_tokens import ChatTokens
from negotiation_env.agents.models.in_process import InProcessModel
from negotiation_env.endpoints.endpoint import Endpoint
from negotiation_env.environment.prompting import seat_prompts
from negotiation_env.episodes.longest_game import Ruler, longest_game, longest_scenario
from negotiation_env.errors import ModelError
from negotiation_env.game.events import Task, Turn
from negotiation_env.game.prompts import PromptSet, shipped_prompts
from negotiation_env.game.protocol import Negotiation, Rules
from negotiation_env.game.scenario import Scenario
from negotiation_env.game.turn_grammar import parse_turn
from negotiation_env.interfaces import Agent, Reply, Request
from negotiation_env.judges.doctor import Finding, examine_endpoint
from negotiation_env.text.thoughts import marker_in

__all__ = ["examine_agent"]

_LATER = ({"role": "user", "content": "x"},)
_ANEW = "answered thoughts leave the prompt: each turn is rendered anew, and is a training row of its own"
_TURNS = 2
"""Played with itself, so that an echo of its own words is one of the other's."""


def examine_agent(
    agent: Agent, scenarios: Sequence[Scenario], max_turns: int = 7, prompts: Sequence[PromptSet] | None = None
) -> Iterator[Finding]:
    """Look at an agent, and let it begin a negotiation with itself in each scenario.

    Args:
        agent: Any; more can be said of one that a chat model speaks for.
        scenarios: Two turns in each, one of a single agent.
        max_turns: Of the planned negotiations; enough for each party to speak once, or 0 for a single agent.
        prompts: What the seats are told; by default the paper's free dialogue. A set of the agent's own goes before.

    Yields:
        Findings as they are made.
    """
    yield Finding("agent", None, agent.name)
    (told,) = seat_prompts(prompts or (shipped_prompts(),), 1, [agent])
    model = agent.model if isinstance(agent, ChatAgent) else None
    if isinstance(model, Endpoint):
        yield (reachable := examine_endpoint(model))
        if not reachable.good:
            return
    if isinstance(model, InProcessModel) and isinstance(agent, ChatAgent):
        yield from _template(model.tokens)
        yield _context(agent, model, scenarios, max_turns, told)
    yield from _trial(agent, scenarios, max_turns, told)


def _template(tokens: ChatTokens) -> Iterator[Finding]:
    try:
        yield Finding("template", True, _ANEW if tokens.anew else _growth(tokens))
    except ModelError as error:
        yield Finding("template", False, str(error))
    switch = "enable_thinking" in str(tokens.tokenizer.chat_template)
    state = "switched on" if tokens.thinking else "switched off"
    yield Finding(
        "thinking", None, f"{state} through enable_thinking" if switch else "the template has no switch for it"
    )
    end, *others = tokens.tokenizer.convert_ids_to_tokens([tokens.end, *sorted(tokens.ends - {tokens.end})])
    also = f"; sampling stops at {', '.join(others)} too" if others else ""
    eos = tokens.tokenizer.eos_token
    passed = "" if eos in (end, *others) else f"; the tokenizer's EOS is {eos}, where sampling does not stop"
    yield Finding("end token", True, f"{end} closes a turn{also}{passed}")


def _growth(tokens: ChatTokens) -> str:
    tokens.follow_up(_LATER)  # raises where a chat cannot grow
    told = "a chat grows by appending: sampled tokens stay as they were sampled"
    if tokens.thinking or not tokens.left_out:
        return told
    return (
        f"{told}, and so does the {tokens.left_out!r} that this template drops from answered turns; serve a trained "
        "model with a template that keeps it too, such as the *_training.jinja that TRL ships"
    )


def _context(
    agent: ChatAgent, model: InProcessModel, scenarios: Sequence[Scenario], max_turns: int, prompts: PromptSet
) -> Finding:
    turn, answer = (agent.sampling(task).max_tokens for task in (Task.UTTERANCE, Task.COMPLETION))
    ruler = Ruler(turn, answer, model.tokens.prompt, model.max_thought_tokens, model.tokens.anew)
    rules = Rules(max_turns=max_turns)
    need = longest_game(longest_scenario(scenarios), rules, ruler, [prompts]).context
    limit = int(model.model.config.max_position_embeddings)
    told = f"at most {need} tokens needed ({max_turns} turns of {turn}, answer {answer}) of {limit}"
    return Finding("context", need <= limit, told)


def _trial(agent: Agent, scenarios: Sequence[Scenario], max_turns: int, prompts: PromptSet) -> Iterator[Finding]:
    rules = Rules(max_turns=max_turns)
    games = [Negotiation(scenario, rules, [prompts] * scenario.seats) for scenario in scenarios]
    start = time.perf_counter()
    replies = _one_turn_each(agent, games)
    seconds = time.perf_counter() - start
    failed = [reply.error for reply in replies if reply.error]
    told = f"{len(replies) - len(failed)} of {len(replies)} first turns in {seconds:.1f} s"
    yield Finding("first turns", not failed, told + (f"; {failed[0]}" if failed else ""))
    spoken = [reply for reply in replies if not reply.error]
    if spoken and max_turns and prompts.asks_for_tags:
        yield _parse_rate(spoken)
    if spoken:
        yield from _length(spoken)
        yield from _thinking(spoken)
    if spoken and max_turns:
        _one_turn_each(agent, games)
        yield _echoing(games)


def _one_turn_each(agent: Agent, games: Sequence[Negotiation]) -> list[Reply]:
    """Let an agent speak in each game that waits for a party, whichever that is."""
    waiting = {n: turn for n, game in enumerate(games) if isinstance(turn := game.pending, Turn)}
    requests = [Request(f"doctor/{n}", turn.seat, turn.task, turn.messages, n) for n, turn in waiting.items()]
    replies = agent.act(requests)
    for n, reply in zip(waiting, replies, strict=True):
        if reply.error:
            games[n].fail(reply.error)
        else:
            games[n].say(reply.text)
    return replies


def _echoing(games: Sequence[Negotiation]) -> Finding:
    played = [game.echoes for game in games if game.turns == _TURNS]
    echoed = sum(any(turns) for turns in played)
    told = f"{echoed} of {len(played)} games echo within {_TURNS} turns"
    if echoed * 2 < max(len(played), 1):
        return Finding("echoes", None if echoed else True, told)
    remedy = "it may need the `handshake` demos, a larger model or another prompt set"
    return Finding("echoes", False, f"{told}: this model echoes; {remedy}")


def _parse_rate(replies: Sequence[Reply]) -> Finding:
    tagged = sum(parse_turn(reply.spoken.text).proposal is not None for reply in replies)
    told = f"{tagged} of {len(replies)} first turns propose in the turn grammar"
    return Finding(
        "parse rate", None if tagged else False, told + ("" if tagged else ": the handshake cannot see any agreement")
    )


def _length(replies: Sequence[Reply]) -> Iterator[Finding]:
    cut = sum(reply.truncated for reply in replies)
    yield Finding(
        "length", None if cut * 2 <= len(replies) else False, f"{cut} of {len(replies)} turns cut by the limit"
    )


def _thinking(replies: Sequence[Reply]) -> Iterator[Finding]:
    """Which turns are thought, by whose marks; one that is nothing else is an empty turn."""
    thoughtful = [said for reply in replies if (said := reply.spoken).thought]
    if not thoughtful:
        return
    marks = dict.fromkeys(marker.example for reply in replies if (marker := marker_in(reply.text)))
    silent = sum(not said.text for said in thoughtful)
    told = f"{len(thoughtful)} of {len(replies)} turns hold private thoughts, which nobody else is shown"
    told += f" (marked by {', '.join(marks) or 'the endpoint'})"
    remedy = f"; {silent} are nothing else: allow more tokens, or less thinking" if silent else ""
    yield Finding("thoughts", False if silent else None, told + remedy)
