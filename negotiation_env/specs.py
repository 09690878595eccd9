"""`python:MODULE:FACTORY` specs: a user's own agent or judge by name."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from negotiation_env.errors import UserError

__all__ = ["load_factory"]


def load_factory(path: str, kind: str = "python") -> Callable[..., Any]:
    """Import the factory that `MODULE:FACTORY` names; the working directory is searched too.

    Args:
        path: MODULE:FACTORY.
        kind: What stands before it in the spec, for the messages.

    Raises:
        UserError: The module or the factory is not there, or it cannot be called.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise UserError(f"expected {kind}:MODULE:NAME, got '{kind}:{path}'")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"{kind}:{path} cannot be loaded: {error}") from error
    if not callable(factory):
        raise UserError(f"{kind}:{path} is a {type(factory).__name__}; expected a function or class")
    return factory  # type: ignore[no-any-return]
