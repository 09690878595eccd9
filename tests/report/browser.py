"""The browser that pages are tried in: Chromium as the system has it, driven by Playwright."""

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


def note_complaints(page: Any, home: str, complaints: list[str]) -> None:
    """Note what a page complains of, each dialog that pops up, and each request for what does not begin with `home`."""
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: request.url.startswith(home) or complaints.append(request.url))
