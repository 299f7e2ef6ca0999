"""A board in a file of its own: drawn without a server, with the numbers that were put in, by mouse and by keyboard."""

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from dashboard.browser.board import html
from dashboard.figures.colours import BLUE, MASKED, ORANGE, STRONGEST
from dashboard.figures.equation import equation
from dashboard.figures.heads import heads_figure
from dashboard.figures.message import BoardPicture, packed
from dashboard.figures.picture import Origin, Picture

from .visit import eventually

SIGNED = np.array([[1.0, -1.0, 0.5], [0.0, -0.25, 0.75]], np.float32)
HIDDEN = np.array([[False, True, True], [False, False, True]])
LARGE = np.linspace(-2, 2, 100 * 100, dtype=np.float32).reshape(100, 100)


def signed(values: np.ndarray = SIGNED) -> BoardPicture:
    left = Picture(
        "layers.0.attention.q",
        "Q",
        "2×3",
        values,
        row_word="position",
        row_start=0,
        row_labels=("<b>a", "b"),
        origin=Origin((2, 3), head=0),
    )
    right = Picture(
        "x", "X", "2×3", np.where(HIDDEN, 0, values), hidden=HIDDEN, column_word="key", origin=Origin((2, 3))
    )
    figure = equation([left, "=", right], 2)
    return BoardPicture("signed", figure.traces, figure.plain_layout, "Q is X", step=3)


def large() -> BoardPicture:
    figure = equation([Picture("l", "L", "100×100", LARGE, scale=2.0, origin=Origin((100, 100)))], 300)
    return BoardPicture("large", figure.traces, figure.plain_layout, "a large one")


def heads(count: int = 9) -> BoardPicture:
    weights = np.random.default_rng(0).random((count, 8, 8), dtype=np.float32)
    figure = heads_figure(weights, {}, (1.0, (0, 0.0)), {"matrix": "w", "size": [8, 8]})
    return BoardPicture("heads", figure.traces, figure.plain_layout, "all heads")


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A visitor who asks for no address but the file's, and in whose page nothing fails."""
    context = browser.new_context(viewport={"width": 900, "height": 700}, color_scheme="light")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: asked.url.startswith(("file:", "data:", "blob:")) or complaints.append(asked.url))
    yield page
    context.close()
    assert complaints == []


def opened(page: Page, folder: Path, *drawings: BoardPicture, **more: str) -> Locator:
    """The board of a file that is opened, all of it drawn."""
    file = folder / "board.html"
    file.write_text(html(drawings, **more), encoding="utf-8")
    page.goto(file.as_uri())
    expect(page.locator(".board-picture[data-drawn]")).to_have_count(len(drawings))
    return page.locator(".board-picture")


def cell(page: Page, key: str, matrix: str, row: int, column: int) -> tuple[float, float]:
    """Where the middle of a cell is on the screen."""
    return tuple(page.evaluate(_CELL, [key, matrix, row, column]))


_CELL = """([key, matrix, row, column]) => {
  const figure = document.querySelector(`[data-key="${key}"] .board-figure`);
  const trace = figure._fullData.find(({ meta }) => meta?.origin && (meta.origin.matrix ?? meta.matrix) === matrix);
  const axis = (id, letter) => figure._fullLayout[letter + "axis" + (id || letter).slice(1)];
  const [x, y] = [axis(trace.xaxis, "x"), axis(trace.yaxis, "y")];
  const { left, top } = figure.getBoundingClientRect();
  return [left + x._offset + x.c2p(column), top + y._offset + y.c2p(row)];
}"""


def pixels(page: Page) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)


def painted(page: Page, shot: np.ndarray, key: str, matrix: str, row: int, column: int) -> np.ndarray:
    """The colour of a cell near its corner, where no number is written."""
    x, y = cell(page, key, matrix, row, column)
    return shot[round(y) - 9, round(x) - 9]


def blended(colour: str, opacity: float, page_colour: np.ndarray) -> np.ndarray:
    return opacity * np.array([int(part) for part in colour.split(",")]) + (1 - opacity) * page_colour


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_cell_has_the_colour_of_its_number(page, tmp_path, scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    opened(page, tmp_path, signed())
    shot = pixels(page)
    ground = shot[2, 2]
    assert (ground.mean() < 60) == (scheme == "dark")
    for (row, column), value in np.ndenumerate(SIGNED):
        hue = ORANGE if value > 0 else BLUE
        wanted = blended(hue, abs(value) * STRONGEST, ground)
        np.testing.assert_allclose(painted(page, shot, "signed", "layers.0.attention.q", row, column), wanted, atol=3)
        if HIDDEN[row, column]:
            grey = re.findall(r"[\d.]+", MASKED[0][1])
            wanted = blended(", ".join(grey[:3]), float(grey[3]), ground)
        elif value == 0:
            wanted = ground
        np.testing.assert_allclose(painted(page, shot, "signed", "x", row, column), wanted, atol=3)


def test_other_numbers_leave_axes_and_frames_alone_and_look_as_if_they_were_drawn_anew(page, tmp_path) -> None:
    """What is drawn over an earlier picture, cell by cell, against the same picture in a page of its own."""
    before, after = signed(), signed(-2 * SIGNED[::-1])
    opened(page, tmp_path, after)
    wanted = page.evaluate(_SEEN)
    opened(page, tmp_path, before)
    assert page.evaluate(_SEEN) != wanted
    page.evaluate(_SHOW, base64.b64encode(packed([after])).decode())
    expect(page.locator(f"[data-digest='{after.digest}'][data-drawn]")).to_have_count(1)
    assert page.evaluate(_SEEN) == wanted
    assert page.evaluate("marked.every((node) => node.isConnected)")  # labels, frames: what was there is there
    x, y = cell(page, "signed", "layers.0.attention.q", 0, 1)
    page.mouse.move(x, y)
    page.mouse.move(x + 1, y)
    expect(page.locator(".hoverlayer .hovertext").first).to_contain_text("0.5")  # −2 times −0.25


def test_a_picture_that_failed_half_way_is_drawn_whole_the_next_time(page, tmp_path) -> None:
    after = signed(-2 * SIGNED[::-1])
    opened(page, tmp_path, after)
    wanted = page.evaluate(_SEEN)
    board = opened(page, tmp_path, signed())
    page.evaluate(_FAIL_ONCE)
    page.evaluate(_SHOW, base64.b64encode(packed([signed(3 * SIGNED)])).decode())
    expect(board.locator(".board-complaint")).to_be_visible()
    page.evaluate(_SHOW, base64.b64encode(packed([after])).decode())
    expect(page.locator(f"[data-digest='{after.digest}'][data-drawn]")).to_have_count(1)
    expect(board.locator(".board-complaint")).to_have_count(0)
    assert page.evaluate(_SEEN) == wanted


_FAIL_ONCE = """() => {
  const { _module } = document.querySelector(".board-figure")._fullData[0];
  const { calc } = _module;
  _module.calc = () => { _module.calc = calc; throw new Error("broken"); };
  console.error = () => {};
}"""


def test_fullscreen_makes_letters_larger_too_and_other_numbers_leave_it_so(page, tmp_path) -> None:
    opened(page, tmp_path, signed())
    small = letters(page)
    page.keyboard.press("Tab")
    page.keyboard.press("f")
    expect(page.locator(".board-picture[popover][data-drawn]")).to_have_count(1)
    wide = page.locator(".main-svg").first.bounding_box()
    after = signed(-2 * SIGNED[::-1])
    page.evaluate(_SHOW, base64.b64encode(packed([after])).decode())
    expect(page.locator(f"[data-digest='{after.digest}'][data-drawn]")).to_have_count(1)
    assert page.locator(".main-svg").first.bounding_box() == wide
    factor = wide["width"] / signed().layout["width"]
    assert factor > 1.2 and all(
        now == pytest.approx(factor * then) for now, then in zip(letters(page), small, strict=True)
    )
    page.keyboard.press("Escape")
    eventually(lambda: _expect_narrower(page, wide))


def letters(page: Page) -> list[float]:
    """Pixels of the letters of a title, of a number in a cell and of a label."""
    found = [
        page.locator(f".board-figure {each}").first for each in (".annotation text", ".cell-numbers", ".ytick text")
    ]
    return [each.evaluate("(node) => parseFloat(getComputedStyle(node).fontSize)") for each in found]


def _expect_narrower(page: Page, wide: dict[str, float]) -> None:
    assert page.locator(".main-svg").first.bounding_box()["width"] < wide["width"]


def test_titles_keep_their_spaces(page, tmp_path) -> None:
    board = opened(page, tmp_path, signed())
    title = board.locator(".annotation text", has_text="2×3").first
    assert title.evaluate("(text) => getComputedStyle(text).whiteSpace") == "pre"
    assert title.text_content() == "Q  2×3"


def test_another_size_is_drawn_anew(page, tmp_path) -> None:
    opened(page, tmp_path, signed())
    other = BoardPicture("signed", large().traces, large().layout, "a large one")
    page.evaluate(_SHOW, base64.b64encode(packed([other])).decode())
    expect(page.locator(f"[data-digest='{other.digest}'][data-drawn]")).to_have_count(1)
    seen = page.evaluate(_SEEN)
    opened(page, tmp_path, other)
    assert page.evaluate(_SEEN) == seen


_SHOW = """async (message) => {
  window.marked = [...document.querySelectorAll(".xtick, .ytick, .shapelayer path")];
  const { showBoard } = await import("board/board.js");
  const { loadPlotly } = await import("board/plotly.js");
  showBoard(document.querySelector(".board"), Uint8Array.from(atob(message), (c) => c.charCodeAt(0)), loadPlotly(""));
}"""

# The pixels of each heatmap and where they lie, and all that is written.
_SEEN = """() => {
  const names = ["href", "x", "y", "width", "height"];
  const images = [...document.querySelectorAll(".heatmaplayer image")].map((image) =>
    [getComputedStyle(image).opacity, ...names.map((name) => image.getAttribute(name))]);
  const texts = [...document.querySelectorAll(".board-figure text")].filter((text) => !text.closest(".hoverlayer"))
    .map((text) => { const { x, y } = text.getBoundingClientRect(); return [text.textContent, x, y]; });
  return [images, texts.sort()];
}"""


def test_texts_are_written_with_their_marks_and_a_tokenizers_are_no_marks(page, tmp_path) -> None:
    text = "**[Queries](#word-query)** `Q = X W_q` what *each* <b>token</b> looks for  \n**Keys**"
    opened(page, tmp_path, replace(signed(), text=text))
    above = page.locator(".board-text")
    assert above.inner_text() == "Queries Q = X W_q what *each* <b>token</b> looks for\nKeys"
    assert above.locator("strong").all_inner_texts() == ["Queries", "Keys"]
    assert above.locator("code").all_inner_texts() == ["Q = X W_q"]
    assert above.locator("a").get_attribute("href") == "#word-query"


def test_each_picture_says_what_it_shows(page, tmp_path) -> None:
    board = opened(page, tmp_path, signed(), large())
    said = [
        {
            "data-matrix": "layers.0.attention.q x",
            "data-step": "3",
            "data-digest": signed().digest,
            "aria-label": "Q is X",
        },
        {"data-matrix": "l", "data-step": None, "data-digest": large().digest, "aria-label": "a large one"},
    ]
    for place, wanted in enumerate(said):
        picture = board.nth(place)
        assert {name: picture.get_attribute(name) for name in wanted} == wanted
        assert picture.get_attribute("role") == "figure"


def test_the_browser_has_the_numbers_to_the_bit(page, tmp_path) -> None:
    opened(page, tmp_path, signed(), large())
    for drawing in (signed(), large()):
        bytes_there = page.evaluate(_BYTES, drawing.key)
        arrays = [trace["z"].tobytes() for trace in drawing.traces]
        assert [base64.b64decode(found) for found in bytes_there] == arrays


_BYTES = """(key) => document.querySelector(`[data-key="${key}"] .board-figure`).data.map(({ z }) => {
  const rows = z.map((row) => String.fromCharCode(...new Uint8Array(row.buffer, row.byteOffset, row.byteLength)));
  return btoa(rows.join(""));
})"""


def test_a_click_outlines_the_cell_and_says_its_number(page, tmp_path) -> None:
    board = opened(page, tmp_path, signed())
    page.mouse.click(*cell(page, "signed", "layers.0.attention.q", 1, 1))
    expect(page.get_by_role("status").last).to_have_text("layers.0.attention.q: position 1 b, column 1, −0.25")
    outline = board.locator(".cell-outline[data-kind=cell]")
    expect(outline).to_have_count(1)
    box = outline.bounding_box()
    x, y = cell(page, "signed", "layers.0.attention.q", 1, 1)
    assert abs(box["x"] + box["width"] / 2 - x) < 1 and abs(box["y"] + box["height"] / 2 - y) < 1


def test_a_token_is_never_read_as_markup(page, tmp_path) -> None:
    opened(page, tmp_path, signed(), title="<i>not markup</i>")
    assert page.title() == "<i>not markup</i>"
    page.mouse.click(*cell(page, "signed", "layers.0.attention.q", 0, 0))
    expect(page.get_by_role("status").last).to_have_text("layers.0.attention.q: position 0 <b>a, column 0, 1")


def test_a_masked_cell_and_one_that_is_rounded_are_told_as_such(page, tmp_path) -> None:
    opened(page, tmp_path, signed(), large())
    page.mouse.click(*cell(page, "signed", "x", 0, 2))
    expect(page.get_by_role("status").last).to_have_text(re.compile("x: row 0, key 2, in the future"))
    page.mouse.click(*cell(page, "large", "l", 0, 0))
    expect(page.get_by_role("status").last).to_have_text(re.compile("l: row 0, column 0, ≈ −2.00$"))


def test_the_label_at_the_pointer_says_the_same(page, tmp_path) -> None:
    board = opened(page, tmp_path, signed(), large())
    for key, matrix, place, said in (
        ("signed", "layers.0.attention.q", (1, 1), "−0.25"),
        ("large", "l", (99, 99), "≈ 2.00"),
    ):
        x, y = cell(page, key, matrix, *place)
        page.mouse.move(x - 3, y - 3)
        page.mouse.move(x, y)
        label = board.locator(f"xpath=self::*[@data-key='{key}']").locator(".hovertext")
        expect(label).to_contain_text(said)


def test_the_keyboard_goes_from_cell_to_cell_and_on_to_the_next_matrix(page, tmp_path) -> None:
    board = opened(page, tmp_path, signed())
    page.keyboard.press("Tab")
    stop = board.get_by_role("application")
    expect(stop).to_be_focused()
    said = board.locator(".board-said")
    for key, words in (
        ("ArrowDown", "Q: position 1 b, column 0, 0"),
        ("End", "Q: position 1 b, column 2, 0.75"),
        ("ArrowRight", "X: row 1, key 0, 0"),
        ("ArrowRight", "X: row 1, key 1, −0.25"),
        ("ArrowUp", "X: row 0, key 1, in the future"),
        ("PageUp", "Q: position 0 <b>a, column 0, 1"),
        ("ArrowLeft", "Q: position 0 <b>a, column 0, 1"),
    ):
        page.keyboard.press(key)
        expect(said).to_have_text(re.compile(f"^{re.escape(words)}"))
    expect(board.locator(".cursor-outline")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").last).to_have_text("layers.0.attention.q: position 0 <b>a, column 0, 1")
    stop.blur()
    expect(board.locator(".cursor-outline")).to_have_count(0)


def test_a_picture_fills_the_window_and_goes_back(page, tmp_path) -> None:
    board = opened(page, tmp_path, signed())
    before = board.bounding_box()
    board.hover()
    board.get_by_role("button", name="Fullscreen").click()
    eventually(lambda: _is_wider(board, before))
    page.mouse.click(*cell(page, "signed", "layers.0.attention.q", 1, 2))  # also there
    expect(page.get_by_role("status", include_hidden=True).last).to_contain_text("column 2, 0.75")
    page.keyboard.press("Escape")
    eventually(lambda: _is_as(board, before))


def _is_wider(board: Locator, before: dict) -> None:
    figure = board.locator(".svg-container").bounding_box()
    assert figure["width"] > 1.3 * before["width"] and figure["x"] >= 0 and figure["y"] >= 0


def _is_as(board: Locator, before: dict) -> None:
    assert board.bounding_box() == before
    assert abs(board.locator(".svg-container").bounding_box()["width"] - before["width"]) < 1


def test_a_picture_is_saved_as_it_is_seen(page, tmp_path) -> None:
    page.emulate_media(color_scheme="dark")
    board = opened(page, tmp_path, signed())
    board.hover()
    with page.expect_download() as download:
        board.get_by_role("button", name="Save as PNG").click()
    assert download.value.suggested_filename == "signed.png"
    saved = np.array(Image.open(download.value.path()).convert("RGB")).astype(int)
    width, height = signed().size
    assert saved.shape == (2 * height, 2 * width, 3)
    assert saved[1, 1].mean() < 60  # the page's ground
    x, y = (
        round(2 * at)
        for at in page.evaluate(
            "([x, y]) => { const { left, top } = document.querySelector("
            "'.board-figure').getBoundingClientRect(); return [x - left, y - top]; }",
            cell(page, "signed", "layers.0.attention.q", 0, 0),
        )
    )
    np.testing.assert_allclose(saved[y - 16, x - 16], blended(ORANGE, STRONGEST, saved[1, 1]), atol=4)
    assert saved[y - 8 : y + 8, x - 10 : x + 10].max() > 200  # its number, in the page's text colour


def test_what_is_far_below_is_drawn_too_and_all_of_it_before_it_is_printed(page, tmp_path) -> None:
    many = [BoardPicture(f"{i}", large().traces, large().layout, "") for i in range(8)]
    board = opened(page, tmp_path, *many)
    assert board.last.bounding_box()["y"] > 1000
    page.add_init_script("window.requestAnimationFrame = () => 0")  # a browser that shows no frame
    page.reload()
    page.wait_for_function("document.querySelector('.board-picture[data-drawn]')")
    page.wait_for_timeout(500)
    seen = "document.querySelectorAll('.board-picture[data-drawn]').length"
    assert page.evaluate(seen) < 8
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(f"{seen} === 8")


def test_all_heads_have_cells_of_their_own(page, tmp_path) -> None:
    board = opened(page, tmp_path, heads())
    page.keyboard.press("Tab")
    for _ in range(8):
        page.keyboard.press("PageDown")
    expect(board.locator(".board-said")).to_contain_text("head 8, query 0, key 0")


def test_plotly_may_be_kept_elsewhere(page, tmp_path) -> None:
    import plotly

    (tmp_path / "plotly.min.js").write_bytes((Path(plotly.__file__).parent / "package_data/plotly.min.js").read_bytes())
    opened(page, tmp_path, signed(), plotly="plotly.min.js")
    assert (tmp_path / "board.html").stat().st_size < 150_000
