"""Arbitrary JSON for property tests: all that a broken or hostile file or endpoint can send, well-formed or not."""

import json
from typing import Any

from hypothesis import strategies as st

__all__ = ["json_texts", "json_values", "shaped"]

_NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([10**400, -(10**9), 2**63, 2**64, True, False]),
    st.floats(allow_nan=True, allow_infinity=True),
)
_TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(["", " ", "\ud83d", "\x1b[31m", "🙂", "1e999"]))


def json_values() -> st.SearchStrategy[Any]:
    """Values as `json.dumps` takes them: NaN, infinities, lone surrogates, huge integers, wrong types, nesting."""
    leaves = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4), max_leaves=12
    )


def shaped(good: Any) -> st.SearchStrategy[Any]:
    """A good value with some parts of it exchanged for arbitrary ones, left out or doubled."""
    if isinstance(good, dict):
        kept = st.fixed_dictionaries({}, optional={name: shaped(inner) for name, inner in good.items()})
        return st.one_of(kept, kept, st.just(good), json_values())
    if isinstance(good, list):
        inside = [shaped(inner) for inner in good]
        return st.one_of(st.tuples(*inside).map(list), st.just([*good, *good]), json_values())
    return st.one_of(st.just(good), st.just(good), json_values())


def json_texts(good: Any) -> st.SearchStrategy[bytes]:
    """Texts near a good value: shaped, cut, deeply nested, with a name twice, and no JSON at all."""
    texts = shaped(good).map(lambda value: json.dumps(value).encode())
    cut = st.tuples(texts, st.integers(0, 400)).map(lambda both: both[0][: both[1]])
    twice = texts.map(lambda text: text.replace(b"{", b'{"id": 1, "id": 2, ', 1))
    deep = st.integers(50, 3000).map(lambda depth: b"[" * depth + b"]" * depth)
    return st.one_of(texts, texts, cut, twice, deep, st.binary(max_size=40))
