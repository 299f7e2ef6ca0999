"""The script of each visit: the sidebar, and the page that the address names.

It lies among the pages, for Streamlit takes a folder "pages" beside the script for pages of its own making.
"""

# ruff: noqa: E402

from pathlib import Path

import streamlit as st

from dashboard.shell import prefetch

st.set_page_config(
    page_title="Every matrix",
    page_icon=str(Path(__file__).parents[1] / "icon.svg"),
    layout="wide",
    initial_sidebar_state=284,
)  # pixels
prefetch.fetch_plotly()  # before what takes seconds to import, the first time

from dashboard.browser.glossary import glossary_tips
from dashboard.link import visit
from dashboard.model_choice.chooser import dialogs
from dashboard.model_choice.loading import bring_in
from dashboard.model_choice.sidebar import sidebar
from dashboard.shell import navigation, style, workarounds
from dashboard.shell.fragments import begin_drawing, end_drawing, guarded
from dashboard.shell.glossary import tips
from dashboard.shell.history import history

WHOLE_PAGE = {"model", "shape", "dtype", "present", "lacked", "tour_looks"}
"""What this script and the pages read outside of their parts: the architecture, where one looks, how large all is."""

workarounds.keep_what_has_not_left()
workarounds.read_theme_once()
visit.begin_visit()
begin_drawing(reads=WHOLE_PAGE)
style.page_style()
history()
glossary_tips(tips())
workarounds.say_where_there_is_no_page(navigation.say_no_page)
page = st.navigation(navigation.pages(), position="hidden")
sidebar()
dialogs()
if navigation.computes(page):
    with st.container(key="model-on-its-way"):
        bring_in()

above = navigation.place_for_links()
guarded(page.run)()
with above:
    navigation.links()
end_drawing()
workarounds.freeze_modules()
