"""Renews the README's picture: the Inference page of the toy as a visitor first sees it."""

from pathlib import Path

from benchmarks import browser, page, serving

PICTURE = Path(__file__).parents[1] / "docs" / "screenshot.png"


def main() -> None:
    """Serve the page, look at it once all is drawn, and write docs/screenshot.png (1440 × 900 pixels)."""
    PICTURE.parent.mkdir(exist_ok=True)
    with serving.serving("app.py") as server, browser.chromium() as chromium:
        server.wait()
        visit = browser.opened(chromium, server.address, page.MATRICES)
        visit.get_by_text("A second program computed").wait_for()
        visit.screenshot(path=PICTURE)
    print(f"written: {PICTURE}")


if __name__ == "__main__":
    main()
