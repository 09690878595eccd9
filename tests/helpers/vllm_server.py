"""A vLLM server on the CPU while a block lasts; see `vllm_server.sh`."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_suffix(".sh")
PATIENCE = 300.0


def vllm_environment() -> str:
    """The folder of vLLM's virtual environment; without one the test is skipped."""
    if not (folder := os.environ.get("NEGOTIATION_ENV_VLLM")):
        pytest.skip("NEGOTIATION_ENV_VLLM names no environment of `tests/helpers/vllm_server.sh install`")
    return folder


@contextmanager
def serving(log: Path, **variables: str) -> Iterator[str]:
    """Serve the embedded model as "policy"; gives the URL."""
    venv = vllm_environment()
    from negotiation_env.agents.models.embedded import embedded_model

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["bash", str(SCRIPT), "serve", str(embedded_model()), str(port), venv]
    environment = os.environ | variables
    with (
        log.open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True) as process,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/v1/models", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(url, process, log):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(1)
        else:
            return
    pytest.fail("the vLLM server did not start:\n" + log.read_text()[-2000:])


def trainer_logprobs(model, row, temperature):
    """Log-probabilities of a training row's completion by one plain forward pass."""
    import torch

    ids = torch.tensor([row.prompt + row.completion])
    with torch.no_grad():
        logprobs = torch.log_softmax(model.eval()(ids).logits[0] / temperature, dim=-1)
    return logprobs[:-1].gather(-1, ids[0, 1:, None])[len(row.prompt) - 1 :, 0]
