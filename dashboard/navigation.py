"""The way from page to page: links that take the settings and the view along."""

import streamlit as st

from dashboard import presenter, settings
from dashboard.components.links import complete_links

INFERENCE, WHOLE_MODEL = "dashboard/pages/inference.py", "dashboard/pages/whole_model.py"
RUN_FILE = "dashboard/pages/run_file.py"
TITLES = {INFERENCE: "Inference", WHOLE_MODEL: "Whole model", RUN_FILE: "Run file"}
LINKS = "pages"
"""The fragment with the links: it is drawn again whenever the view changes, so that they lead to the same view."""


def pages() -> list[st.Page]:
    """All pages, in visiting order; the first one is where a bare address leads."""
    return [st.Page(path, title=title, default=path == INFERENCE) for path, title in TITLES.items()]


def computes(page: st.Page) -> bool:
    """True for a page that shows a run of the model in the settings: it needs to be loaded."""
    return page.title != TITLES[RUN_FILE]


@st.fragment(key=LINKS)
def links() -> None:
    """The pages in one row, and the way out of presenter mode."""
    view = settings.view()
    with st.container(horizontal=True, gap="medium", key="page-links"):
        for path in TITLES:
            st.page_link(path, query_params=view)
        presenter.way_out()
    complete_links(settings.BOUND, key="pager-links")
