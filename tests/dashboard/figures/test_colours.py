"""The colours of cells tell signs and strengths apart, on both pages and for eyes that miss a kind of cone."""

import itertools
import re
import tomllib

import numpy as np
import pytest

from dashboard.figures.colours import LINES, PROBABILITY, SIGNED
from tests.helpers.pages import ROOT

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009),
# severity 1.0, for linear RGB.
EYES = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
THEME = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"]
PAGES = {name: THEME[name]["backgroundColor"] for name in ("light", "dark")}
JUST_NOTICEABLE = 2.3  # of CIE76's distance

sights = pytest.mark.parametrize("eyes", EYES)
pages = pytest.mark.parametrize("page", PAGES)


def linear(srgb):
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def seen(scale, at, page, eyes):
    """Linear RGB (3) of a scale's colour at a place from 0 to 1, laid over the page, as these eyes see it."""
    paper = np.array([int(PAGES[page][i : i + 2], 16) for i in (1, 3, 5)]) / 255
    stops = [(place, np.array([float(n) for n in re.findall(r"[\d.]+", colour)])) for place, colour in scale]
    (low, first), (high, last) = next((a, b) for a, b in itertools.pairwise(stops) if a[0] <= at <= b[0] > a[0])
    red, green, blue, opacity = first + (last - first) * (at - low) / (high - low)
    shown = paper * (1 - opacity) + np.array([red, green, blue]) / 255 * opacity
    return np.clip(EYES[eyes] @ linear(shown), 0, 1)


def luminance(colour):
    return float(np.array([0.2126, 0.7152, 0.0722]) @ colour)


def lab(colour):
    """CIELAB (3) of linear sRGB, under D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = to_xyz @ colour / np.array([0.9505, 1.0, 1.089])
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


def distance(one, other):
    """CIE76."""
    return float(np.linalg.norm(lab(one) - lab(other)))


def test_the_distance_is_that_of_the_literature():
    assert distance(np.ones(3), np.zeros(3)) == pytest.approx(100, abs=0.1)
    assert lab(linear(np.array([1.0, 0, 0]))) == pytest.approx([53.24, 80.09, 67.20], abs=0.1)


@pages
@sights
def test_minus_zero_and_plus_are_told_apart(page, eyes):
    low, middle, high = (seen(SIGNED, at, page, eyes) for at in (0, 0.5, 1))
    assert distance(low, high) > 10 * JUST_NOTICEABLE
    assert min(distance(low, middle), distance(high, middle)) > 10 * JUST_NOTICEABLE


@pages
@sights
def test_half_as_strong_is_told_apart_from_strong_and_from_zero(page, eyes):
    for scale, places in ((SIGNED, (0, 0.25, 0.5)), (SIGNED, (1, 0.75, 0.5)), (PROBABILITY, (1, 0.5, 0))):
        strong, half, none = (seen(scale, at, page, eyes) for at in places)
        assert min(distance(strong, half), distance(half, none)) > 3 * JUST_NOTICEABLE


@pages
@sights
def test_a_weak_plus_is_not_taken_for_a_weak_minus(page, eyes):
    assert distance(seen(SIGNED, 0.375, page, eyes), seen(SIGNED, 0.625, page, eyes)) > 3 * JUST_NOTICEABLE


@pages
@sights
@pytest.mark.parametrize(("scale", "start", "end"), [(PROBABILITY, 0, 1), (SIGNED, 0.5, 0), (SIGNED, 0.5, 1)])
def test_stronger_is_further_from_the_pages_own_light_step_by_step(scale, start, end, page, eyes):
    light = [luminance(seen(scale, at, page, eyes)) for at in np.linspace(start, end, 33)]
    steps = np.diff(light)
    assert (steps < 0).all() if page == "light" else (steps > 0).all()


@pages
@sights
def test_lines_stand_out_from_the_page_and_are_told_apart(page, eyes):
    """WCAG 2.2, 1.4.11: 3 to 1 for what has to be seen, by eyes with all cones."""
    drawn = [seen([(0, f"{line} 1"), (1, f"{line} 1")], 0, page, eyes) for line in LINES]
    paper = seen([(0, "0 0 0 0"), (1, "0 0 0 0")], 0, page, eyes)
    if eyes == "all cones":
        for line in drawn:
            dark, light = sorted((luminance(line), luminance(paper)))
            assert (light + 0.05) / (dark + 0.05) >= 3
    assert distance(*drawn) > 5 * JUST_NOTICEABLE
