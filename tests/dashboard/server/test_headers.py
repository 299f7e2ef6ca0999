"""What every answer of the server tells browsers."""

import asyncio
import base64
import hashlib
import re
from pathlib import Path

import pytest
import streamlit
from starlette.responses import PlainTextResponse

from dashboard.server import headers
from dashboard.server.headers import METRICS, SafeAnswers, policy


def rules(embed_from: str = "") -> dict[str, list[str]]:
    return {name: sources for name, *sources in (rule.split() for rule in policy(embed_from).split("; "))}


def answer(path: str) -> tuple[int, dict[str, str]]:
    """Status and headers of what a browser gets for this path."""
    sent = []

    async def send(message):
        sent.append(message)

    app = SafeAnswers(PlainTextResponse("hello"), headers.headers())
    asyncio.run(app({"type": "http", "path": path, "method": "GET", "headers": []}, None, send))
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def test_scripts_are_files_of_the_server_and_the_one_that_streamlits_page_holds():
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    (inline,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    assert rules()["script-src"] == ["'self'", "blob:", f"'sha256-{digest}'"]


def test_nothing_else_is_loosened():
    found = rules()
    assert found["default-src"] == found["base-uri"] == ["'self'"] and found["object-src"] == ["'none'"]
    assert found["style-src"] == ["'self'", "'unsafe-inline'"]
    assert "unsafe-eval" not in policy()
    assert not any(source.startswith(("http", "*", "ws")) for sources in found.values() for source in sources)


def test_who_may_hold_the_page_in_a_frame_is_said_in_the_environment(monkeypatch):
    assert rules()["frame-ancestors"] == ["'self'"]
    monkeypatch.setenv("EMBED_FROM", "https://school.example https://*.other.example")
    found, _ = headers.middleware()
    assert "frame-ancestors 'self' https://school.example https://*.other.example" in str(found.kwargs["headers"])


@pytest.mark.parametrize(
    "given",
    [
        "https://a.example; script-src *",
        "a,b",
        "https://a.example\r\nX: y",
        "https://ä.example",
        "https://a\x01b",
        "'unsafe-eval'",
        "*",
    ],
)
def test_an_address_that_would_be_another_rule_is_refused(given):
    with pytest.raises(ValueError, match=r"EMBED_FROM is .*: it must be addresses with spaces between them"):
        policy(given)


def test_every_answer_has_the_headers():
    status, found = answer("/")
    assert status == 200 and found["x-content-type-options"] == "nosniff" and found["referrer-policy"] == "same-origin"
    assert found["content-security-policy"] == policy()


@pytest.mark.parametrize("path", [METRICS, METRICS + "/", "/class/7" + METRICS])
def test_the_servers_figures_are_closed_to_strangers(path, monkeypatch):
    monkeypatch.delenv("HOSTED", raising=False)
    assert answer(path)[0] == 200
    monkeypatch.setenv("HOSTED", "1")
    assert answer(path)[0] == 404 and answer("/")[0] == 200
