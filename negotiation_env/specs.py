"""`python:MODULE:FACTORY` specs: a user's own agent or judge by name."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from negotiation_env.errors import NegotiationError, UserError, why

__all__ = ["load_factory", "make"]


def load_factory(path: str, kind: str = "python") -> Callable[..., Any]:
    """Import the factory that `MODULE:FACTORY` names; the working directory is searched too.

    Args:
        path: MODULE:FACTORY.
        kind: What stands before it in the spec, for the messages.

    Raises:
        UserError: The module or the factory is not there, the module raises, or what it names cannot be called.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise UserError(f"expected {kind}:MODULE:NAME, got '{kind}:{path}'")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except Exception as error:  # a user's module may raise anything as it is imported
        told = error if isinstance(error, ImportError | AttributeError) else f"it {why(error)}"
        raise UserError(f"{kind}:{path} cannot be loaded: {told}") from error
    if not callable(factory):
        raise UserError(f"{kind}:{path} is a {type(factory).__name__}; expected a function or class")
    return factory  # type: ignore[no-any-return]


def make(spec: str, factory: Callable[..., Any]) -> Any:
    """What a user's factory makes.

    Raises:
        UserError: It raises; the message says what and where.
    """
    try:
        return factory()
    except NegotiationError:
        raise
    except Exception as error:
        raise UserError(f"{spec} {why(error)}") from error
