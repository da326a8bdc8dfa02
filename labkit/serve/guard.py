"""Who may ask: the host that a request names, and its key. Stands before all routes."""

import secrets
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from .handlers import refused
from .refusal import Refusal

OPEN_PATHS = ("/health",)
"""What needs no key."""


class Guard:
    """Refuses requests from web pages of others, and without the key.

    A page of another site can make its name point to this machine (DNS rebinding); the browser
    then sends that name as the host. With a key such a page learns nothing, so hosts are checked
    on loopback only.

    Args:
        app: What answers the rest.
        hosts: Names under which the server may be called; any where empty.
        api_key: The key that a request must bring; none where None.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], api_key: str | None) -> None:
        self._app, self._hosts, self._api_key = app, hosts, api_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        headers = {name.decode("latin-1"): value for name, value in scope["headers"]}
        refusal = self._host_refusal(headers) or self._key_refusal(headers, scope["path"])
        answer: ASGIApp = refused(refusal) if refusal else self._app
        await answer(scope, receive, send)

    def _host_refusal(self, headers: dict[str, bytes]) -> Refusal | None:
        host = headers.get("host", b"").decode("latin-1")
        if not self._hosts or _name(host) in self._hosts:
            return None
        return Refusal(
            f"The header Host must name this machine; got {host!r}.",
            f"Call the server as {sorted(self._hosts)[0]}.",
            status=403,
            code="wrong_host",
        )

    def _key_refusal(self, headers: dict[str, bytes], path: str) -> Refusal | None:
        if self._api_key is None or path in OPEN_PATHS:
            return None
        kind, _, key = headers.get("authorization", b"").partition(b" ")
        is_right = secrets.compare_digest(key.strip(), self._api_key.encode())
        if kind.lower() == b"bearer" and is_right:
            return None
        return Refusal(
            "The request has no key, or a wrong one.",
            "Send the header Authorization: Bearer KEY with the key the server was started with.",
            status=401,
            code="invalid_api_key",
        )


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
