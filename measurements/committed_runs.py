"""What pages tell of the committed trainings beside their summaries, out of the games and logs in `examples/results`.

Run: python -m measurements.committed_runs --out measurements/results/committed_runs.json
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from measurements.harness import grid, options, tell
from negotiation_env.environment.episode import Episode, latest_episodes
from negotiation_env.episodes import pairs as pairing
from negotiation_env.episodes.dialogue_metrics import capitulation
from negotiation_env.game.turn_grammar import parse_turn
from negotiation_env.training.report import read_metrics

RESULTS: Final = Path(__file__).parents[1] / "examples" / "results"
SEEDS: Final = ("", "_seed_1")
"""What stands behind a run's name, by its seed."""
UNGATED: Final = "reading_ungated"
"""Whose reward is the judge's score, whatever was agreed."""
ALONE: Final = "reading_alone"
"""A single agent's, whose answers were trained as it wrote them alone."""
BY_TAGS: Final = RESULTS / "learning_embedded"
"""Trained under the smoke-test judge, which takes tags for agreement."""
_NAMES: Final = {"agreed": "agreement", "reward": "reward", "score": "Collective Agency"}


def figures() -> dict[str, Any]:
    """All of them, by what they are of."""
    by_tags = {"before": held_out(BY_TAGS, 0), "trained": held_out(BY_TAGS, 40)}
    return {
        **of_seed(0),
        "second seed": of_seed(1),
        "alone": of_other(RESULTS / ALONE),
        "held out, by tags": {name: talk(list(each.values())) for name, each in by_tags.items()},
    }


def runs(seed: int) -> dict[str, tuple[Path, int]]:
    """By name a run under the reading judge, and after how many steps its held-out games were played.

    The second seed has no control yet.
    """
    trained, control = (RESULTS / f"{name}{SEEDS[seed]}" for name in ("reading_embedded", "reading_control"))
    found = {"before": (trained, 0), "control": (control, 40), "trained": (trained, 40)}
    return {name: run for name, run in found.items() if run[0].exists()}


@cache
def games_of(seed: int) -> dict[str, dict[str, Episode]]:
    """Those held-out games, by name and id."""
    return {name: held_out(*run) for name, run in runs(seed).items()}


def of_seed(seed: int) -> dict[str, Any]:
    """Those of a training under the reading judge and, where there is one, of its control."""
    games, after = games_of(seed), {name: run for name, (run, step) in runs(seed).items() if step}
    return {
        "held out": {name: talk(list(each.values())) for name, each in games.items()},
        "tags by turn": {name: patterns(each.values()) for name, each in games.items()},
        **of_answers(games),
        **{f"trained less {name}": differences(games["trained"], games[name]) for name in games if name != "trained"},
        "groups with signal": {name: signal(run) for name, run in after.items()},
        "highest gradient norm": {name: steepest(run) for name, run in after.items()},
        "without the gate": of_other(RESULTS / f"{UNGATED}{SEEDS[seed]}"),
    }


def of_other(run: Path) -> dict[str, Any]:
    """Those of a training by another rule."""
    games = {"before": held_out(run, 0), "after": held_out(run, 40)}
    return {
        **of_answers(games),
        "groups with signal": signal(run),
        "highest gradient norm": steepest(run),
    }


def of_answers(games: Mapping[str, Mapping[str, Episode]]) -> dict[str, Any]:
    """Those of the joint answers of some held-out games."""
    return {
        "words of an answer": {name: words(each.values()) for name, each in games.items()},
        "satisfaction of the worse off": {name: worse_off(each.values()) for name, each in games.items()},
    }


def held_out(run: Path, step: int) -> dict[str, Episode]:
    """The held-out games after some steps, by their ids."""
    return latest_episodes(run / "held_out" / f"step-{step}" / "episodes.jsonl")


def talk(games: list[Episode]) -> dict[str, Any]:
    """How many agreed, at the first reply, and by giving in."""
    agreed = sum(each.outcome.agreed for each in games)
    share = capitulation(games).get("agreement/capitulation", 0.0)
    first = sum(each.outcome.agreed and each.outcome.turns == 2 for each in games)
    return {
        "agreed": agreed,
        "at the first reply": first / len(games),
        "gave in": round(share * agreed),
        "share": share,
    }


def patterns(games: Iterable[Episode]) -> dict[str, int]:
    """How often the turns of a game bear which tags: APA accepts, proposes and accepts; - says nothing by tags."""
    return dict(Counter("".join(_tag(said.text) for said in game.dialogue) for game in games).most_common())


def _tag(text: str) -> str:
    turn = parse_turn(text)
    return "A" if turn.accepts else "P" if turn.proposal is not None else "-"


def words(games: Iterable[Episode]) -> float:
    """Of a joint answer, in the mean."""
    return fmean(len((each.outcome.completion or "").split()) for each in games)


def differences(first: Mapping[str, Episode], second: Mapping[str, Episode]) -> dict[str, Any]:
    """Of each figure, paired by scenario, with its interval."""
    ids = sorted(first.keys() & second.keys())
    pairs = [(first[id].scenario.id, pairing.figures(first[id]), pairing.figures(second[id])) for id in ids]
    return {_NAMES[each.measure]: asdict(each.difference.difference) for each in pairing.compare(pairs, _NAMES)}


def worse_off(games: Iterable[Episode]) -> float:
    """How satisfied the less satisfied party is with the answer, 0 to 5, by the reading judge; the mean over games."""
    found = [each.rulings[-1].verdict.details for each in games]
    return fmean(min(each["satisfaction"]) for each in found if "satisfaction" in each)  # a refused one has none


def signal(run: Path) -> int:
    """How many groups had rewards that differed."""
    return sum(each["frac_reward_zero_std"] == 0 for each in read_metrics(run))


def steepest(run: Path) -> float:
    """The highest norm of a step's gradient, before it is cut to `max_grad_norm`."""
    return max(float(each["grad_norm"]) for each in read_metrics(run))


def main() -> None:
    """Print the tables, and write all figures where told to."""
    out, found = options(__doc__).out, figures()
    tell(found, out, grid(found["held out"], "held-out negotiations"))


if __name__ == "__main__":
    main()
