"""The browser that reports are tried in: Chromium as the system has it, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browser(playwright: Any) -> Iterator[Any]:
    """A headless Chromium."""
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
    try:
        yield chromium
    finally:
        chromium.close()
