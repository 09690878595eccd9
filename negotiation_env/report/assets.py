"""The text files beside this module, and the policy under which a page may use them; for every page that is written."""

import base64
import hashlib
from importlib.resources import files

__all__ = ["content_policy", "text_of"]


def text_of(name: str, package: str = "negotiation_env.report") -> str:
    """A file of a room, by default the report's."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def content_policy(style: str, script: str, *more: str) -> str:
    """A content security policy: that style and that script act, no other does, and nothing loads from anywhere.

    Args:
        style: The page's style sheet.
        script: The page's script.
        *more: Further directives.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            *more,
        )
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
