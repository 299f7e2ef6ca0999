"""The head of a page: its headline, the ways beside it, and what could not be used of the link."""

from collections.abc import Callable

import streamlit as st

from dashboard import settings
from dashboard.components.share import share

TOO_LONG = (
    "The link of this view holds the whole text and is {length:,} characters long. Many programs cut links after "
    "{most:,}: to share this view, shorten the text."
)


def headline(text: str, beside: Callable[[], None] | None = None) -> None:
    """Show it. beside: draws what stands between the headline and the way to share."""
    with st.container(horizontal=True, vertical_alignment="center", key="headline"):
        st.title(text, anchor=False)
        if beside is not None:
            beside()
        with st.container(width=150, key="share"):
            share(key="share-view")
    length = settings.link_length()
    if length > settings.LONGEST_LINK:
        st.caption(TOO_LONG.format(length=length, most=settings.LONGEST_LINK))
    if settings.notices():
        with st.container(key="notices", border=True):
            for notice in settings.notices():
                st.text(notice)
