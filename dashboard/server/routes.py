"""What the server hands out besides Streamlit's own files: the scripts of dashboard/browser/modules.py.

An address names what lies there, so browsers keep it and never ask again. Each script is compressed once, at the start.
"""

import gzip

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.url_util import make_url_path

from dashboard.browser import modules

_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}  # a year in seconds
_NONE = "This server has no such script: the page may be older than the server. Reload the page."


def routes() -> list[Route]:
    """For `st.App`, which does not put routes below `server.baseUrlPath` by itself."""
    base = config.get_option("server.baseUrlPath") or ""
    return [Route(make_url_path(base, "scripts/{rest:path}"), Scripts(modules.scripts()).answer)]


class Early:
    """Has browsers fetch what draws matrices together with the page itself, and not once the page asks for it: the
    answer that is the page names the scripts of the board and Plotly (RFC 8288)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.links = app, early_links()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_links(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                headers = MutableHeaders(scope=message)
                if headers.get("Content-Type", "").startswith("text/html"):
                    headers.append("Link", self.links)
            await send(message)

        await self.app(scope, receive, send_with_links if scope["type"] == "http" else send)


def early_links() -> str:
    """Relative to the page, wherever it is served. Only the board's: a proxy may refuse headers of 4 kB."""
    board = [f"<{modules.module_address(name)}>; rel=modulepreload" for name in modules.needed_for("board/on_page.js")]
    return ", ".join([f"<{modules.PLOTLY}>; rel=preload; as=script", *board])


class Scripts:
    """Scripts by their addresses, as they are and compressed."""

    def __init__(self, scripts: dict[str, bytes]) -> None:
        self._plain = scripts
        self._compressed = {address: gzip.compress(text, compresslevel=6, mtime=0) for address, text in scripts.items()}

    async def answer(self, request: Request) -> Response:
        """The script at the request's path; 404 where there is none of ours, such as for a page of an older server."""
        address = f"scripts/{request.path_params['rest']}"
        if address not in self._plain:
            return PlainTextResponse(_NONE, status_code=404, headers={"Cache-Control": "no-store"})
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return Response(self._plain[address], headers=_FOR_GOOD, media_type="text/javascript")
        headers = {**_FOR_GOOD, "Content-Encoding": "gzip"}
        return Response(self._compressed[address], headers=headers, media_type="text/javascript")
