"""What can go wrong at an endpoint, and whether asking again may help."""

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

__all__ = ["EndpointFault", "PassingFault", "fault_of_status", "retry_after"]

_PASSING = frozenset({408, 409, 425, 429})
_DISPENSABLE = (
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "response_format",
    "top_logprobs",
    "stream",
    "stream_options",
)
_REFUSED = re.compile(
    r"support|unknown|unrecogni[sz]ed|unexpected|not (?:permitted|allowed)|must be verified", re.IGNORECASE
)


class EndpointFault(Exception):
    """The endpoint did not give a reply; it never leaves the endpoint, which makes it a reply's error.

    Attributes:
        status: The HTTP status, where there was one.
        usage: What the answer cost all the same, as in `Reply.usage`; empty where nothing is known to have been billed.
    """

    def __init__(self, message: str, status: int | None = None, *, usage: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.usage: Mapping[str, Any] = usage or {}


class PassingFault(EndpointFault):
    """One that may be gone at the next try.

    Attributes:
        wait: Seconds that the server asked to wait; None where it did not ask.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        wait: float | None = None,
        *,
        usage: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, status, usage=usage)
        self.wait = wait


def fault_of_status(status: int, headers: Mapping[str, str], body: bytes) -> EndpointFault:
    """The fault that an HTTP status of 400 or more stands for; it quotes the body's first 300 bytes in a line."""
    words = " ".join(body[:300].decode("utf-8", "replace").split())
    message = f"HTTP {status}: {''.join(filter(str.isprintable, words)) or 'no text'}"
    if status in _PASSING or status >= 500:
        return PassingFault(message, status, retry_after(headers))
    return EndpointFault(message + _advice(body.decode("utf-8", "replace")), status)


def _advice(words: str) -> str:
    """What to do where a model refuses a field of the request that it can do without; else nothing."""
    refused = [name for name in _DISPENSABLE if re.search(rf"\b{name}\b", words)]
    if not refused or not _REFUSED.search(words):
        return ""
    keys = ", ".join(f'"{name}"' for name in refused)
    return f"; if the model refuses that field, set omit = [{keys}] in the endpoint's file"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, from `Retry-After-Ms` or `Retry-After` (RFC 9110, 10.2.3); None if unread."""
    try:
        if milliseconds := headers.get("Retry-After-Ms"):
            return _wait(float(milliseconds) / 1000)
        text = headers.get("Retry-After", "")
        return _wait(float(text)) if _is_number(text) else _seconds_until(text)
    except (ValueError, TypeError, OverflowError):
        return None


def _wait(seconds: float) -> float | None:
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _is_number(text: str) -> bool:
    return text.strip().replace(".", "", 1).isdigit()


def _seconds_until(date: str) -> float | None:
    return _wait(parsedate_to_datetime(date).timestamp() - time.time()) if date else None
