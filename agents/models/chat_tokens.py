"""A growing chat as token ids: what was sampled stays as it was sampled.

Re-tokenising a history can give other ids than those that the model drew, and some chat templates rewrite earlier
turns. So a conversation is rendered once, at its start; after that only the ids between two assistant turns are
appended. They are the difference of two renderings of a dummy chat (the trick of TRL's tool loop).
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from negotiation_env.errors import ModelError
from negotiation_env.events import Message

__all__ = ["ChatTokens"]

_DUMMY: tuple[Message, ...] = ({"role": "user", "content": "x"}, {"role": "assistant", "content": "y"})


class ChatTokens:
    """Turns chats into token ids for one tokenizer.

    Attributes:
        end: The end-of-turn id; sampling stops there.
        pad: The padding id.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise ModelError("this tokenizer has no chat template; use an instruction-tuned model or set one")
        self.tokenizer = tokenizer
        self.end = int(tokenizer.eos_token_id)
        self.pad = int(tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """All ids of a chat, up to where the assistant begins to speak."""
        return self._render(messages, speak=True)

    def follow_up(self, messages: Sequence[Message]) -> list[int]:
        """The ids from an assistant's end-of-turn id (left out) to where it begins to speak again."""
        return self._render((*_DUMMY, *messages), speak=True)[len(self._closed_dummy) :]

    def text(self, ids: Sequence[int]) -> str:
        """The words of sampled ids, without control tokens and outer white space."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    @cached_property
    def _closed_dummy(self) -> list[int]:
        """The dummy chat up to its last end-of-turn id, checked to be a prefix of a longer chat."""
        ids = self._render(_DUMMY, speak=False)
        if self.end in ids:
            ids = ids[: len(ids) - ids[::-1].index(self.end)]
        longer = self._render((*_DUMMY, {"role": "user", "content": "z"}), speak=True)
        if longer[: len(ids)] != ids:
            raise ModelError("this chat template rewrites earlier turns, so a chat cannot grow by appending ids")
        return ids

    def _render(self, messages: Sequence[Message], *, speak: bool) -> list[int]:
        safe = [message | {"content": self._words_only(message["content"])} for message in messages]
        ids = self.tokenizer.apply_chat_template(
            safe, add_generation_prompt=speak, tokenize=True, return_dict=False, enable_thinking=False
        )
        return [int(token) for token in ids]

    def _words_only(self, content: str) -> str:
        """Break up the spelling of this tokenizer's own control tokens, whatever they look like."""
        return self._control.sub(lambda match: f"{match[0][0]} {match[0][1:]}", content)

    @cached_property
    def _control(self) -> re.Pattern[str]:
        added = [token.content for token in self.tokenizer.added_tokens_decoder.values() if token.content.strip()]
        longest_first = sorted(added, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
