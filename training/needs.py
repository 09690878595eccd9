"""What a training run needs beside its own packages, looked at before weights are loaded."""

from negotiation_env.agents.needs import lacking, no_adapter
from negotiation_env.errors import UserError
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.opponents import parse_opponents

__all__ = ["lacking_for", "require_for"]


def lacking_for(config: TrainConfig, *, judge: bool = True) -> list[str]:
    """What this machine lacks: adapters, and what opponents and judges need; one line a thing.

    Args:
        config: The settings.
        judge: Look at the config's own judge too; False where another takes its place.

    Raises:
        UserError: A spec, or a file that it names, is wrong.
    """
    judges = [config.held_out_judge, *([config.judge] if judge else [])]
    found = lacking(parse_opponents(config.opponent).agents, [each for each in judges if each not in ("none", "self")])
    adapter = config.adapter if config.adapter not in (None, "", "none") else None
    return [*found, *filter(None, [adapter and no_adapter(adapter)])]


def require_for(config: TrainConfig, *, judge: bool = True) -> None:
    """See that nothing lacks.

    Raises:
        UserError: Something does; or as for `lacking_for`.
    """
    if told := lacking_for(config, judge=judge):
        raise UserError("; ".join(told))
