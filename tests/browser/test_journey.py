"""From opening the page to handing on its link: what is seen is what was computed, for everyone who opens it."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from dashboard.link.settings import DEFAULTS, Settings

from .visit import Visit, run_of


def test_a_number_stands_in_the_cell_that_it_is_of(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(Settings()))
    figure = visit.page.locator("[data-key=chart-layers-0-attention-q]")
    numbers = figure.locator(".cell-numbers text")
    expect(numbers).to_have_count(5 * 8 + 8 * 8 + 5 * 8)  # X, W_q, Q
    for index in (0, 39, 40, 103, 104, 143):
        number = numbers.nth(index)
        number.scroll_into_view_if_needed()
        box = number.bounding_box()
        assert box is not None
        visit.page.mouse.move(0, 0)
        visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        lines = figure.locator(".hoverlayer .hovertext .line")
        expect(lines.nth(2)).to_be_visible()  # row, column, and in the third line the number with all its digits
        whole, short = (float((e.text_content() or "").replace("−", "-")) for e in (lines.nth(2), number))
        assert short == pytest.approx(whole, abs=0.0501)


def test_the_page_opens_with_every_matrix_as_heatmap_with_the_engines_own_numbers(visit: Visit) -> None:
    visit.open()
    visit.expect_run(DEFAULTS)
    expect(visit.step(0)).to_be_checked()
    expect(visit.station("Attention")).to_be_checked()
    expect(visit.shown(".js-plotly-plot .heatmaplayer image").first).to_be_visible()
    assert len(visit.page.locator(".js-plotly-plot").all()) <= 12
    visit.expect_sound()


def test_slider_and_dice_give_another_token_and_the_link_opens_the_same_page_elsewhere(
    visit: Visit, other_visit: Visit
) -> None:
    visit.open()
    visit.heat(0.53)
    visit.roll(2024)
    changed = replace(DEFAULTS, temperature=0.53, dice_seed=2024)
    assert run_of(changed).new_ids[0] != run_of(DEFAULTS).new_ids[0]
    visit.expect_tokens(run_of(changed))
    visit.step(1).click()
    visit.expect_run(changed, step=1)
    visit.chip(2).click()
    visit.station("Feed-forward").click()
    visit.expect_query(temperature="0.53", dice_seed="2024", step="1", token="2", station="feedforward", v="2")

    other_visit.open(visit.link)
    other_visit.expect_run(changed, step=1)
    expect(other_visit.step(1)).to_be_checked()
    expect(other_visit.chip(2)).to_be_checked()
    expect(other_visit.station("Feed-forward")).to_be_checked()
    expect(other_visit.notices).to_have_count(0)
    assert other_visit.link == visit.link
    for name, drawn in visit.matrices().items():
        for ours, theirs in zip(drawn, other_visit.matrices()[name], strict=True):
            assert (ours == theirs).all() or name.endswith(("masked_scores", "weights")), name


def test_a_link_with_every_setting_opens_the_run_that_it_names(visit: Visit) -> None:
    run = dict(text="Été 北京 🙂\n<b>", temperature=1.5, dice_seed=2**53 - 1, top_k=40, top_p=0.9, new_tokens=2)
    settings = Settings(**run, weights_seed=5)
    visit.open(**run, weights_seed=5, step=1, station="sample")
    visit.expect_run(settings, step=1)
    expect(visit.text).to_have_value(settings.text)
    expect(visit.station("Sample")).to_be_checked()
    expect(visit.notices).to_have_count(0)
    visit.expect_sound()


def test_the_slider_follows_the_mouse(visit: Visit) -> None:
    visit.open(text="hi")
    visit.expect_rest()
    thumb, track = visit.temperature.locator("xpath=../.."), visit.sidebar.get_by_test_id("stSlider").first
    at, along = thumb.bounding_box(), track.bounding_box()
    assert at and along
    visit.page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    visit.page.mouse.down()
    visit.page.mouse.move(along["x"] + 4, at["y"] + at["height"] / 2, steps=4)
    visit.page.mouse.up()
    expect(visit.temperature).to_have_value("0")
    visit.expect_tokens(run_of(Settings(text="hi", temperature=0)))
    visit.expect_query(temperature="0")


def test_two_visitors_at_once_each_see_their_own_run(visit: Visit, other_visit: Visit) -> None:
    ours, theirs = Settings(text="we are here"), Settings(text="they are there", weights_seed=1)
    visit.open(text=ours.text)
    other_visit.open(text=theirs.text, weights_seed=1)
    for heat, seed in ((0.4, 1), (2.0, 2)):
        visit.heat(heat)
        other_visit.roll(seed)
        ours, theirs = replace(ours, temperature=heat), replace(theirs, dice_seed=seed)
        visit.expect_run(ours)
        other_visit.expect_run(theirs)
    visit.type("alone")
    visit.expect_run(replace(ours, text="alone"))
    other_visit.expect_run(theirs)
