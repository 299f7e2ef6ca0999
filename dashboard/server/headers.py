"""What every answer of the server says to browsers of how far to trust it.

The policy is the Content Security Policy of the W3C (level 3): a browser runs no script that is not a file of this
server, but for Streamlit's inline one, which is known by its hash, and what Streamlit itself makes of a component's
script (a blob:).
"""

import base64
import hashlib
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.link.hosting import hosted
from dashboard.server.routes import Early

METRICS = "/_stcore/metrics"
_ADDRESS = re.compile(r"https?://[\w.*-]+(:\d{1,5})?", re.ASCII)


def middleware() -> list[Middleware]:
    """For `st.App`."""
    return [Middleware(SafeAnswers, headers=headers(os.environ.get("EMBED_FROM", ""))), Middleware(Early)]


def headers(embed_from: str = "") -> dict[str, str]:
    """The headers of every answer. embed_from: addresses whose pages may hold ours in a frame, spaces between them."""
    return {
        "Content-Security-Policy": policy(embed_from),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }


def policy(embed_from: str = "") -> str:
    """The Content-Security-Policy. Raises ValueError for what are no addresses, and could be another rule of it."""
    if not all(_ADDRESS.fullmatch(address) for address in embed_from.split()):
        raise ValueError(
            f"EMBED_FROM is {embed_from!r}: it must be addresses with spaces between them, as in https://school.example"
        )
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", "blob:", *inline_hashes()]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "connect-src": "'self' data: blob:",
        "base-uri": "'self'",
        "object-src": "'none'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(["'self'", *embed_from.split()]),
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


def inline_hashes() -> list[str]:
    """What the policy knows the inline scripts of Streamlit's own page by."""
    page = _InlineScripts()
    page.feed((Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8"))
    digests = [hashlib.sha256(script.encode()).digest() for script in page.found]
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


class _InlineScripts(HTMLParser):
    """Gathers the text of each script that is no file."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and "src" not in dict(attrs)

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found.append(data)


class SafeAnswers:
    """Adds the headers to every answer, and keeps the server's figures to itself where strangers visit it."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self.app, self.headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        closed = hosted() and scope["path"].rstrip("/").endswith(METRICS)
        answer = PlainTextResponse("Not Found", status_code=404) if closed else self.app
        await answer(scope, receive, send_with_headers)
