"""The way from page to page: links that take the settings and the view along."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.link import visit
from dashboard.shell import presenter
from dashboard.shell.fragments import fragment
from dashboard.shell.reads import EVERY_SETTING
from dashboard.shell.words import NO_PAGE, PAGE_TITLES

INFERENCE, WHOLE_MODEL = "inference.py", "whole_model.py"
RUN_FILE = "run_file.py"


def pages() -> list[st.Page]:
    """All pages, in visiting order; the first one is where a bare address leads."""
    return [page_at(path) for path in PAGE_TITLES]


def page_at(path: str) -> st.Page:
    """The page of this file: links lead to it also where a part of a page is drawn by itself."""
    return st.Page(path, title=PAGE_TITLES[path], default=path == INFERENCE)


def say_no_page() -> None:
    """Tell the visitor that the link leads to none of the pages."""
    if NO_PAGE not in visit.notices():
        visit.say(NO_PAGE)


def computes(page: st.Page) -> bool:
    """True for a page that shows a run of the model in the settings: it needs to be loaded."""
    return page.title != PAGE_TITLES[RUN_FILE]


def place_for_links() -> DeltaGenerator:
    """Where the links are: above the page. They are drawn into it last, when the page's style has reached the browser,
    which would move them; until then the style keeps their room."""
    return st.container(key="page-links-place")


@fragment("pages", reads=EVERY_SETTING)
def links() -> None:
    """The pages in one row, whose links lead to the same view, and the way out of presenter mode."""
    link = visit.link()
    with st.container(horizontal=True, gap="medium", key="page-links"):
        for page in pages():
            st.page_link(page, query_params=link)
        presenter.way_out()
