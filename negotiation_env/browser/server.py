"""The server of a game's pages, for this machine alone.

It listens on 127.0.0.1 and answers to that name, or "localhost", only, so that no name of somebody else's that points
here reaches it. A page's address holds a token, which is all that opens it: there is no cookie. Words are taken from
the page's own script only. What else may act in a page, its policy says: nothing.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final, Protocol

from aiohttp import web
from pydantic_core import from_json, to_json

from negotiation_env.report.assets import content_policy, text_of

__all__ = ["Page", "serve"]

_ROOM: Final = "negotiation_env.browser"
_HOSTS: Final = ("127.0.0.1", "localhost")
_LARGEST: Final = 256 * 1024
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGES: Final = web.AppKey("pages", Mapping[str, "Page"])


class Page(Protocol):
    """What one address shows and takes."""

    def state(self) -> object:
        """What it shows now; goes out as JSON."""

    def answer(self, said: Mapping[str, Any]) -> bool:
        """What a person did; whether it is taken.

        Raises:
            ValueError: It is nothing that this page takes.
        """


@asynccontextmanager
async def serve(pages: Mapping[str, Page]) -> AsyncIterator[dict[str, str]]:
    """Serve pages, by name, while the block runs.

    Yields:
        Each page's address, by name.
    """
    tokens = {name: secrets.token_urlsafe(16) for name in pages}
    runner = web.AppRunner(_application({tokens[name]: page for name, page in pages.items()}), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOSTS[0], 0).start()
        port = runner.addresses[0][1]
        yield {name: f"http://{_HOSTS[0]}:{port}/{token}/" for name, token in tokens.items()}
    finally:
        await runner.cleanup()


def _application(pages: Mapping[str, Page]) -> web.Application:
    application = web.Application(middlewares=[_guarded], client_max_size=_LARGEST)
    application[_PAGES] = pages
    application.add_routes(
        [web.get("/{token}/", _html), web.get("/{token}/state", _state), web.post("/{token}/answer", _answer)]
    )
    return application


@web.middleware
async def _guarded(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse who calls this server by another name, and say in every answer what may be done with it."""
    try:
        _require_own(request)
        response = await handler(request)
    except web.HTTPException as error:
        response = web.Response(status=error.status, text=error.text)
    response.headers.update(_HEADERS)
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    return response


def _require_own(request: web.Request) -> None:
    assert request.transport is not None
    port = request.transport.get_extra_info("sockname")[1]
    if request.host not in {f"{host}:{port}" for host in _HOSTS}:
        raise web.HTTPForbidden(text="this server has another name")
    if request.method == "POST" and request.headers.get("Origin") != f"http://{request.host}":
        raise web.HTTPForbidden(text="words are taken from this server's own pages only")


def _page(request: web.Request) -> Page:
    page = request.app[_PAGES].get(request.match_info["token"])
    if page is None:
        raise web.HTTPNotFound(text="no such page")
    return page


async def _html(request: web.Request) -> web.Response:
    _page(request)
    text, policy = _document()
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})


async def _state(request: web.Request) -> web.Response:
    return web.Response(body=to_json(_page(request).state()), content_type="application/json")


async def _answer(request: web.Request) -> web.Response:
    page = _page(request)
    try:
        taken = page.answer(_object(await request.text()))
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    if not taken:
        raise web.HTTPConflict(text="the game has moved on")
    return web.Response(status=204)


def _object(text: str) -> dict[str, Any]:
    found = from_json(text)
    if not isinstance(found, dict):
        raise ValueError("expected a JSON object")
    return found


@cache
def _document() -> tuple[str, str]:
    """The page, the same for all, and its policy."""
    style = "\n".join(_texts("report.css", "browser.css"))
    script = "\n".join(_texts("report.1-nodes.js", "report.3-episode.js", "browser.js"))
    text = text_of("browser.html", _ROOM).replace("{style}", style).replace("{script}", script)
    return text, content_policy(style, script, "connect-src 'self'", "frame-ancestors 'none'")


def _texts(*names: str) -> Iterator[str]:
    """The report's files, and this room's own."""
    for name in names:
        yield text_of(name, _ROOM) if name.startswith("browser") else text_of(name)
