"""GRPO self-play from Python; the same as `negotiate train examples/selfplay_embedded.toml`.

Run: python examples/self_play_training.py [FOLDER]
"""

import sys
from pathlib import Path
from typing import Any

from negotiation_env.training.config import load_config
from negotiation_env.training.run import TrainResult, train


def main(out: Path, **overrides: Any) -> TrainResult:
    config = load_config(Path(__file__).with_name("selfplay_embedded.toml")).model_copy(update=overrides)
    result = train(config, out)
    for entry in result.log:
        print(f"step {entry['step']}: mean reward {entry['reward']:.2f}, without signal {entry['no_signal']:.0%}")
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/example"))
