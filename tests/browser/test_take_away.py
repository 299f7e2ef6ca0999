"""What visitors take along is downloaded, opened by other readers, and opened again by the page."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from dashboard.link.settings import Settings
from llm_core import open_run, save_run

from .axe import serious
from .visit import Visit, eventually, run_of

pytestmark = pytest.mark.slow  # about a minute, all of them together

LLAMA = Settings(model="llama-nano")


def dialog(visit: Visit) -> Locator:
    visit.main.get_by_role("button", name="Download", exact=True).click()
    found = visit.page.get_by_role("dialog")
    expect(found.get_by_role("button", name="CSV")).to_be_visible()
    return found


def downloaded(visit: Visit, button: Locator, folder: Path) -> Path:
    with visit.page.expect_download(timeout=60_000) as started:
        button.click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def open_file(visit: Visit, path: Path) -> None:
    visit.page.locator("input[type=file]").set_input_files(path)


def tops(visit: Visit) -> Any:
    """Where the parts of the page begin."""
    parts = "['.st-key-page-links', '.st-key-headline', '.st-key-rail', '.st-key-reading-rule', '.st-key-sections']"
    return visit.page.evaluate(
        f"() => {parts}.map(p => Math.round(document.querySelector(p).getBoundingClientRect().y))"
    )


def test_each_kind_of_file_holds_the_matrix_that_is_looked_at(visit: Visit, tmp_path: Path) -> None:
    visit.open(model="llama-nano", layer=2, head=1)
    found = dialog(visit)
    values = run_of(LLAMA).steps[0].matrix("layers.2.attention.weights").values.numpy()
    table = downloaded(visit, found.get_by_role("button", name="CSV"), tmp_path)
    assert table.name == "llama-nano-prefill-layers.2.attention.weights-head-1.csv"
    numbers = np.genfromtxt(table, delimiter=",", skip_header=1, encoding="utf-8-sig", comments=None)[:, 2:]
    assert numbers.astype(np.float32) == pytest.approx(values[1], rel=1e-5)
    with np.load(downloaded(visit, found.get_by_role("button", name="NPZ"), tmp_path)) as arrays:
        assert arrays["values"] == pytest.approx(values[1], rel=1e-5)
    assert Image.open(downloaded(visit, found.get_by_role("button", name="PNG"), tmp_path)).width >= 900


def test_another_matrix_and_head_change_the_lines_and_the_copied_ones_are_those(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.open(model="llama-nano")
    found = dialog(visit)
    found.get_by_role("spinbutton", name="Head").fill("3")
    found.get_by_role("spinbutton", name="Head").press("Enter")
    lines = found.locator("pre")
    expect(lines).to_contain_text('run.steps[0].matrix("layers.0.attention.weights").values[3]')
    lines.hover()
    found.get_by_role("button", name="Copy").click()
    copied = visit.page.evaluate("() => navigator.clipboard.readText()")
    assert copied.rstrip().endswith('values = run.steps[0].matrix("layers.0.attention.weights").values[3]')


def test_nothing_moves_when_the_dialog_opens_and_closes(visit: Visit) -> None:
    visit.open()
    visit.page.wait_for_timeout(1000)  # all styles are there
    before = tops(visit)
    found = dialog(visit)
    assert tops(visit) == before
    visit.page.keyboard.press("Escape")
    expect(found).to_be_hidden()
    assert tops(visit) == before


def test_matrices_picked_by_title_are_in_the_run_file(visit: Visit, tmp_path: Path) -> None:
    visit.open(model="llama-nano")
    found = dialog(visit)
    found.get_by_role("tab", name="The whole run").click()
    found.get_by_text("These matrices ·").click()
    for title in ("Queries · layers.0.attention.q", "Input · input"):
        found.get_by_role("combobox", name="Matrices").fill(title)
        visit.page.get_by_role("option", name=title, exact=True).click()
        visit.page.wait_for_timeout(1_000)  # until Python has heard of it
    visit.page.keyboard.press("Escape")
    expect(found.get_by_role("radio", name="These matrices")).to_be_checked()
    path = downloaded(visit, found.get_by_role("button", name="Run file"), tmp_path)
    assert open_run(path).steps[0].names == ["input", "layers.0.attention.q"]


def test_a_run_file_opens_again_and_leads_to_the_same_run(visit: Visit, tmp_path: Path) -> None:
    visit.open(dice_seed=11)
    found = dialog(visit)
    found.get_by_role("tab", name="The whole run").click()
    path = downloaded(visit, found.get_by_role("button", name="Run file"), tmp_path)
    assert open_run(path).ids == run_of(Settings(dice_seed=11)).ids
    assert serious(visit) == []
    found.get_by_role("link", name="Open a run file").click()
    expect(visit.headline).to_have_text("Open a run from a file.")
    open_file(visit, path)
    expect(visit.main.get_by_text("dice seed 11").filter(visible=True)).to_be_visible()
    eventually(lambda: _draws(visit, "layers.0.attention.weights"))
    visit.timeline.get_by_role("radio").nth(1).click()
    expect(visit.shown(".st-key-filed-card")).to_contain_text(run_of(Settings(dice_seed=11)).steps[1].sampled.label)
    assert serious(visit) == []
    link = visit.main.get_by_role("link", name="Open the same run with its model")
    assert "dice_seed=11" in str(link.get_attribute("href"))


def _draws(visit: Visit, name: str) -> None:
    assert name in visit.matrices()


def test_a_file_that_was_cut_off_or_is_none_is_refused_in_words(visit: Visit, tmp_path: Path) -> None:
    whole, cut, other = (tmp_path / f"{name}.safetensors" for name in ("whole", "cut", "other"))
    save_run(run_of(Settings()), ["input"], whole)
    cut.write_bytes(whole.read_bytes()[:-100])
    other.write_bytes(b"\x80\x04\x95" + bytes(1000))
    visit.open()
    visit.main.get_by_role("link", name="Run file").click()
    expect(visit.headline).to_have_text("Open a run from a file.")
    open_file(visit, cut)
    expect(visit.refusal).to_contain_text("The file was cut off")
    open_file(visit, other)
    expect(visit.refusal).to_contain_text("This is not a run file. Choose a file that you saved with “Download”.")
    open_file(visit, whole)
    expect(visit.shown(".js-plotly-plot").first).to_be_visible()
    expect(visit.refusal).to_be_hidden()
