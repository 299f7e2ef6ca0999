"""The scripts as the server hands them out: compressed once, kept for good, below the server's own path."""

import asyncio
import gzip
import re

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from streamlit import config

from dashboard.browser import modules
from dashboard.server.routes import Early, routes


def answer(path: str, accepts: str = "gzip, br") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and content of what a browser gets for this path."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "path": path, "method": "GET", "headers": [(b"accept-encoding", accepts.encode())]}
    asyncio.run(Starlette(routes=routes())(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize("address", [modules.module_address("opener.js"), modules.PLOTLY])
def test_a_script_is_handed_out_compressed_and_to_be_kept(address):
    status, headers, content = answer(f"/{address}")
    assert status == 200 and gzip.decompress(content) == modules.scripts()[address]
    assert headers["content-encoding"] == "gzip" and headers["content-length"] == str(len(content))
    assert headers["content-type"].startswith("text/javascript")
    assert "immutable" in headers["cache-control"] and headers["vary"] == "Accept-Encoding"


def test_who_cannot_read_what_is_compressed_gets_it_as_it_is():
    status, headers, content = answer(f"/{modules.module_address('opener.js')}", accepts="identity")
    assert status == 200 and content == modules.scripts()[modules.module_address("opener.js")]
    assert "content-encoding" not in headers


def test_the_page_itself_names_the_scripts_of_the_board_so_that_they_come_with_it_and_nothing_else_does():
    async def app(scope, receive, send):
        kind = "text/html; charset=utf-8" if scope["path"] == "/" else "text/javascript"
        await PlainTextResponse("", media_type=kind)(scope, receive, send)

    def link(path: str) -> str:
        sent = []

        async def send(message):
            sent.append(message)

        asyncio.run(Early(app)({"type": "http", "path": path, "method": "GET", "headers": []}, None, send))
        return dict(sent[0]["headers"]).get(b"link", b"").decode()

    named = re.findall(r"<([^>]+)>; rel=(?:modulepreload|preload; as=script)", link("/"))
    assert set(named) <= set(modules.scripts()) and named[0] == modules.PLOTLY
    assert {modules.module_address(f"board/{name}.js") for name in ("on_page", "picture", "schedule")} < set(named)
    assert link("/other.js") == "" and len(link("/")) < 2_500


@pytest.mark.parametrize("path", ["0123456789abcdef/opener.js", "opener.js", "../app.py", ""])
def test_a_page_of_an_older_server_is_told_so_and_nothing_keeps_that(path):
    status, headers, content = answer(f"/scripts/{path}")
    assert status == 404 and headers["cache-control"] == "no-store" and b"Reload the page." in content


def test_the_scripts_lie_below_the_servers_own_path(monkeypatch):
    monkeypatch.setattr(config, "get_option", {"server.baseUrlPath": "/class/7/"}.get)
    assert answer(f"/class/7/{modules.PLOTLY}")[0] == 200
    assert answer(f"/{modules.PLOTLY}")[0] == 404
