"""The learner and its past selves on vLLM servers, each version a LoRA adapter under a name of its own.

A name is never used twice, not even by another run on the same server: under a name that it knows, a server would go on
with the keys and values that it has cached of older weights.
"""

import json
import secrets
import shutil
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle
from pathlib import Path
from statistics import fmean
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from peft import LoraConfig, PeftModel

from negotiation_env.agents.models.pretrained import end_ids
from negotiation_env.agents.models.sampling import log_distribution
from negotiation_env.agents.models.vllm_tokens import VllmTokens
from negotiation_env.console.threads import side_by_side
from negotiation_env.endpoints.chat_completions import Call, EndpointSettings
from negotiation_env.endpoints.endpoint import Endpoint, connect
from negotiation_env.errors import EngineError, UserError
from negotiation_env.game.events import Message
from negotiation_env.interfaces import ChatModel, ChatRequest, Reply, Sampling, TokenTrace
from negotiation_env.text.secrets import without_secrets
from negotiation_env.training.engines.adapters import LEARNER, evaluating
from negotiation_env.training.engines.finite import check_finite
from negotiation_env.training.engines.snapshots import Snapshots

__all__ = ["VllmServers"]

_PROBE: Final[tuple[Message, ...]] = ({"role": "user", "content": "Two farms share one well. Suggest how to go on."},)
_PROBE_TOKENS: Final = 16


class VllmServers:
    """Samples on servers that hold the base model of the one that trains, and room for its adapters.

    Start each with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 in its environment and as `vllm serve BASE --enable-lora
    --max-lora-rank 64 --max-loras 4 --logprobs-mode processed_logprobs`.

    Args:
        model: The model that trains, with the learner as its LoRA adapter "default".
        tokenizer: Its tokenizer.
        snapshots: Has the past weights.
        urls: The servers, such as http://127.0.0.1:8000.
        folder: Where adapters are handed over: a folder that the servers see under the same path.
        temperature: At which the probe samples; that of the learner's turns, above 0.
        tolerance: The largest mean difference between the log-probabilities of a server and of the trainer, in nats.
        max_thought_tokens: As for `InProcessModel`.

    Raises:
        UserError: The model has no such adapter, or nobody answers at one of the URLs.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        snapshots: Snapshots,
        urls: Sequence[str],
        folder: Path,
        *,
        temperature: float,
        tolerance: float,
        max_thought_tokens: int = 0,
    ) -> None:
        if not isinstance(model, PeftModel) or not isinstance(model.peft_config.get(LEARNER), LoraConfig):
            raise UserError("vLLM servers take the learner as a LoRA adapter; train one, or sample in-process")
        self._model = model
        self._tokenizer = tokenizer
        self._snapshots = snapshots
        self._folder = folder.resolve()
        self._sampling = Sampling(temperature, 1.0, _PROBE_TOKENS)
        self._tolerance = tolerance
        self._max_thought_tokens = max_thought_tokens
        self._run = f"run-{secrets.token_hex(4)}"
        self._servers = [_connect(url) for url in urls]
        self._policies: dict[int, _RoundRobin] = {}

    def sync(self, version: int, past: Collection[int]) -> None:
        """Hand over the learner's weights of now and the past ones that a server lacks, then compare log-probabilities.

        Where several processes train, all of them call this.

        Raises:
            Diverged: A log-probability is not finite.
            EngineError: A server does not take an adapter, or samples from other weights than the trainer's.
            UserError: Nobody answers at a server's URL any more.
        """
        [self._run] = broadcast_object_list([self._run])  # of several processes, the first one hands over for all
        wanted = {self._name(each): each for each in (*past, version)}
        if PartialState().is_main_process:
            for name, each in wanted.items():
                self._write(name, nullcontext() if each == version else self._snapshots.swapped_in(each))
            for server in self._servers:
                self._publish(server, wanted)
            self._clear(wanted)
        PartialState().wait_for_everyone()
        self._policies = {each: self._policy(each) for each in wanted.values()}
        self._probe(version)

    def policy(self, version: int) -> ChatModel:
        """The model that samples as a version does."""
        return self._policies[version]

    def _name(self, version: int) -> str:
        return f"{self._run}-v{version}"

    def _policy(self, version: int) -> "_RoundRobin":
        model, name, limit = self._name(version), f"policy-v{version}", self._max_thought_tokens
        ends = end_ids(self._model)
        return _RoundRobin([VllmTokens(server, self._tokenizer, model, name, limit, ends) for server in self._servers])

    def _write(self, name: str, weights: AbstractContextManager[None]) -> None:
        if not (self._folder / name).exists():
            with weights:
                self._model.save_pretrained(
                    self._folder / name, selected_adapters=[LEARNER], save_embedding_layers=False
                )

    def _publish(self, server: Endpoint, wanted: Collection[str]) -> None:
        """Unload what is no longer wanted, and load what the server lacks; one that was restarted lacks everything."""
        listed = server.models()
        for name in listed:
            if name.startswith(self._run) and name not in wanted:
                _tell(server, "unload", {"lora_name": name})
        for name in wanted:
            if name not in listed:
                _tell(server, "load", {"lora_name": name, "lora_path": str(self._folder / name)})

    def _clear(self, wanted: Collection[str]) -> None:
        for path in self._folder.glob(f"{self._run}-*"):
            if path.name not in wanted:
                shutil.rmtree(path)

    def _probe(self, version: int) -> None:
        """Let each server sample a little, and compare what it says of it with what the trainer says.

        A few steps at a small learning rate move less than is tolerated: against older adapters only the names protect.
        """
        for server in self._servers:
            sampler = VllmTokens(server, self._tokenizer, self._name(version), "probe")  # which need not think
            reply = sampler.chat([ChatRequest(_PROBE, self._sampling, seed=version)])[0]
            if reply.tokens is None:
                raise EngineError(f"version {version} cannot sample: {reply.error}")
            theirs, ours = reply.tokens.logprobs, self._logprobs(reply.tokens)
            for value in (*theirs, *ours):
                check_finite(value, f"a log-probability of version {version}", version + 1)
            apart = fmean(abs(one - other) for one, other in zip(theirs, ours, strict=True))
            if not apart <= self._tolerance:
                raise EngineError(
                    f"{without_secrets(server.settings.base_url)}: its log-probabilities of version {version} are "
                    f"{apart:.3g} nats off the trainer's (mean {fmean(theirs):.3g} against {fmean(ours):.3g}), "
                    f"{self._tolerance:g} is tolerated; is it without `--logprobs-mode processed_logprobs`, or does it "
                    "serve another base model or number format?"
                )

    def _logprobs(self, trace: TokenTrace) -> list[float]:
        """The trainer's log-probabilities of what a server sampled."""
        sampled = torch.tensor(trace.sampled, device=self._model.device)
        context = torch.tensor(trace.context, device=self._model.device)
        with torch.no_grad(), evaluating(self._model):
            logits = self._model(input_ids=torch.cat([context, sampled])[None]).logits[0, len(context) - 1 : -1]
        logprobs = log_distribution(logits, [self._sampling] * len(sampled))
        told: list[float] = logprobs.gather(-1, sampled[:, None])[:, 0].tolist()
        return told


class _RoundRobin:
    """One policy on several servers; a conversation stays with one server, whose cache has its beginning."""

    def __init__(self, models: Sequence[VllmTokens]) -> None:
        self.name = models[0].name
        self.models = models
        self._next = cycle(range(len(models)))
        self._places: dict[str, int] = {}

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Ask all servers at a time."""
        places = [self._place(request.conversation) for request in requests]
        shares = [
            [request for request, place in zip(requests, places, strict=True) if place == each]
            for each in range(len(self.models))
        ]
        calls = list(zip(self.models, shares, strict=True))
        replies = [iter(each) for each in side_by_side(lambda call: call[0].chat(call[1]), calls)]
        return [next(replies[place]) for place in places]

    def _place(self, conversation: str) -> int:
        if not conversation:
            return next(self._next)
        if conversation not in self._places:
            self._places[conversation] = next(self._next)
        return self._places[conversation]


def _connect(url: str) -> Endpoint:
    parts = urlsplit(url)
    base_url = urlunsplit(parts._replace(path=parts.path.rstrip("/").removesuffix("/v1") + "/v1"))
    # A server has its own queue: requests may wait there as long as they would here.
    patient = EndpointSettings("vllm", base_url, "VLLM_API_KEY", concurrency=1024, timeout=600, deadline=1800)
    return connect(patient)


def _tell(server: Endpoint, verb: str, fields: dict[str, str]) -> None:
    """Load or unload an adapter; whatever the server's words, the status tells whether it did."""
    call = Call(f"/{verb}_lora_adapter", json.dumps(fields).encode(), 0, lambda _: Reply(""))
    reply = server.send([call])[0]
    if reply.error:
        raise EngineError(
            f"the server does not {verb} an adapter: {reply.error}; start it with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, "
            "--enable-lora, a --max-lora-rank of at least the adapter's, and on a file system that it shares with the "
            "trainer"
        )
