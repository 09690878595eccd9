"""Does an agreement survive one challenge? Another party voices a doubt after the dialogue, and the judge rules again.

The challenge is a fixed, versioned text. It doubts the plan and gives a reason to open it again, but it keeps the
challenger's own word as long as the other one keeps theirs: so the reply alone decides whether the agreement stands.

By the handshake of the embedded judge an agreement stands unless the reply makes a new proposal, whatever its words
say; only a judge that reads them can see one that is taken back, or a new plan without a tag.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Template
from typing import Any, Final

from negotiation_env.environment.episode import Episode
from negotiation_env.environment.prompting import Prompts, chosen_prompts, seat_prompts
from negotiation_env.episodes.answer_file import digest
from negotiation_env.episodes.evaluate import fingerprint
from negotiation_env.episodes.runner import derive_seed, replied
from negotiation_env.files.durable import written
from negotiation_env.game.chats import conversation
from negotiation_env.game.events import JudgeCall, Question, Task, Utterance, Verdict
from negotiation_env.game.prompts import PromptSet
from negotiation_env.game.protocol import agreement_question, understood
from negotiation_env.interfaces import Agent, Judge, Reply, Request
from negotiation_env.judges.asking import judged

__all__ = ["VERSION", "Challenge", "challenges", "subject_of"]

VERSION: Final = "v1"
_DOUBT: Final = Template(
    "Before we part I owe you a doubt: as $name I fear that our plan leaves out what matters most to my side. "
    "I would open it again if you see a better one. If you stand by it, so do I."
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What became of one challenged agreement; one line of JSON.

    Attributes:
        id: The episode's id.
        subject_digest: What it is about, see `subject_of`.
        doubt: The challenge as it was said, by another party.
        reply: What the tested party said to it; None where its agent failed.
        verdict: Whether the parties agree after it; None where nothing could be judged.
        error: What the agent failed with.
        usage: Token counts, latency in seconds and cost of the reply, where known.
        version: Of the challenge's text.
    """

    __pydantic_config__ = written(subject_digest="said")

    id: str
    subject_digest: str
    doubt: Utterance
    reply: Utterance | None
    verdict: Verdict | None
    error: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    version: str = VERSION

    @property
    def survived(self) -> bool | None:
        """Whether the agreement stands; None: nobody knows, and `failure` says why."""
        return None if self.verdict is None or self.verdict.value is None else self.verdict.value > 0

    @property
    def failure(self) -> str | None:
        """What failed; None where the agreement was judged."""
        if self.survived is not None:
            return None
        if self.verdict is None:
            return f"the agent failed: {self.error}"
        return self.verdict.reason or "the judge gave no value"

    @property
    def calls(self) -> tuple[JudgeCall, ...]:
        """Every call of the judge behind it."""
        return self.verdict.calls if self.verdict else ()


def subject_of(episode: Episode, judge: str) -> str:
    """A digest of what is challenged and how: the agents, the dialogue, the challenge and the judge's name."""
    dialogue = [turn.text for turn in episode.dialogue]
    return digest(judge, VERSION, episode.agents, fingerprint(episode.scenario), dialogue)


def challenges(episodes: Sequence[Episode], agent: Agent, judge: Judge, prompts: Prompts = None) -> list[Challenge]:
    """Challenge the agreements among these episodes.

    The writer of each is tested: it sees the chat that it would see if the next party had said this after the dialogue.

    Args:
        episodes: Those that did not agree are passed over.
        agent: The writer of all of them; called once.
        judge: Called once, for all replies.
        prompts: As for the games, see `play_many`.

    Returns:
        One for each agreed episode, in order.
    """
    told = chosen_prompts(prompts, judge)
    opened = [_reopen(episode, agent, told) for episode in episodes if episode.outcome.agreed]
    replies = replied(agent, [each.request for each in opened]) if opened else []
    heard = [each.heard(reply) for each, reply in zip(opened, replies, strict=True)]
    asked = [each.question(words) for each, words in zip(opened, heard, strict=True) if words]
    verdicts = iter(judged(judge, asked) if asked else [])
    ruled = [next(verdicts) if words else None for words in heard]
    return [
        Challenge(
            each.episode.id,
            subject_of(each.episode, judge.name),
            each.doubt,
            words,
            verdict,
            reply.error,
            reply.usage,
        )
        for each, words, verdict, reply in zip(opened, heard, ruled, replies, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Reopened:
    """An agreed negotiation that goes on; the last of its dialogue is the doubt."""

    episode: Episode
    dialogue: tuple[Utterance, ...]
    prompts: PromptSet

    @property
    def doubt(self) -> Utterance:
        return self.dialogue[-1]

    @property
    def request(self) -> Request:
        """A conversation of its own: the game's one went on to the completion."""
        scenario, rules = self.episode.scenario, self.episode.rules
        seat, window = rules.writer, rules.history_turns
        chat = conversation(self.prompts, scenario, seat, self.dialogue, window=window, personas=rules.personas)
        seed = derive_seed(self.episode.seed, seat, "challenge", VERSION)
        return Request(f"{self.episode.id}/challenge", seat, Task.UTTERANCE, chat, seed)

    def heard(self, reply: Reply) -> Utterance | None:
        scenario, rules = self.episode.scenario, self.episode.rules
        return None if reply.error is not None else understood(reply.text, rules.writer, scenario.names, rules)[0]

    def question(self, reply: Utterance) -> Question:
        return agreement_question(self.episode.scenario, (*self.dialogue, reply))


def _reopen(episode: Episode, agent: Agent, prompts: Sequence[PromptSet]) -> _Reopened:
    """The next party after the writer doubts; where personas are hidden it does not give its name away."""
    scenario, rules = episode.scenario, episode.rules
    seat = (rules.writer + 1) % len(scenario.personas)
    name = scenario.personas[seat].name if rules.personas else f"negotiator_{seat}"
    doubt, _ = understood(_DOUBT.substitute(name=name), seat, scenario.names, rules)
    shown = seat_prompts(prompts, scenario.seats, [agent] * scenario.seats, scenario)
    return _Reopened(episode, (*episode.dialogue, doubt), shown[rules.writer])
