"""Register a browser component from the files beside this module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent


def component(name: str, *, scripts: list[str], styles: list[str], isolated: bool = True) -> Any:
    """Register a component made of files in this folder.

    Streamlit loads each component as one module that cannot import its neighbours, so the scripts are
    joined: the last one has the `export default`, the others only define what it uses.

    Arguments:
        name: unique in the app.
        scripts: names of JavaScript files, in the order in which they are joined.
        styles: names of CSS files, joined likewise.
        isolated: keep the styles inside the component. False lets them reach the page around it.

    Returns: the function that mounts the component (see `streamlit.components.v2.component`).

    Raises: OSError if a file is missing.
    """
    return st.components.v2.component(
        name,
        html='<div class="root"></div>',
        js=read_scripts(scripts),
        css=read_scripts(styles),
        isolate_styles=isolated,
    )


def read_scripts(names: list[str]) -> str:
    """The text of files in this folder, joined. Raises OSError if one is missing."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)
