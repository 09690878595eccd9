"""What sampling in this process takes over its floor, and what a plain rollout takes over ours.

    python -m measurements.in_process_play [--rounds 3] [--out measurements/results/in_process_play.json]

16 negotiations, two groups of 8, of 6 turns of 40 tokens: the embedded model and its adapter as a training run has
them, the learner against its frozen copy, one thread. The end token is out of reach, so that every turn has its 40
tokens, and the judge is a script.

- floor: the forward passes of ours and nothing else: each decoding step at the batch size and the length that it had,
  each token of a prompt once, without padding, the adapter folded into the weights before the clock starts.
- plain: what is usually written. Each turn the chats are rendered, padded and fed anew to transformers' `generate`, the
  adapter stays as PEFT has it.
- ours without one of its parts at a time.

All take turns within a round, after a short game that warms up; ratios are medians of the rounds' own.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from transformers import DynamicCache

from measurements.harness import grid, machine, options, seconds, tell
from negotiation_env import ScriptedJudge, load_scenarios
from negotiation_env.agents.chat import ChatAgent
from negotiation_env.agents.models.chat_tokens import ChatTokens
from negotiation_env.agents.models.in_process import InProcessModel
from negotiation_env.agents.models.roomy_cache import roomy_cache
from negotiation_env.episodes.runner import Game, play_many
from negotiation_env.interfaces import ChatModel, ChatRequest, Reply, Sampling
from negotiation_env.training.config import TrainConfig
from negotiation_env.training.engines.adapters import merged
from negotiation_env.training.engines.in_process import InProcess
from negotiation_env.training.engines.snapshots import Snapshots
from negotiation_env.training.learner import load_learner

GROUP, GROUPS, TURNS, TOKENS = 8, 2, 6, 40
LEARNER, FROZEN = 1, 0


@dataclass(frozen=True, slots=True)
class Pass:
    """A forward pass: the cache that it fed, its rows, and the ids of each that were no padding, on average."""

    cache: int
    rows: int
    width: int


class Bench:
    """The learner at its place in a training run, with two versions of its weights."""

    def __init__(self) -> None:
        self.model, self.tokenizer = load_learner(TrainConfig(model="embedded"))
        self.model.eval()
        self.snapshots = Snapshots(self.model)
        self.snapshots.take(FROZEN)
        self.end = ChatTokens(self.tokenizer).end
        self.model.get_output_embeddings().register_forward_hook(self._never_ends)
        self.model.register_forward_pre_hook(self._note, with_kwargs=True)
        self.passes: list[Pass] = []

    def ours(self) -> float:
        """Seconds with the trainer's engine; what was fed is noted."""
        self.passes.clear()
        engine = InProcess(self.model, self.tokenizer, self.snapshots)
        engine.sync(LEARNER, [FROZEN])
        return seconds(partial(play, engine.policy(LEARNER), engine.policy(FROZEN)))

    def plain(self) -> float:
        """Seconds with `generate`; both players have the same weights, which costs less than to switch them."""
        model = Plain(self.model, self.tokenizer)
        return seconds(partial(play, model, model))

    def floor(self) -> float:
        """Seconds of the forward passes that ours made last."""
        caches: dict[int, Any] = defaultdict(roomy_cache)
        with torch.no_grad(), merged(self.model):
            return sum(self._pass(each, caches[each.cache]) for each in self.passes)

    def _pass(self, each: Pass, cache: Any) -> float:
        held = len(cache.layers[0].keys) if cache.get_seq_length() else each.rows
        if held != each.rows:  # a beginning was fed once, and each of its chats got a copy
            cache.batch_select_indices(torch.arange(each.rows) % held)
        ids = torch.randint(self.end + 1, 1000, (each.rows, each.width))
        return seconds(lambda: self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1))

    def _never_ends(self, _: Any, __: Any, logits: torch.Tensor) -> None:
        logits[..., self.end] = -torch.inf

    def _note(self, _: Any, __: Any, given: dict[str, Any]) -> None:
        ids, mask = given["input_ids"], given.get("attention_mask")
        if mask is not None:
            fed = int(mask[:, -ids.shape[1] :].sum())
            self.passes.append(Pass(id(given["past_key_values"]), len(ids), -(-fed // len(ids))))


@dataclass(frozen=True, slots=True)
class Plain:
    """A chat model as it is usually written."""

    model: Any
    tokenizer: Any
    name: str = "plain"

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Render, pad, generate, decode."""
        chats = [list(request.messages) for request in requests]
        given = self.tokenizer.apply_chat_template(
            chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
        )
        with torch.no_grad():
            ids = self.model.generate(**given, max_new_tokens=TOKENS, do_sample=True, top_k=0)
        return [Reply(text) for text in self.tokenizer.batch_decode(ids[:, given["input_ids"].shape[1] :])]


def play(learner: ChatModel, frozen: ChatModel) -> None:
    """The rollout of a step."""
    agents = tuple(ChatAgent(model, Sampling(1.0, 1.0, TOKENS)) for model in (learner, frozen))
    scenarios = [each for each in load_scenarios("train")[:GROUPS] for _ in range(GROUP)]
    games = [Game(str(number), each, agents, seed=number) for number, each in enumerate(scenarios)]
    judge = ScriptedJudge(agrees=lambda _: False)
    assert all(len(each.turns) == TURNS for each in play_many(games, judge, max_turns=TURNS))


def without(bench: Bench, name: str, other: Any) -> float:
    """Ours with something else in the place of one of its parts."""
    with patch(name, other):
        return bench.ours()


def feeds_anew(chat: Any) -> Any:
    """Keys and values are forgotten after each turn."""

    def forgetful(self: InProcessModel, requests: Sequence[ChatRequest]) -> list[Reply]:
        self._batches.clear()
        replies: list[Reply] = chat(self, requests)
        return replies

    return forgetful


def subjects(bench: Bench) -> dict[str, Callable[[], float]]:
    """What is measured, by name; the floor is that of the first."""
    return {
        "ours": bench.ours,
        "floor": bench.floor,
        "plain": bench.plain,
        "ours, fed anew each turn": partial(
            without,
            bench,
            "negotiation_env.agents.models.in_process.InProcessModel.chat",
            feeds_anew(InProcessModel.chat),
        ),
        "ours, beginnings fed to each": partial(
            without,
            bench,
            "negotiation_env.agents.models.in_process.alike",
            lambda chats: [(0, [n]) for n in range(len(chats))],
        ),
        "ours, adapter not folded in": partial(
            without, bench, "negotiation_env.training.engines.in_process.merged", lambda _: nullcontext()
        ),
        "ours, transformers' cache": partial(
            without, bench, "negotiation_env.agents.models.roomy_cache.roomy_cache", DynamicCache
        ),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write the JSON."""
    chosen = options(__doc__, arguments, rounds=3)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    bench = Bench()
    with patch.dict(globals(), TOKENS=2, TURNS=2):
        bench.ours()
    laps = [{name: work() for name, work in subjects(bench).items()} for _ in range(chosen.rounds)]
    found = figures(laps)
    tell(found, chosen.out, grid({name: found[name] for name in ("seconds", "over floor", "over ours")}))


def figures(laps: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Medians."""
    return {
        **machine(),
        "negotiations": GROUP * GROUPS,
        "turns": TURNS,
        "tokens": TOKENS,
        "rounds": len(laps),
        "seconds": {name: round(median(lap[name] for lap in laps), 2) for name in laps[0]},
        "over floor": {name: round(median(lap[name] / lap["floor"] for lap in laps), 3) for name in laps[0]},
        "over ours": {name: round(median(lap[name] / lap["ours"] for lap in laps), 3) for name in laps[0]},
    }


if __name__ == "__main__":
    main()
