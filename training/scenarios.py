"""Which scenarios a run trains on, and with which personas in which epoch."""

from collections import defaultdict
from collections.abc import Sequence
from random import Random

from negotiation_env.data import load_scenarios
from negotiation_env.episodes.evaluate import pick
from negotiation_env.episodes.runner import derive_seed
from negotiation_env.errors import UserError
from negotiation_env.game.scenario import Scenario
from negotiation_env.training.config import TrainConfig

__all__ = ["dilemmas_of", "scenario_in"]


def dilemmas_of(config: TrainConfig, scenarios: Sequence[Scenario] = ()) -> list[tuple[Scenario, ...]]:
    """The run's dilemmas, each with the scenarios of which every epoch draws one.

    Args:
        config: The settings.
        scenarios: Used instead of the config's split.

    Returns:
        One scenario each unless `vary_personas`: then all of one dilemma, which differ in personas or seating.

    Raises:
        UserError: The split is wrong, the rules do not fit a scenario, or there are no personas to vary.
    """
    found = list(scenarios) or load_scenarios(config.split, seed=None if config.vary_personas else config.seed)
    dilemmas = _by_dilemma(found, config.split) if config.vary_personas else [(scenario,) for scenario in found]
    chosen = pick(dilemmas, config.scenarios or len(dilemmas), config.seed)
    used = [scenario for dilemma in chosen for scenario in dilemma]
    config.check_fit(used, config.seats)
    if config.learner_seat == "both" and any(scenario.seats > 2 for scenario in used):
        raise UserError('learner_seat = "both": expected scenarios of two parties; take another split, or "alternate"')
    return chosen


def scenario_in(epoch: int, dilemma: Sequence[Scenario], seed: int) -> Scenario:
    """The scenario of a dilemma that is played in an epoch of a run; the same arguments give the same one."""
    return Random(derive_seed(seed, "personas", epoch, dilemma[0].id)).choice(dilemma)


def _by_dilemma(scenarios: Sequence[Scenario], split: str) -> list[tuple[Scenario, ...]]:
    found: dict[str, list[Scenario]] = defaultdict(list)
    for scenario in scenarios:
        found[scenario.dilemma].append(scenario)
    if len(found) == len(scenarios):
        raise UserError(
            f"vary_personas: expected dilemmas with several personas or seatings, and each of {split!r} has one "
            "scenario; take it out, or train on 'train', 'professional', 'interpersonal' or 'everyday'"
        )
    return list(map(tuple, found.values()))
