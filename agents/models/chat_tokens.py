"""A growing chat as token ids: what was sampled stays as it was sampled.

Re-tokenising a history can give other ids than those that the model drew, and some chat templates rewrite earlier
turns. So a conversation is rendered once, at its start; after that only the ids between two assistant turns are
appended. They are the difference of two renderings of a dummy chat (the trick of TRL's tool loop).

Where thinking is off, Qwen3's template cues each reply with empty thoughts and drops them from turns that have been
answered. Here they stay, for the reply was drawn behind them and a row of ids holds every turn once: what the model
sees is what TRL's training variant of that template renders. (A chat that is rendered anew, as where a history window
moves, is rendered as it would be deployed.) A template that drops other thoughts is refused.

Where it is on, such a template drops whole thoughts. Then no chat grows: each turn is rendered anew, as it would be
deployed, and what the model said earlier is in it without its thoughts. A chat grows where the template keeps them.

A thought is known by ids, not by its text: the tokenizer has a token that opens it and one that closes it, such as
Qwen3's `<think>` and `</think>`, Magistral's `[THINK]` and `[/THINK]` or Seed-OSS's `<seed:think>`. What others say
never holds these ids. A model whose marks take several tokens, such as gpt-oss, cannot be asked to think here.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from negotiation_env.errors import ModelError
from negotiation_env.game.events import Message

__all__ = ["ChatTokens", "Marks"]

_REPLY, _NEWS, _THOUGHT = "Indeed", "Well", "Perhaps"
_DUMMY: tuple[Message, ...] = ({"role": "user", "content": "Hello"}, {"role": "assistant", "content": _REPLY})
_EMPTY_THOUGHTS = re.compile(r"(<think>\s*</think>)?")
_OPENING = re.compile(r"[<\[◁](?!/)\S*think\S*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Marks:
    """The ids around a thought.

    Attributes:
        opens: Begins it.
        closes: Ends it.
        cued: The template itself begins the thought of each reply; then the model draws no opening id.
    """

    opens: int
    closes: int
    cued: bool

    def thoughts(self, ids: Sequence[int]) -> list[bool]:
        """Which ids of a reply are thought, marks included.

        What stands in front of an opening mark are words, in front of a closing one that closes nothing a thought. A
        thought that nothing closes goes on to the end.
        """
        first = next((token for token in ids if token in (self.opens, self.closes)), None)
        inside, found = self.cued or first == self.closes, []
        for token in ids:
            inside = inside or token == self.opens
            found.append(inside)
            inside = inside and token != self.closes
        return found


class ChatTokens:
    """Turns chats into token ids for one tokenizer.

    Args:
        tokenizer: A transformers tokenizer.
        thinking: Ask for replies that begin with a thought.
        ends: Ids that end a reply beside the template's own, see `negotiation_env.agents.models.pretrained.end_ids`.

    Attributes:
        end: The id that ends a turn in the template, whatever the tokenizer's EOS.
        ends: All ids that sampling stops at; a turn that ended with another one than `end` is closed with `end`.
        pad: The padding id.
        marks: The ids around a thought, whether asked for or not; None where the tokenizer has none.

    Raises:
        ModelError: There is no chat template, it ends a turn with no control token, or thoughts are asked for and the
            tokenizer has no marks for them.
    """

    def __init__(self, tokenizer: Any, *, thinking: bool = False, ends: Iterable[int] = ()) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise ModelError("this tokenizer has no chat template; use an instruction-tuned model or set one")
        self.tokenizer = tokenizer
        self.thinking = thinking
        self.end = int(tokenizer.convert_tokens_to_ids(self._closing[0]))
        self.ends = frozenset({self.end, *ends})
        self.pad = self.end if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
        self.marks = self._marks()
        if thinking and self.marks is None:
            raise ModelError(
                "this tokenizer has no tokens that open and close a thought, such as <think> and </think>, so thoughts "
                "cannot be told from words; take a model that thinks, or leave max_thought_tokens at 0"
            )

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """All ids of a chat, up to where the assistant begins to speak."""
        return self._ids(messages)

    def follow_up(self, messages: Sequence[Message]) -> list[int]:
        """The ids from an assistant's end-of-turn id (left out) to where it begins to speak again.

        Raises:
            ModelError: The template rewrites earlier turns, otherwise than by dropping empty thoughts.
        """
        if self.anew:
            raise ModelError("this chat template drops answered thoughts, so a chat that thinks is rendered anew")
        return self._ids((*_DUMMY, *messages))[len(self._closed_dummy) :]

    @cached_property
    def anew(self) -> bool:
        """Whether the model thinks and the template drops thoughts once they are answered, so that no chat grows."""
        if not self.thinking or self.marks is None:
            return False
        thought = f"{self._spelled[self.marks.opens]}\n{_THOUGHT}\n{self._spelled[self.marks.closes]}\n\n{_REPLY}"
        answered: list[Message] = [_DUMMY[0], {"role": "assistant", "content": thought}, _user(_NEWS)]
        before, cue = self._apply(answered, tokenize=False).partition(_REPLY)[0], self._cue.rstrip()
        return not before.startswith(cue) or _THOUGHT not in before[len(cue) :]

    @cached_property
    def left_out(self) -> str:
        """What cues a reply and is dropped by the template once that is answered; a chat that grows keeps it."""
        before = self._closing.string.rpartition(_REPLY)[0].rstrip()
        return self._cue.removeprefix(before).strip()

    def text(self, ids: Sequence[int]) -> str:
        """What sampled ids say, without control tokens and outer white space.

        The marks of thoughts stay, also those that the tokenizer takes for control tokens, and one that the template
        has put before the reply: without it a thought that never ends would pass for words.
        """
        said = [token for token in ids if token not in self.ends]  # not every tokenizer marks it as special
        cue = self._spelled[self.marks.opens] if self.marks and self.marks.cued else ""
        return (cue + "".join(self._decoded(said))).strip()

    def _decoded(self, said: Sequence[int]) -> Iterable[str]:
        for mark, run in groupby(said, key=lambda token: self._spelled.get(token, "")):
            ids = list(run)
            yield mark * len(ids) if mark else self.tokenizer.decode(ids, skip_special_tokens=True)

    def _marks(self) -> Marks | None:
        """The first token whose spelling opens a thought and whose closing twin is a token too."""
        added = {token.content: int(known) for known, token in self.tokenizer.added_tokens_decoder.items()}
        for opening, opens in added.items():
            closes = added.get(f"{opening[:1]}/{opening[1:]}")
            if closes is not None and _OPENING.fullmatch(opening):
                return Marks(opens, closes, self._cue.rstrip().endswith(opening))
        return None

    @cached_property
    def _spelled(self) -> dict[int, str]:
        marks = (self.marks.opens, self.marks.closes) if self.marks else ()
        return {token: str(self.tokenizer.convert_ids_to_tokens(token)) for token in marks}

    @cached_property
    def _cue(self) -> str:
        """The rendering of a chat up to where the assistant begins to speak."""
        return str(self._apply(_DUMMY[:1], tokenize=False))

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
        if not self.thinking and not _EMPTY_THOUGHTS.fullmatch(self.left_out):
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
            list(messages),
            add_generation_prompt=True,
            tokenize=tokenize,
            return_dict=False,
            enable_thinking=self.thinking,
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
