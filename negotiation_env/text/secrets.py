"""What of URLs may not be shown: logins, and keys in queries."""

import re
from typing import Final
from urllib.parse import unquote

__all__ = ["HIDDEN", "query_secrets", "without_secrets"]

HIDDEN: Final = "[hidden]"
"""Stands where a secret stood."""
_LOGIN: Final = re.compile(r"(?<=://)[^/\s]*@(?!https?://)")
"""Not up to an @ that parts a model from its URL, which happens in a list of specs."""
_FIELD: Final = re.compile(r"(?<=[?&])([^=&#?\s]*)=([^&#\s\"]*)")
_SECRET: Final = re.compile(
    "(?:sig|code|pass|pw|jwt|sas)$|.*(?:key|token|secret|signature|passw|pwd|auth|credential|bearer)", re.I
)


def without_secrets(text: str) -> str:
    """A text without the user names and passwords of its URLs, and without the keys in their queries."""
    return _FIELD.sub(
        lambda found: f"{found[1]}={HIDDEN}" if _SECRET.match(found[1]) else found[0], _LOGIN.sub("", text)
    )


def query_secrets(url: str) -> list[str]:
    """The keys in a URL's query."""
    return [unquote(value) for name, value in _FIELD.findall(url) if _SECRET.match(name)]
