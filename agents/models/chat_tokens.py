"""A growing chat as token ids: what was sampled stays as it was sampled.

Re-tokenising a history can give other ids than those that the model drew, and some chat templates rewrite earlier
turns. So a conversation is rendered once, at its start; after that only the ids between two assistant turns are
appended. They are the difference of two renderings of a dummy chat (the trick of TRL's tool loop).

Thinking is switched off. Qwen3's template then cues each reply with empty thoughts and drops them from turns that
have been answered. Here they stay, for the reply was drawn behind them and a row of ids holds every turn once: what
the model sees is what TRL's training variant of that template renders. (A chat that is rendered anew, as where a
history window moves, is rendered as it would be deployed.) A template that drops other thoughts is refused.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from negotiation_env.errors import ModelError
from negotiation_env.game.events import Message

__all__ = ["ChatTokens"]

_REPLY, _NEWS = "Indeed", "Well"
_DUMMY: tuple[Message, ...] = ({"role": "user", "content": "Hello"}, {"role": "assistant", "content": _REPLY})
_EMPTY_THOUGHTS = re.compile(r"(<think>\s*</think>)?")


class ChatTokens:
    """Turns chats into token ids for one tokenizer.

    Attributes:
        end: The id that ends a turn in the template, whatever the tokenizer's EOS; sampling stops there.
        pad: The padding id.

    Raises:
        ModelError: There is no chat template, or it ends a turn with no control token.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise ModelError("this tokenizer has no chat template; use an instruction-tuned model or set one")
        self.tokenizer = tokenizer
        self.end = int(tokenizer.convert_tokens_to_ids(self._closing[0]))
        self.pad = self.end if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """All ids of a chat, up to where the assistant begins to speak."""
        return self._ids(messages)

    def follow_up(self, messages: Sequence[Message]) -> list[int]:
        """The ids from an assistant's end-of-turn id (left out) to where it begins to speak again.

        Raises:
            ModelError: The template rewrites earlier turns, otherwise than by dropping empty thoughts.
        """
        return self._ids((*_DUMMY, *messages))[len(self._closed_dummy) :]

    @cached_property
    def left_out(self) -> str:
        """What cues a reply and is dropped by the template once that is answered; a chat that grows keeps it."""
        before = self._closing.string.rpartition(_REPLY)[0].rstrip()
        cue: str = self._apply(_DUMMY[:1], tokenize=False)
        return cue.removeprefix(before).strip()

    def text(self, ids: Sequence[int]) -> str:
        """The words of sampled ids, without control tokens and outer white space."""
        words = [token for token in ids if token != self.end]  # not every tokenizer marks it as special
        return str(self.tokenizer.decode(words, skip_special_tokens=True)).strip()

    @cached_property
    def _closing(self) -> re.Match[str]:
        """The control token that ends the dummy's reply, in the template's rendering of that reply and an answer."""
        text: str = self._apply((*_DUMMY, _user(_NEWS)), tokenize=False)
        between = re.search(f"{_REPLY}(.*?){_NEWS}", text, re.DOTALL)
        closing = between and self._control.search(text, *between.span(1))
        if closing is None:
            raise ModelError(
                "this chat template ends a turn with no control token of its tokenizer, so sampling could not stop; "
                "use the template and the tokenizer of an instruction-tuned model"
            )
        return closing

    @cached_property
    def _closed_dummy(self) -> list[int]:
        if not _EMPTY_THOUGHTS.fullmatch(self.left_out):
            raise ModelError(
                "this chat template rewrites earlier turns, so a chat cannot grow by appending ids; "
                "set one that keeps them, such as the model's *_training.jinja that TRL ships"
            )
        text = self._closing.string[: self._closing.end()]
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def _ids(self, messages: Sequence[Message]) -> list[int]:
        safe = [message | {"content": self._words_only(message["content"])} for message in messages]
        if safe[0]["role"] == "system" and not self._has_system_role:
            safe[:2] = [_user("\n\n".join(message["content"] for message in safe[:2]))]
        return [int(token) for token in self._apply(safe, tokenize=True)]

    def _apply(self, messages: Sequence[Message], *, tokenize: bool) -> Any:
        return self.tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, tokenize=tokenize, return_dict=False, enable_thinking=False
        )

    @cached_property
    def _has_system_role(self) -> bool:
        """Whether a system message reaches the rendering: some templates raise at one, others leave it out."""
        from jinja2 import TemplateError

        try:
            return _NEWS in self._apply(({"role": "system", "content": _NEWS}, *_DUMMY[:1]), tokenize=False)
        except TemplateError:
            return False

    def _words_only(self, content: str) -> str:
        """Break up the spelling of this tokenizer's own control tokens, whatever they look like."""
        return self._control.sub(lambda match: f"{match[0][0]} {match[0][1:]}", content)

    @cached_property
    def _control(self) -> re.Pattern[str]:
        added = [token.content for token in self.tokenizer.added_tokens_decoder.values() if token.content.strip()]
        longest_first = sorted(added, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def _user(content: str) -> Message:
    return {"role": "user", "content": content}
