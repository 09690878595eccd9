"""The kinds of agents and judges that a spec string can name: how each is written, what it is and what makes it.

An installed package adds kinds by entry points; the name of one is the kind (letters, digits, `-` and `_`, two or
more), its value a factory:

    [project.entry-points."negotiation_env.judges"]
    coin = "coin_judges:make"

The factory is called with what follows the kind's colon, `"p=0.5"` for `coin:p=0.5` and `""` for `coin`, and returns a
`Judge`; in the group `negotiation_env.agents` it returns an `Agent` or a function from text to text. It is imported
when a spec names the kind. A name that is taken makes a kind that cannot be used, for nobody could say which is meant.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Any, Final

from negotiation_env.errors import UserError, install_line
from negotiation_env.specs import Spec, imported, make, parse
from negotiation_env.text.nearest import did_you_mean

__all__ = ["AGENTS", "JUDGES", "MODELS", "Kind", "Kinds", "kinds_table"]

_MODULES: Final = {"local": ("torch", "transformers", "gguf", "peft"), "vllm": ("vllm",)}
"""What an extra brings, as far as agents and judges need it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of spec.

    Attributes:
        form: How it is written; what stands in brackets may be left out.
        told: What it is, in one line.
        extra: The extra of this project that it needs, or "".
        factory: What makes it of that which follows the colon, as MODULE:NAME; "" where that takes more than this.
        added: An installed package adds it.
    """

    form: str
    told: str
    extra: str = ""
    factory: str = ""
    added: bool = False

    @property
    def name(self) -> str:
        """The kind's name, as in `Spec.kind`."""
        return parse(self.form.replace("[:", ":")).kind

    def fits(self, spec: Spec) -> bool:
        """Whether a spec of this kind takes what it needs, and nothing where it takes nothing."""
        return "[:" in self.form or bool(spec.rest) == (self.form != self.name)

    def load(self) -> Any:
        """Its factory, imported.

        Raises:
            UserError: It cannot be.
        """
        return imported(self.factory, self._source)

    def make(self, spec: Spec) -> Any:
        """What its factory makes.

        Raises:
            UserError: The factory cannot be imported, or raises.
        """
        factory = self.load()
        return make(self._source, factory if self.form == self.name else partial(factory, spec.rest))

    @property
    def lacks(self) -> str:
        """What to install before it can be used; "" where nothing is missing."""
        there = all(find_spec(module) for module in _MODULES.get(self.extra, ()))
        return "" if there else install_line(self.extra)

    @property
    def _source(self) -> str:
        return f"{self.name} ({self.told})" if self.added else self.form


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of one sort of thing.

    Attributes:
        what: The thing, such as "judge".
        built_in: The kinds of this project.
        group: The entry points by which installed packages add some, or "".
    """

    what: str
    built_in: tuple[Kind, ...]
    group: str = ""

    def __iter__(self) -> Iterator[Kind]:
        """All kinds, the added ones last."""
        yield from self.built_in
        yield from _added(self.group, tuple(sys.path)) if self.group else ()

    def __contains__(self, name: object) -> bool:
        """Whether there is a kind of that name."""
        return any(kind.name == name for kind in self)

    def find(self, spec: Spec, shown: str) -> Kind:
        """The kind of a spec.

        Args:
            spec: The spec.
            shown: Its text for the message, without secrets.

        Raises:
            UserError: There is no such kind, the spec has not its form, or several kinds have its name.
        """
        found = [kind for kind in self if kind.name == spec.kind]
        if len(found) > 1:
            told = " and ".join(kind.told for kind in found if kind.added)
            raise UserError(
                f"{self.what} {shown!r}: the name {spec.kind!r} is taken, and {told}; uninstall that package"
            )
        if not found or not found[0].fits(spec):
            forms = {kind.name: kind.form for kind in self}
            near, expected = did_you_mean(spec.kind, forms), ", ".join(forms.values())
            raise UserError(f"no {self.what} {shown!r}{near}; expected one of: {expected}")
        return found[0]

    def forms(self, *names: str) -> str:
        """How the built-in kinds are written, or those of the names, in one line."""
        return ", ".join(kind.form for kind in self.built_in if not names or kind.name in names)


@cache
def _added(group: str, _path: tuple[str, ...]) -> tuple[Kind, ...]:
    """The kinds of installed packages; where Python looks for packages decides which there are."""
    from importlib.metadata import entry_points  # slow to import, and seldom needed

    return tuple(
        Kind(f"{entry.name}[:…]", f"added by {entry.value}", factory=entry.value, added=True)
        for entry in entry_points(group=group)
    )


MODELS: Final = Kinds(
    "model",
    (
        Kind("embedded", "SmolLM2-135M-Instruct with the shipped warm-start adapter", "local"),
        Kind("trained", "the same after 40 steps of GRPO under the reading judge: a shipped adapter too", "local"),
        Kind(
            "hf:ID_OR_DIR[+ADAPTER_DIR]",
            "a transformers model in this process, of a class that keeps keys and values; `hf:embedded` is the "
            "embedded model without the adapter",
            "local",
        ),
        Kind(
            "vllm:ID_OR_DIR[+ADAPTER_DIR]",
            "the same in vLLM's engine; `vllm:embedded` and `vllm:trained` have the shipped adapters",
            "vllm",
        ),
        Kind(
            "openai:MODEL[@BASE_URL]",
            "an endpoint with OpenAI's chat completions, a vendor's or vLLM's; the key comes from `OPENAI_API_KEY`",
        ),
        Kind("ENDPOINT.toml", "the same with limits, deadlines and prices"),
    ),
)
"""The chat models."""
AGENTS: Final = Kinds(
    "agent",
    (
        *MODELS.built_in[:-1],
        Kind("FILE.toml", "an endpoint with limits, deadlines and prices, or a chat model with settings of its own"),
        Kind(
            "scripted:accommodating|stubborn|compromising|pushy|liar|injecting",
            "fixed scripts; the last three manipulate: rising pressure, agreements that never were, attacks on models",
            factory="negotiation_env.agents.scripted:ScriptedAgent",
        ),
        Kind(
            "human",
            "you, in the terminal or, with `play --browser`, in the browser",
            factory="negotiation_env.agents.human:HumanAgent",
        ),
        Kind("function:MODULE:NAME", "your own function from text to text"),
        Kind("python:MODULE:FACTORY", "what makes your own agent, or such a function"),
    ),
    "negotiation_env.agents",
)
"""The agents: every chat model, and others."""
JUDGES: Final = Kinds(
    "judge",
    (
        Kind(
            "embedded",
            "the smoke-test judge: a rubric with MiniLM similarity scores, the turn grammar decides agreement",
            "local",
            "negotiation_env.judges.smoke_test.judge:EmbeddedJudge",
        ),
        Kind(
            "reading",
            "a language model of 0.5 billion parameters reads, small heads judge; both learned from labels",
            "local",
            "negotiation_env.judges.reading.judge:make",
        ),
        Kind("openai:MODEL[@BASE_URL]", "a language model at such an endpoint"),
        Kind("JUDGE.toml", "the same with its settings"),
        Kind("panel:median|mean:SPEC,SPEC…", "several judges as one; a majority decides agreement"),
        Kind(
            "ratings:FILE",
            "the people of a study in the browser, by their ratings; of their own games only",
            factory="negotiation_env.judges.ratings:RatingsJudge",
        ),
        Kind(
            "scripted",
            "a fake for tests: agrees by the turn grammar and scores 3",
            factory="negotiation_env.judges.scripted:ScriptedJudge",
        ),
        Kind(
            "function:MODULE:NAME",
            "your own function: of an agreement it says True or False, of an answer 0 to 5, or None for unscored",
        ),
        Kind(
            "python:MODULE:FACTORY", "what makes your own judge; where it raises, the question is unscored and says why"
        ),
    ),
    "negotiation_env.judges",
)
"""The judges."""


def kinds_table(kinds: Kinds) -> str:
    """The built-in kinds as a Markdown table; the documentation's copy is drawn from it."""
    rows = [(_choices(kind.form), kind.told, kind.extra and f"`{kind.extra}`") for kind in kinds.built_in]
    told = [f"| {forms} | {what} | {extra} |" for forms, what, extra in rows]
    return "\n".join([f"| {kinds.what} | what it is | needs the extra |", "|---|---|---|", *told])


def _choices(form: str) -> str:
    """Each way to write a form by itself: a bar would part the cells of a table."""
    found = re.search(r"\w+(\|\w+)+", form)
    ways = [form[: found.start()] + each + form[found.end() :] for each in found[0].split("|")] if found else [form]
    return ", ".join(f"`{way}`" for way in ways)
