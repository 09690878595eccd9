"""`negotiate play` in a terminal: a table that shows at once what is known, and what goes on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from negotiation_env.agents.chat import aloud
from negotiation_env.agents.human import HumanAgent, unseen_pages
from negotiation_env.browser.table import Snapshot, Table
from negotiation_env.browser.views import GameView, seat_view, watcher_view
from negotiation_env.cli.cards import closing_card, dilemma_card, persona_card, verdict_card
from negotiation_env.cli.waiting import Waiting
from negotiation_env.environment.aec import NegotiationEnv
from negotiation_env.environment.render import spoken
from negotiation_env.episodes.runner import play
from negotiation_env.game.chats import OWN_CARD
from negotiation_env.game.events import QuestionKind, Task
from negotiation_env.game.moves import Phase
from negotiation_env.text.secrets import without_secrets
from negotiation_env.text.untrusted import SILENCE

if TYPE_CHECKING:
    from pettingzoo import AECEnv

    from negotiation_env.environment.episode import Episode
    from negotiation_env.episodes.runner import Game
    from negotiation_env.game.scenario import Scenario
    from negotiation_env.interfaces import Agent, Judge, Request

__all__ = ["LiveTable"]

_DECIDING: Final = {
    QuestionKind.AGREEMENT: "the judge looks whether they agree",
    QuestionKind.TURN: "the judge looks at these words for the guards",
    QuestionKind.SCORE: "the judge scores the joint answer",
}


class LiveTable:
    """Shows the dilemma and the personas, then all that happens, and who is waited for meanwhile.

    Words are shown while they are written. Where a person has a seat, the table shows what that person may know, once
    it is delivered, and nothing twice.

    Args:
        scenario: What is negotiated.
        specs: Who plays, by seat.
    """

    def __init__(self, scenario: "Scenario", specs: Sequence[str]) -> None:
        self._scenario, self._specs = scenario, tuple(map(without_secrets, specs))
        self._people = [seat for seat, spec in enumerate(specs) if spec == HumanAgent.name]
        self._waiting = Waiting()
        self._out = self._waiting.out
        self._said = self._ruled = 0
        self._core: NegotiationEnv
        self._out.print(dilemma_card(scenario))
        for seat, persona in enumerate(scenario.personas):
            if not self._people or seat in self._people[:1]:
                self._out.print(persona_card(persona, seat, self._specs[seat]))

    @contextmanager
    def loading(self) -> Iterator[None]:
        """See `GameTable`."""
        self._waiting.show(f"loading {', '.join(dict.fromkeys(self._specs))} …")
        try:
            yield
        finally:
            self._waiting.hide()

    def play(self, game: "Game", judge: "Judge", **rules: Any) -> "Episode":
        """See `GameTable`."""
        self._people = [seat for seat, agent in enumerate(game.agents) if isinstance(agent, HumanAgent)]
        seated = replace(game, agents=tuple(starmap(self._seated, enumerate(game.agents))))
        table = Table(game.id, [agent.name for agent in game.agents], self._show)
        try:
            return play(seated, judge, wrap=lambda core: self._watched(table, core), **rules)
        finally:
            self._waiting.hide()

    def close(self, episode: "Episode", kept: Path | None) -> None:
        """See `GameTable`."""
        self._out.print(closing_card(episode, kept))

    def _seated(self, seat: int, agent: "Agent") -> "Agent":
        """Words are heard at once where nobody plays: what may be a thought, or refused, is no player's business."""
        if seat in self._people:
            return HumanAgent(self._pages)
        return agent if self._people else aloud(agent, self._heard)

    def _heard(self, text: str) -> None:
        """The words so far of whoever has the turn, as they would be delivered."""
        game = self._core.game
        said, _ = game.understand(text)
        if said.text != SILENCE:  # else it only thinks
            task = Task.COMPLETION if game.phase is Phase.COMPLETING else Task.UTTERANCE
            title = self._title(said.seat, task, game.turns + 1)
            self._waiting.show(f"{self._name(said.seat)} is speaking …", spoken(said.seat, title, said.text))

    def _watched(self, table: Table, core: NegotiationEnv) -> "AECEnv":
        self._core = core
        return table.watch(core)

    def _show(self, now: Snapshot) -> None:
        """What is new, then who is waited for."""
        self._waiting.hide()
        now = replace(now, over=self._core.game.phase is Phase.OVER)
        view = seat_view(now, self._people[0]) if self._people else watcher_view(now)
        for number, said in enumerate(view.said[self._said :], self._said + 1):
            if said.seat not in self._people:  # whoever typed it has it on the screen
                self._out.print(spoken(said.seat, self._title(said.seat, said.task, number), said.text))
        for ruling in view.rulings[self._ruled :]:
            if ruling.kind in (QuestionKind.AGREEMENT, QuestionKind.SCORE):
                self._out.print(verdict_card(ruling))
        self._said, self._ruled = len(view.said), len(view.rulings)
        self._wait_for(view, again=now.again)

    def _wait_for(self, view: GameView, *, again: bool) -> None:
        question = self._core.game.question
        if question:
            self._waiting.show(_DECIDING[question.kind])
        elif view.speaker is not None and view.speaker not in self._people:
            doing = "is writing the joint answer" if view.completing else "is thinking"
            refused = ", for the guards refused the words" if again and not self._people else ""
            self._waiting.show(f"{self._name(view.speaker)} {doing} …{refused}")

    def _name(self, seat: int) -> str:
        return self._scenario.names[seat] if self._scenario.names else "the agent"

    def _title(self, seat: int, task: Task, number: int) -> str:
        if task is Task.UTTERANCE:
            return f"{number}. {self._name(seat)}"
        return "answer" if self._core.game.rules.single else f"joint answer, by {self._name(seat)}"

    def _pages(self, request: "Request") -> Iterator[tuple[str, str]]:
        """What a person has to know for this turn and has not on the screen yet."""
        own = OWN_CARD if request.seat in self._people[:1] else ()
        return unseen_pages(self._core.game, request, ("dilemma", *own))
