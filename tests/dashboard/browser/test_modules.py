"""Each module that the page loads has an address, and imports only what has one too."""

import posixpath
import re
from pathlib import Path

import plotly
import pytest

from dashboard.browser import modules
from tests.helpers.pages import ROOT

IMPORTED = re.compile(r"""^(?:import|export)\b(?:[^"'();]*\bfrom)?\s*"([^"]+)";$""", re.MULTILINE)


def test_a_module_imports_only_what_is_served_beside_it():
    scripts = modules.scripts()
    imported = {
        posixpath.normpath(posixpath.join(posixpath.dirname(address), name))
        for address, text in scripts.items()
        if address != modules.PLOTLY
        for name in IMPORTED.findall(text.decode())
    }
    assert imported and imported <= set(scripts)


def test_an_address_names_what_lies_there_so_that_it_can_be_kept_for_good():
    places = {"/".join(address.split("/")[:2]) for address in modules.scripts()}
    assert len(places) == 2  # our modules, and Plotly, which stays where it is when one of ours changes
    assert all(re.fullmatch(r"scripts/[0-9a-f]{16}", place) for place in places)


def test_plotly_is_of_the_version_that_its_python_package_holds():
    whole = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    versions = [
        re.search(r"plotly\.js.* v([\d.]+)", text[:200].decode())
        for text in (modules.scripts()[modules.PLOTLY], whole.read_bytes())
    ]
    assert versions[0] and versions[1] and versions[0][1] == versions[1][1]


def test_it_is_plotlys_own_file_to_the_byte():
    package = ROOT / "node_modules" / "plotly.js-cartesian-dist-min"
    if not package.exists():
        pytest.skip("npm has not installed it: `make modules` does")
    for name in ("plotly-cartesian.min.js", "LICENSE"):
        assert (package / name).read_bytes() == (ROOT / "dashboard" / "browser" / "plotly" / name).read_bytes()


def test_a_module_that_is_missing_is_named():
    with pytest.raises(KeyError, match=r"no module 'no\.js'"):
        modules.module_address("no.js")
