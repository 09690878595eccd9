"""One exchange with an endpoint over HTTP: its key, its proxy, and how much of an answer is read."""

import asyncio
import os
import weakref
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from negotiation_env.endpoints.address import joined, login_of, proxy_of
from negotiation_env.endpoints.chat_completions import OPENAI, EndpointSettings
from negotiation_env.endpoints.event_loop import finish
from negotiation_env.endpoints.faults import EndpointFault, PassingFault, fault_of_status
from negotiation_env.endpoints.redaction import Secrets
from negotiation_env.errors import UserError
from negotiation_env.text.secrets import query_secrets, without_secrets

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

__all__ = ["MAX_ANSWER", "Connection"]

MAX_ANSWER: Final = 2**23
"""Bytes of an answer, decompressed. 4,000 tokens with 20 alternatives each take about 7 million."""
_MAX_ERROR: Final = 2**16
"""Bytes of an error's body; what is quoted of it is shorter still."""
_MAX_LOCATION: Final = 200


def _nobody(part: bytes) -> None:
    """Takes nothing."""


class Connection:
    """Sends requests to one endpoint, and nowhere else: redirects are not followed.

    Args:
        settings: Where, and with which key. A user name and password in the URL go out in the key's place.

    Attributes:
        where: The base URL without its secrets.
        through: " through the proxy URL", for messages; "" where there is none.
        secrets: What must not leave.

    Raises:
        UserError: The key cannot be sent or, at OpenAI, is not set; or the environment's proxy cannot be used.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self.where = without_secrets(settings.base_url)
        self._url = settings.base_url
        self._headers = {"Content-Type": "application/json"}
        login = login_of(settings.base_url)
        key = "" if login else _key(settings)
        if login or key:
            self._headers["Authorization"] = _basic(*login) if login else f"Bearer {key}"
        self._proxy = proxy_of(settings.base_url)
        self.through = f" through the proxy {without_secrets(self._proxy)}" if self._proxy else ""
        logins = [each for each in (login, login_of(self._proxy or "")) if each]
        told = [text for user, password in logins for text in (password or user, f"{user}:{password}")]
        sent = self._headers.get("Authorization", "")
        self.secrets = Secrets(
            [sent, key, *told, *query_secrets(settings.base_url)],
            names=[user for user, password in logins if password],
            public=[settings.model],
        )
        self._sessions: list[ClientSession] = []
        self.close = weakref.finalize(self, _close, self._sessions)

    async def exchange(
        self, method: str, path: str, seconds: float, body: bytes | None, take: Callable[[bytes], None] = _nobody
    ) -> bytes:
        """One request and the body of its answer.

        Args:
            method: POST or GET.
            path: Below the base URL.
            seconds: Limit for all of it.
            body: What is sent.
            take: Given each part of a good answer's body as it arrives.

        Raises:
            EndpointFault: There is no answer, or it is an error, a redirect, or longer than `MAX_ANSWER` bytes.
        """
        from aiohttp import ClientError

        status = None
        try:
            async with asyncio.timeout(seconds):
                url = joined(self._url, path)
                async with self._session().request(method, url, data=body, allow_redirects=False) as response:
                    status = response.status
                    return await self._answer(response, take)
        except EndpointFault:
            raise
        except TimeoutError as error:
            raise PassingFault(f"no reply within {seconds:g} s", status) from error
        except Exception as error:
            # A URL, a host's name or a certificate that is refused is a ValueError too, and stays refused.
            passing = isinstance(error, ClientError | OSError) and not isinstance(error, ValueError)
            raise (PassingFault if passing else EndpointFault)(f"{type(error).__name__}: {error}", status) from error

    async def _answer(self, response: "ClientResponse", take: Callable[[bytes], None]) -> bytes:
        error = response.status >= 300
        raw = await _body(response, _MAX_ERROR if error else MAX_ANSWER, _nobody if error else take)
        if not error and len(raw) > MAX_ANSWER:
            raise EndpointFault(f"the answer is longer than {MAX_ANSWER:,} bytes", response.status)
        told = self.secrets.hide_in_body(raw, error=error)
        if response.status >= 400:
            raise fault_of_status(response.status, response.headers, told)
        if error:
            raise EndpointFault(self._redirected(response), response.status)
        return told

    def _redirected(self, response: "ClientResponse") -> str:
        to = self.secrets.hide(without_secrets(response.headers.get("Location", "")).partition("?")[0])[:_MAX_LOCATION]
        remedy = "redirects are not followed; if that is the right place, make it the base_url"
        return f"HTTP {response.status}: redirected to {to or 'nowhere'}; {remedy}"

    def _session(self) -> "ClientSession":
        if not self._sessions:
            from aiohttp import ClientSession, ClientTimeout, TCPConnector

            patient = ClientTimeout(total=None)  # the limits are ours
            connector = TCPConnector(limit=0)
            self._sessions.append(
                ClientSession(connector=connector, headers=self._headers, timeout=patient, proxy=self._proxy)
            )
        return self._sessions[0]


def _key(settings: EndpointSettings) -> str:
    """The key, without the white space around it; "" where there is none."""
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key and settings.base_url.rstrip("/") == OPENAI:
        raise UserError(f"{settings.name} needs its key in the environment variable {settings.api_key_env}")
    wrong = [character for character in key if not (character.isascii() and character.isprintable())]
    if wrong:
        raise UserError(
            f"the key in {settings.api_key_env} holds {wrong[0]!a}; keys are printable ASCII, copy it again"
        )
    return key


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


async def _body(response: "ClientResponse", limit: int, take: Callable[[bytes], None]) -> bytes:
    """An answer's body; of one that is longer than the limit only its beginning, a little longer than the limit."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        take(part)
        size += len(part)
        if size > limit:
            break
    return b"".join(parts)


def _close(sessions: "list[ClientSession]") -> None:
    for session in sessions:
        finish(session.close())
