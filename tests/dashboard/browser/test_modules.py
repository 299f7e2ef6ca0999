"""Each module that the page loads has an address, and imports only what has one too."""

import posixpath
import re

import pytest

from dashboard.browser import modules

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
    places = {posixpath.dirname(address) for address in modules.scripts()}
    assert len(places) == 2  # our modules, and Plotly, which stays where it is when one of ours changes
    assert all(re.fullmatch(r"scripts/[0-9a-f]{16}", place) for place in places)
    assert re.search(r"plotly\.js v\d", modules.scripts()[modules.PLOTLY][:200].decode())


def test_a_module_that_is_missing_is_named():
    with pytest.raises(KeyError, match=r"no module 'no\.js'"):
        modules.module_address("no.js")
