"""One server and one browser for all of these tests; both end with them."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from .visit import Visit, Witness

ROOT = Path(__file__).parents[2]
WIDE: ViewportSize = {"width": 1440, "height": 900}
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
PLACES = (
    "/usr/bin/chromium",
    "/usr/lib/chromium/chromium",
    "/snap/bin/chromium",
    "/opt/google/chrome/chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # what a page asks of other hosts is seen, and fails
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test beside this file, and no other one."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


# ---- server and browser ---------------------------------------------------------------------------------------------


def find_chromium() -> str | None:
    """The browser that CHROMIUM names, or else the first one found in PATH and the usual places."""
    named = os.environ.get("CHROMIUM")
    candidates = [named] if named else [*NAMES, *PLACES]
    return next((found for found in map(shutil.which, candidates) if found), None)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        named = os.environ.get("CHROMIUM")
        reason = (
            f"CHROMIUM is {named!r}, which cannot be run"
            if named
            else (
                "no Chromium was found: install it (on Debian and Ubuntu: apt install chromium), "
                "or set CHROMIUM to where it is"
            )
        )
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(f"the browser tests must run here, but {reason}", pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        seen = ["--hide-scrollbars"]  # visitors have them, and less room for the page
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS, ignore_default_args=seen)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the dashboard is served: a server of our own, on a free port of this machine. None where no browser is."""
    with serving(tmp_path_factory.mktemp("server") / "log.txt") as address:
        yield address


@contextlib.contextmanager
def serving(log: Path, below: str = "") -> Iterator[str]:
    """The address of a server, below this path. When it has ended, its log must not name our code."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        f"--server.port={port}",
        "--server.address=127.0.0.1",
        "--server.headless=true",
        f"--server.baseUrlPath={below}",
    ]
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}{below}"
        _wait_until_healthy(server, address, log)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    logged = re.sub(r"\x1b\[[\d;]*m", "", log.read_text(errors="replace"))
    assert not re.search(r"(app|dashboard/\S*|llm_core/\S*)\.py", logged), f"our code failed:\n{logged[-5000:]}"


def _wait_until_healthy(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
            return
        time.sleep(0.05)
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-5000:]}", pytrace=False)


# ---- visitors -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="package")
def witness(address: str) -> Witness:
    return Witness(address)


@pytest.fixture(autouse=True)
def nothing_untoward(witness: Witness) -> Iterator[None]:
    """After each test: no request left this machine, nothing in a page failed, and no dialog came up."""
    witness.forget()
    yield
    assert witness.complaints == []


@pytest.fixture(scope="package")
def one_page(browser: Browser, witness: Witness) -> Iterator[Page]:
    yield from _page(browser, witness)


@pytest.fixture(scope="package")
def other_page(browser: Browser, witness: Witness) -> Iterator[Page]:
    yield from _page(browser, witness)


def _page(browser: Browser, witness: Witness) -> Iterator[Page]:
    """A page in a context of its own: no cookie, storage or cache is shared with the other one."""
    context = browser.new_context(viewport=WIDE, color_scheme="light")
    witness.watch(context)
    yield context.new_page()
    context.close()


@pytest.fixture
def visit(one_page: Page, address: str) -> Iterator[Visit]:
    """A visitor with a wide light screen who has yet to open the page, and will have a new session there."""
    yield from _visit(one_page, address)


@pytest.fixture
def other_visit(other_page: Page, address: str) -> Iterator[Visit]:
    """Another such visitor, with another browser profile."""
    yield from _visit(other_page, address)


@pytest.fixture
def new_tab(one_page: Page, address: str) -> Iterator[Visit]:
    """A visitor in a tab of its own, whose history is empty: a tab remembers 50 entries at most."""
    page = one_page.context.new_page()
    yield from _visit(page, address)
    page.close()


def _visit(page: Page, address: str) -> Iterator[Visit]:
    page.set_viewport_size(WIDE)
    page.goto(f"{address}/_stcore/health")
    page.evaluate("localStorage.clear()")  # whether a visitor before closed the sidebar
    visit = Visit(page, address)
    yield visit
    visit.leave()
