"""The head of a page: its headline, the ways beside it, and what could not be used of the link."""

from collections.abc import Callable
from urllib.parse import urlencode

import streamlit as st

from dashboard.browser.share import share
from dashboard.link import settings, visit
from dashboard.shell import words
from dashboard.shell.fragments import change, fragment
from dashboard.shell.reads import EVERY_SETTING


def headline(text: str, beside: Callable[[], None] | None = None) -> None:
    """Show it. beside: draws what stands between the headline and the way to share."""
    with st.container(horizontal=True, vertical_alignment="center", key="headline"):
        st.title(text, anchor=False)
        if beside is not None:
            beside()
        with st.container(width=150, key="share"):
            _share()
    _remarks()


@fragment("remarks", reads=EVERY_SETTING)
def _remarks() -> None:
    """What is to be said of the link to this page, and of the one that led here."""
    length = visit.link_length()
    if length > settings.LONGEST_ADDRESS:
        st.caption(words.NO_LINK)
    elif length > settings.LONGEST_LINK:
        st.caption(words.TOO_LONG.format(length=length, most=settings.LONGEST_LINK))
    if visit.notices():
        with st.container(key="notices", border=True):
            for notice in visit.notices():
                st.text(notice)


@fragment("share", reads=EVERY_SETTING | {"share-asked"})
def _share() -> None:
    asked = st.session_state.get("share-asked", 0)
    share(urlencode(visit.shared()), asked=asked, key="share-view", on_ask=_answer)


def _answer(number: int) -> None:
    change({"share-asked": number})
