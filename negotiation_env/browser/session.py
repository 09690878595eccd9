"""A participant's session in a study: consent, games, and a rating after each."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from negotiation_env.browser.play import SeatPage, finished, seated
from negotiation_env.browser.server import serve
from negotiation_env.browser.study import Study, Trial
from negotiation_env.browser.views import seat_view
from negotiation_env.environment.episode import Episode
from negotiation_env.episodes.runner import Game
from negotiation_env.game.events import QuestionKind
from negotiation_env.interfaces import Judge
from negotiation_env.judges.ratings import ASKED, LEVELS

__all__ = ["StudyPage", "run_session"]


class StudyPage:
    """The one page of a participant, which goes through consent, games and ratings.

    No condition, no agent's name and no score is ever sent: ratings shall not follow them.

    Args:
        study: The study.
        games: How many games the participant plays.
    """

    def __init__(self, study: Study, games: int) -> None:
        self._study, self._games = study, games
        self._stage, self._trial = "consent", 0
        self._seat: SeatPage | None = None
        self.consented = asyncio.Event()
        self.ratings: asyncio.Queue[dict[str, int]] = asyncio.Queue()

    def show(self, stage: str, trial: int = 0, seat: SeatPage | None = None) -> None:
        """Go on to the next stage: "game" or "rating", of a trial and its seat, "preparing" or "over"."""
        self._stage, self._trial, self._seat = stage, trial, seat

    def state(self) -> object:
        """What the participant sees now."""
        return {
            "stage": self._stage,
            "name": self._study.name,
            "consent": self._study.consent,
            "games": self._games,
            "trial": self._trial,
            "questions": asdict(self._study.questions),
            "game": self._game(),
        }

    def answer(self, said: Mapping[str, Any]) -> bool:
        """Consent, ratings, or words in the game; whether they are taken."""
        if "consent" in said:
            return self._consent(said["consent"])
        if "ratings" in said:
            return self._rate(said.get("trial"), said["ratings"])
        return self._stage == "game" and self._seat is not None and self._seat.answer(said)

    def _game(self) -> object:
        page = self._seat
        if page is None or page.seat is None or (now := page.table.latest) is None:
            return None
        view = seat_view(now, page.seat)
        agreements = tuple(ruling for ruling in view.rulings if ruling.kind is QuestionKind.AGREEMENT)
        bare = tuple(replace(ruling, judge="", reason="", probability=None, quotes=()) for ruling in agreements)
        return replace(view, rulings=bare, status=None, score=None, over=False, reason="")

    def _consent(self, given: object) -> bool:
        if given is not True:
            raise ValueError("expected consent, or nothing")
        fresh = self._stage == "consent" and not self.consented.is_set()
        self.consented.set()
        return fresh

    def _rate(self, trial: object, ratings: object) -> bool:
        if not isinstance(ratings, dict) or set(ratings) != set(ASKED):
            raise ValueError(f"expected ratings of {', '.join(ASKED)}")
        if not all(type(level) is int and level in LEVELS for level in ratings.values()):
            raise ValueError("expected levels from 1 to 5")
        if self._stage != "rating" or trial != self._trial:
            return False
        self.show("preparing")
        self.ratings.put_nowait(ratings)
        return True


async def run_session(
    study: Study,
    left: Sequence[Trial],
    game_of: Callable[[Trial], Game],
    judge: Judge,
    *,
    show: Callable[[Mapping[str, str]], None],
    keep: Callable[[Episode], None],
    rate: Callable[[Trial, Episode, Mapping[str, int]], None],
    **rules: Any,
) -> None:
    """Take a participant through what is left, and serve the page until this is cancelled.

    A game without a joint answer, for its opponent or judge failed, is kept and not rated; it is played again when the
    participant comes back.

    Args:
        study: The study.
        left: What is to be played.
        game_of: Makes a trial's game.
        judge: Decides agreement.
        show: Told the page's address.
        keep: Takes each episode.
        rate: Takes each rating.
        **rules: As for `negotiation_env.episodes.runner.play`.
    """
    page = StudyPage(study, len(study.conditions))
    async with serve({"participant": page}) as addresses:
        show(addresses)
        await page.consented.wait()
        for trial in left:
            game, table = seated(game_of(trial), [trial.seat])
            seat = SeatPage(table, trial.seat)
            page.show("game", trial.number, seat)
            episode = await finished(game, judge, table, **rules)
            keep(episode)
            if episode.outcome.completion is not None:
                page.show("rating", trial.number, seat)
                rate(trial, episode, await page.ratings.get())
        page.show("over")
        await asyncio.Event().wait()
