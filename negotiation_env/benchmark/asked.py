"""What is asked about finished games: whether each party accepts the text, and whether it keeps what was agreed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.answer_file import digest
from negotiation_env.episodes.evaluate import fingerprint
from negotiation_env.files.durable import written
from negotiation_env.game.events import JudgeCall, Verdict
from negotiation_env.judges.probes import Examiner, Probe, ProbeKind, examined

__all__ = ["Asked", "Asking", "ask", "askings"]


@dataclass(frozen=True, slots=True)
class Asking:
    """A probe of one game.

    Attributes:
        episode: The game's id.
        judge: The name of who is asked.
        probe: What is asked.
    """

    episode: str
    judge: str
    probe: Probe

    @property
    def id(self) -> str:
        """Unique within the benchmark."""
        return f"{self.probe.kind} {self.probe.seat} | {self.episode}"

    @property
    def subject_digest(self) -> str:
        """A digest of the judge and of the texts that it is asked about."""
        dialogue = [turn.text for turn in self.probe.dialogue]
        return digest(self.judge, fingerprint(self.probe.scenario), self.probe.completion, *dialogue)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an examiner said; one line.

    Attributes:
        id: The asking's.
        subject_digest: The asking's: what it is about.
        episode: The game's id.
        kind: What was asked.
        seat: The party whose side was taken; 0 where none's was.
        verdict: The answer.
    """

    __pydantic_config__ = written(subject_digest="said")

    id: str
    subject_digest: str
    episode: str
    kind: ProbeKind
    seat: int
    verdict: Verdict

    @property
    def failure(self) -> str | None:
        """What the examiner failed to say; None where it said it."""
        return (self.verdict.reason or "no value") if self.verdict.value is None else None

    @property
    def calls(self) -> tuple[JudgeCall, ...]:
        """Every model call behind it."""
        return self.verdict.calls


def askings(episodes: Iterable[Episode], judge: str) -> dict[str, Asking]:
    """All probes of the scored games by id: acceptance by each party, faithfulness where they agreed.

    Args:
        episodes: Of a benchmark.
        judge: The name of who is asked.
    """
    scored = [episode for episode in episodes if episode.reward is not None]
    found = [Asking(episode.id, judge, probe) for episode in scored for probe in _probes(episode)]
    return {each.id: each for each in found}


def ask(found: Sequence[Asking], examiner: Examiner) -> list[Asked]:
    """Let an examiner answer, in one call."""
    verdicts = examined(examiner, [each.probe for each in found])
    return [
        Asked(each.id, each.subject_digest, each.episode, each.probe.kind, each.probe.seat, verdict)
        for each, verdict in zip(found, verdicts, strict=True)
    ]


def _probes(episode: Episode) -> list[Probe]:
    scenario, completion = episode.scenario, episode.outcome.completion
    if not completion or not scenario.personas:
        return []
    probes = [Probe(ProbeKind.ACCEPTANCE, scenario, completion, seat=seat) for seat in range(scenario.seats)]
    if episode.outcome.agreed:
        probes.append(Probe(ProbeKind.FAITHFULNESS, scenario, completion, dialogue=episode.dialogue))
    return probes
