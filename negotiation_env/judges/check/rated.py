"""The games that people rated as a labelled set, so that other judges can be held against the people."""

from collections.abc import Iterable
from pathlib import Path

from negotiation_env.errors import UserError
from negotiation_env.judges.check.labelled import Labelled, LabelledSet
from negotiation_env.judges.ratings import RatingsJudge, read_ratings
from negotiation_env.specs import parse

__all__ = ["rated_set"]


def rated_set(specs: Iterable[str]) -> LabelledSet | None:
    """The games of the first of some judges that is `ratings:FILE`; None where none is.

    Raises:
        UserError: The file has no ratings.
    """
    files = [Path(found.rest) for found in map(parse, specs) if found.kind == "ratings"]
    return _games(files[0]) if files else None


def _games(path: Path) -> LabelledSet:
    people, items = RatingsJudge(path), []
    for place, game in enumerate(read_ratings(path)):
        for question, verdict in zip(game.questions, people.judge(game.questions), strict=True):
            if verdict.value is not None:
                items.append(Labelled(f"{place}/{question.kind}", game.condition, verdict.value, question))
    if not items:
        raise UserError(f"{path}: people were undecided about everything")
    answers = tuple(item for item in items if item.is_answer)
    return LabelledSet(path.name, answers, tuple(item for item in items if not item.is_answer))
