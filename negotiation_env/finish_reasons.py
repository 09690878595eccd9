"""Why a model stopped, in the words of the servers that speak OpenAI's format, their own or their engines'."""

import re
from typing import Any, Final

__all__ = ["ended_by", "is_passing", "is_whole"]

_WHOLE: Final = frozenset(
    {
        *("stop", "eos", "eostoken", "eosfound", "endoftext", "eot", "endofsequence"),
        *("endturn", "endofturn", "stopsequence", "stopstring", "stopstringfound", "stoptoken", "stopword", "word"),
        *("end", "done", "complete", "completed", "finish", "finished"),
        *("null", "none"),  # no reason, made a text
    }
)
_CUT: Final = frozenset(
    {
        *("length", "maxlength", "maxtokens", "maxnewtokens", "maxoutputtokens", "maxcompletiontokens"),
        *("maxtokensreached", "maxpredictedtokensreached", "tokenlimit", "limit", "truncated", "modellength"),
        *("contextlength", "maxcontextlength", "contextlengthexceeded", "contextlengthreached"),
        *("contextwindowexceeded", "modelcontextwindowexceeded"),
    }
)
_PASSING: Final = frozenset(
    {
        *("error", "internalerror", "networkerror", "failed", "abort", "aborted", "cancelled", "canceled", "timeout"),
        *("timelimit", "notfinished", "overloaded", "insufficientsystemresource", "load", "unload", "modelunloaded"),
    }
)


def is_whole(reason: Any) -> bool:
    """Whether a reply was generated to its end; one that ended for an unknown reason was not.

    Half a sentence that counts as whole is misread, and nobody learns of it; a whole one that counts as cut short is on
    record with its reason.

    Args:
        reason: The `finish_reason`, whatever is there; without one a reply is whole.
    """
    return reason in (None, "") or _plain(reason) in _WHOLE


def ended_by(reason: Any) -> str:
    """What ended a reply, such as "content_filter"; "" for the model and the token limit."""
    if is_whole(reason) or _plain(reason) in _CUT:
        return ""
    told = reason.lower() if isinstance(reason, str) else ""
    return told if re.fullmatch("[a-z_]{1,40}", told) else "something else"


def is_passing(ended: str) -> bool:
    """Whether that was a failure of the engine; what a filter or the model decided would come out the same again."""
    return _plain(ended) in _PASSING


def _plain(reason: Any) -> str | None:
    """The letters of a reason, which servers write as max_tokens, MAX_TOKENS, maxTokens or FINISH_REASON_MAX_TOKENS."""
    if not isinstance(reason, str):
        return None
    return re.sub("[^a-z]", "", reason.lower()).removeprefix("finishreason") if len(reason) < 100 else None
