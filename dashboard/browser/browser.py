"""Register a browser component from the module and the styles beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.browser import modules

_FOLDER = Path(__file__).parent
_SCRIPT = """\
// A page that was open while its server became a newer one is loaded anew: old and new modules would both act.
if ((globalThis.scriptsInUse ??= "FOLDER") !== "FOLDER") location.reload();
export default (page) => import(new URL("FOLDER/MODULE", document.baseURI)).then((module) => module.default(page),
  () => { page.parentElement.querySelector(".root").textContent = "SENTENCE"; });
"""
_NOT_LOADED = "This part of the page could not be loaded: its script did not come from the server. Reload the page."


def component(module: str, *, styles: list[str], isolated: bool = True, plotly: bool = False) -> Any:
    """Register the component whose part in the browser is a module of this folder.

    Arguments:
        module: the name of the module; its `export default` is called with each message. Unique in the app.
        styles: names of CSS files, joined in this order.
        isolated: keep the styles inside the component. False lets them reach the page around it.
        plotly: say at the root where Plotly is served, as `data-plotly`.

    Returns: the function that mounts the component (see `streamlit.components.v2.component`).

    Raises: KeyError if there is no such module; OSError if a style is missing.
    """
    folder = modules.module_address(module).removesuffix(f"/{module}")
    script = _SCRIPT.replace("FOLDER", folder).replace("MODULE", module).replace("SENTENCE", _NOT_LOADED)
    return st.components.v2.component(
        module.removesuffix(".js").replace("/", "-"),
        html=f'<div class="root" data-plotly="{modules.PLOTLY}"></div>' if plotly else '<div class="root"></div>',
        js=script,
        css=read_styles(styles),
        isolate_styles=isolated,
    )


def read_styles(names: list[str]) -> str:
    """The text of CSS files in this folder, joined. Raises OSError if one is missing."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)
