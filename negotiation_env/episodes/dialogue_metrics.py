"""How the parties talk: what to watch beside the reward, for a reward can rise while the talk falls apart.

Pure functions from episodes to figures by name, for training steps and held-out evaluations alike. A figure is left out
where there was nothing to count, so that 0 always says "counted, and found none".

Figures of turns are over the learner's turns where it has a seat (`Episode.learner_seats`), else over all turns;
figures of negotiations and completions are over all. Words are those of `words_of`, without the tags.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from statistics import fmean
from typing import TypeAlias

from negotiation_env.environment.episode import Episode
from negotiation_env.environment.turns import Said
from negotiation_env.game.echoes import ECHOES
from negotiation_env.game.events import Task
from negotiation_env.game.scenario import Persona, Scenario
from negotiation_env.game.turn_grammar import parse_dialogue, parse_turn
from negotiation_env.judges.smoke_test.refusals import has_word, words_of

__all__ = [
    "agreement_turns",
    "capitulation",
    "copying",
    "dialogue_metrics",
    "lengths",
    "persona_drift",
    "repetition",
]

_RUN = 4  # words; shorter runs are shared by chance
_COPIED = 8  # words; a plan in other words seldom shares so many in a row
_STEM = 6  # letters, as in the rubric of the smoke-test judge

_ASKS_FOR_CHANGE = re.compile(
    r"""
      \?
    | \b(?:but|if|unless|except|instead|rather|however|provided|as\slong\sas|condition)\b
    | \b(?:add|amend|change|suggest|propose)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)

_Words: TypeAlias = list[str]


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn of the dialogue, in words.

    Attributes:
        seat: Who spoke.
        counts: Figures of turns are over this one too.
        words: Free text and proposal.
        proposal: The proposal alone; empty for none.
    """

    seat: int
    counts: bool
    words: _Words
    proposal: _Words


def dialogue_metrics(episodes: Sequence[Episode]) -> dict[str, float]:
    """All figures of this module."""
    figures = (lengths, repetition, capitulation, copying, persona_drift, agreement_turns)
    return {name: value for figure in figures for name, value in figure(episodes).items()}


def lengths(episodes: Sequence[Episode]) -> dict[str, float]:
    """How long turns and completions are.

    Falling lengths show a policy that says ever less, rising ones a policy that pads, up to the token limit.

    Returns:
        `length/turn_words` and `length/completion_words`: mean words, 0 or more. `length/turn_tokens` and
        `length/completion_tokens`: mean sampled tokens, the end-of-turn token included, over what carries a trace.
    """
    figures: dict[str, float] = {}
    for name, task in (("turn", Task.UTTERANCE), ("completion", Task.COMPLETION)):
        said = [each for episode in episodes for each in episode.turns if each.task is task and _counts(episode, each)]
        figures |= _mean(f"length/{name}_words", [len(_words(each.text)) for each in said])
        figures |= _mean(f"length/{name}_tokens", [len(each.tokens.sampled) for each in said if each.tokens])
    return figures


def repetition(episodes: Sequence[Episode]) -> dict[str, float]:
    """How much of what is said was said before.

    Loops are the commonest collapse of a policy under reinforcement learning. Taking up the other's proposal in order
    to amend it repeats too, so that the level says little and the rise much.

    Returns:
        `repetition/4grams`: share of a dialogue's four-word runs that stood earlier in it, whoever said them, as a mean
        over dialogues; 0 to 1. `repetition/turns_said_again`: share of turns, a party's first left out, of whose
        four-word runs half or more stood in the party's own earlier turns; 0 to 1. `repetition/echoes`: share of turns
        that only say again a last turn or the prompt, by their events (`negotiation_env.game.echoes`); 0 to 1.
    """
    dialogues = [_turns(episode) for episode in episodes]
    repeated = [fmean(marks) for turns in dialogues if (marks := _runs_said_before(turns))]
    again = [mark for turns in dialogues for mark in _turns_said_again(turns)]
    echoes = [
        not set(ECHOES).isdisjoint(each.events)
        for episode in episodes
        for each in episode.turns
        if each.task is Task.UTTERANCE and _counts(episode, each)
    ]
    return (
        _mean("repetition/4grams", repeated)
        | _mean("repetition/turns_said_again", again)
        | _mean("repetition/echoes", echoes)
    )


def _runs_said_before(turns: Sequence[_Turn]) -> list[bool]:
    """Of each run in the turns that count, whether anyone said it before."""
    heard: set[tuple[str, ...]] = set()
    marks = []
    for turn in turns:
        for run in _runs(turn.words):
            if turn.counts:
                marks.append(run in heard)
            heard.add(run)
    return marks


def _turns_said_again(turns: Sequence[_Turn]) -> list[bool]:
    """Of each turn that counts and can be said again, whether it is; one below four words has no run and cannot."""
    own: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    marks = []
    for turn in turns:
        runs, before = _runs(turn.words), own[turn.seat]
        if turn.counts and runs and before:
            marks.append(sum(run in before for run in runs) >= len(runs) / 2)
        before.update(runs)
    return marks


def capitulation(episodes: Sequence[Episode]) -> dict[str, float]:
    """How often an agreement is no negotiation: the first thing said is taken as it is.

    Where only agreements earn a reward, to give in at once is the quickest way to one. An agreement counts when it came
    at the first possible turn (turn 2 of two parties) and no turn after the first bears a "PROPOSE:" or asks for a
    change, so that the accepted plan is the other party's first and nothing was conceded for it. Asking is found by a
    question mark or words such as "but", "if", "unless" and "instead": a request in other words is missed, which
    overstates the figure, and such a word by the way understates it. Where the parties use no tags, the judge's
    agreement and those words alone decide, and a plain counter-proposal is missed.

    Returns:
        `agreement/capitulation`: share of all agreements, 0 to 1.
    """
    return _mean("agreement/capitulation", [_gave_in(episode) for episode in episodes if episode.outcome.agreed])


def _gave_in(episode: Episode) -> bool:
    said = parse_dialogue(episode.dialogue)
    if len(said) != len(episode.scenario.personas):
        return False
    return not any(turn.proposal is not None or _ASKS_FOR_CHANGE.search(turn.words) for turn in said[1:])


def copying(episodes: Sequence[Episode]) -> dict[str, float]:
    """How much is taken over word for word.

    Text out of the prompt pleases a judge that compares with it, and a completion that only recites a proposal shows
    that the dialogue's other turns bought nothing. Short runs are shared by chance and by common names.

    Returns:
        `copying/turn_from_prompt`, `copying/completion_from_prompt`: mean length in words of the longest run shared
        with the dilemma, a goal or a red line; 0 or more. `copying/turn_from_others`: the same, shared with an earlier
        turn of another party, over turns that have one. `copying/completions_of_a_proposal`: share of completions with
        8 words or more in a row of one proposal, over negotiations with a tagged proposal; 0 to 1.
    """
    turns = [length for episode in episodes for length in _runs_from_prompt(episode)]
    heard = [length for episode in episodes for length in _runs_from_others(_turns(episode))]
    written = [(episode, _words(text)) for episode in episodes if (text := episode.outcome.completion) is not None]
    offered = [(words, offers) for episode, words in written if (offers := _proposals(episode))]
    return (
        _mean("copying/turn_from_prompt", turns)
        | _mean("copying/turn_from_others", heard)
        | _mean("copying/completion_from_prompt", [_longest_run(words, _given(e.scenario)) for e, words in written])
        | _mean("copying/completions_of_a_proposal", [_longest_run(*each) >= _COPIED for each in offered])
    )


def _runs_from_prompt(episode: Episode) -> list[int]:
    given = _given(episode.scenario)
    return [_longest_run(turn.words, given) for turn in _turns(episode) if turn.counts]


def _runs_from_others(turns: Sequence[_Turn]) -> list[int]:
    heard = [[before.words for before in turns[:n] if before.seat != turn.seat] for n, turn in enumerate(turns)]
    return [_longest_run(turn.words, texts) for turn, texts in zip(turns, heard, strict=True) if turn.counts and texts]


def _longest_run(words: _Words, sources: Sequence[_Words]) -> int:
    """Length of the longest run of words that also stands within one of the sources."""
    joined = [word for source in sources for word in (*source, "")]  # no word is "": a run ends with its source
    return SequenceMatcher(None, words, joined, autojunk=False).find_longest_match().size


def _given(scenario: Scenario) -> list[_Words]:
    lines = [line for persona in scenario.personas for line in (persona.goal, persona.red_line)]
    return [words_of(text) for text in (scenario.dilemma, *lines)]


def _proposals(episode: Episode) -> list[_Words]:
    return [turn.proposal for turn in _turns(episode) if turn.proposal]


def persona_drift(episodes: Sequence[Episode]) -> dict[str, float]:
    """Whose words the parties use: another persona's rather than their own.

    Of a turn's different words (first six letters, no function words): the share that only other personas' goals, red
    lines and values have, less the share that only one's own have; the dilemma's words are nobody's. A late figure
    above the early one is a party moving towards the other, as it may. An early figure that rises in training says that
    the personas are given up from the start, and the negotiation with them. Few words tell, and other words for the
    same aim are not seen: read it over many steps.

    Returns:
        `drift/early` and `drift/late`: mean over the first and over the last turns of the parties that spoke twice or
        more; -1 (all words one's own persona's) to 1 (all another's), near 0 in practice.
    """
    early, late = [], []
    for episode in episodes:
        for seat, turns in _by_seat(episode).items():
            own, others = _distinctive(episode.scenario, seat)
            early.append(_leaning(turns[0], own, others))
            late.append(_leaning(turns[-1], own, others))
    return _mean("drift/early", early) | _mean("drift/late", late)


def _leaning(turn: _Turn, own: frozenset[str], others: frozenset[str]) -> float:
    used = _stems(turn.words)
    return (len(used & others) - len(used & own)) / max(len(used), 1)


def _by_seat(episode: Episode) -> dict[int, list[_Turn]]:
    """The turns of each seat that counts and spoke more than once."""
    turns: dict[int, list[_Turn]] = defaultdict(list)
    for turn in _turns(episode):
        if turn.counts:
            turns[turn.seat].append(turn)
    return {seat: own for seat, own in turns.items() if len(own) > 1}


def _distinctive(scenario: Scenario, seat: int) -> tuple[frozenset[str], frozenset[str]]:
    """Stems that only the seat's own persona has, and those that only others have."""
    own = _persona_stems(scenario.personas[seat])
    others = frozenset[str]().union(
        *(_persona_stems(persona) for index, persona in enumerate(scenario.personas) if index != seat)
    )
    given = _stems(words_of(scenario.dilemma))
    return own - others - given, others - own - given


def _persona_stems(persona: Persona) -> frozenset[str]:
    return _stems(words_of(" ".join((persona.goal, persona.red_line, *persona.values))))


def _stems(words: _Words) -> frozenset[str]:
    return frozenset(word.removesuffix("'s")[:_STEM] for word in words if not has_word("function", word))


def agreement_turns(episodes: Sequence[Episode]) -> dict[str, float]:
    """When the parties agree.

    Earlier agreements can be better talk or none (see `capitulation`); the shares show which turn the mean moves from.

    Returns:
        `agreement/turn`: mean utterances up to agreement, over agreements. `agreement/at_turn_N`: share of the
        agreements that came at turn N, 0 to 1, for each N from the first possible turn to the last.
    """
    turns = [episode.outcome.turns for episode in episodes if episode.outcome.agreed]
    first = min((len(episode.scenario.personas) for episode in episodes), default=0)
    last = max((episode.rules.max_turns for episode in episodes), default=0)
    figures = _mean("agreement/turn", turns)
    for number in range(first, last + 1):
        figures |= _mean(f"agreement/at_turn_{number}", [turn == number for turn in turns])
    return figures


def _turns(episode: Episode) -> list[_Turn]:
    said = [each for each in episode.turns if each.task is Task.UTTERANCE]
    return [
        _Turn(each.seat, _counts(episode, each), _words(each.text), words_of(turn.proposal or ""))
        for each, turn in zip(said, parse_dialogue(episode.dialogue), strict=True)
    ]


def _counts(episode: Episode, said: Said) -> bool:
    return said.task is Task.COMPLETION or said.seat in (episode.learner_seats or (said.seat,))


def _words(text: str) -> _Words:
    turn = parse_turn(text)
    return words_of(f"{turn.words}\n{turn.proposal or ''}")


def _runs(words: _Words) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1)]


def _mean(name: str, values: Sequence[float]) -> dict[str, float]:
    """A mean under its name; no figure where nothing was counted."""
    return {name: fmean(values)} if values else {}
