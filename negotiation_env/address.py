"""The address of an endpoint: its URL, the login in it, what of it may be shown, and the proxy on the way there."""

import re
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from negotiation_env.errors import UserError

__all__ = ["HIDDEN", "check_base_url", "joined", "login_of", "proxy_of", "query_secrets", "without_secrets"]

HIDDEN: Final = "[hidden]"
"""Stands where a secret stood."""
_EXPECTED: Final = (
    "base_url: expected http://HOST[:PORT][/PATH] or https://…; in a user's name and password write @ : / ? # as "
    "%40 %3A %2F %3F %23"
)
_LOGIN: Final = re.compile(r"(?<=://)[^/\s]*@(?!https?://)")
"""Not up to an @ that parts a model from its URL, which happens in a list of specs."""
_FIELD: Final = re.compile(r"(?<=[?&])([^=&#?\s]*)=([^&#\s\"]*)")
_SECRET: Final = re.compile(
    "(?:sig|code|pass|pw|jwt|sas)$|.*(?:key|token|secret|signature|passw|pwd|auth|credential|bearer)", re.I
)
_PORTS: Final = {"http": 80, "https": 443}


def without_secrets(text: str) -> str:
    """A text without the user names and passwords of its URLs, and without the keys in their queries."""
    return _FIELD.sub(
        lambda found: f"{found[1]}={HIDDEN}" if _SECRET.match(found[1]) else found[0], _LOGIN.sub("", text)
    )


def check_base_url(url: str) -> None:
    """See that a URL can be a base URL.

    Raises:
        ValueError: It cannot; the message shows no password.
    """
    try:
        parts = urlsplit(url)
        login = parts.username or parts.password or "@" not in parts.netloc
        good = parts.scheme in _PORTS and parts.hostname and parts.port != 0 and login and "#" not in url
    except ValueError:
        good = False
    if not good or not url.isprintable() or url != url.strip():
        raise ValueError(_EXPECTED + ("" if "@" in url else f"; got {without_secrets(url)!r}"))


def joined(base_url: str, path: str) -> str:
    """The URL of a path below a base URL, whose query stays at the end; without user name and password."""
    parts = urlsplit(base_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, path=parts.path.rstrip("/") + path))


def login_of(url: str) -> tuple[str, str] | None:
    """User name and password in a URL."""
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def query_secrets(url: str) -> list[str]:
    """The keys in a URL's query."""
    return [unquote(value) for name, value in _FIELD.findall(url) if _SECRET.match(name)]


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for a URL: HTTP_PROXY, HTTPS_PROXY or ALL_PROXY, but for NO_PROXY.

    aiohttp's own look at the environment knows no ports and no networks in NO_PROXY, and sends what `.netrc` holds.

    Raises:
        UserError: It is no HTTP proxy.
    """
    from urllib.request import getproxies, proxy_bypass

    parts, proxies = urlsplit(url), getproxies()
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    found = (proxies.get(parts.scheme) or proxies.get("all") or "").strip()
    excepted = (entry.strip().lower() for entry in proxies.get("no", "").split(","))
    if not found or any(_covers(entry, host, port) for entry in excepted if entry) or proxy_bypass(host):
        return None
    proxy = found if "://" in found else f"http://{found}"
    try:
        check_base_url(proxy)
    except ValueError:
        remedy = f"expected http://HOST:PORT; or name {host} in NO_PROXY"
        raise UserError(f"the environment's proxy {without_secrets(proxy)!r} cannot be used: {remedy}") from None
    return proxy


def _covers(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY covers a host: *, a domain with all below it, an address, a network; with a port."""
    if entry == "*":
        return True
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (":" not in name or name.startswith("[")):
        if int(number) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").removeprefix(".")
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        return host == entry or host.endswith(f".{entry}")
