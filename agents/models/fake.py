"""A fake chat model for tests and examples: its replies are written beforehand."""

from collections.abc import Callable, Sequence

from negotiation_env.interfaces import ChatRequest, Reply

__all__ = ["FakeModel"]


class FakeModel:
    """A fake: replies by a function of the request.

    Args:
        reply: Gives the reply to a request; by default every turn proposes and, once there is an offer, accepts.
    """

    def __init__(self, reply: Callable[[ChatRequest], str | Reply] | None = None) -> None:
        self.name = "fake model"
        self._reply = reply or _propose_or_accept
        self.calls: list[int] = []
        """Sizes of the batches so far."""

    def chat(self, requests: Sequence[ChatRequest]) -> list[Reply]:
        """Reply by the function."""
        self.calls.append(len(requests))
        replies = (self._reply(request) for request in requests)
        return [Reply(reply) if isinstance(reply, str) else reply for reply in replies]


def _propose_or_accept(request: ChatRequest) -> str:
    if any("PROPOSE:" in message["content"] for message in request.messages if message["role"] == "user"):
        return "Good.\nACCEPT"
    return "Let us share.\nPROPOSE: We share it and meet again in May."
