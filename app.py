"""The dashboard: every matrix of a language model's inference. Start it with `streamlit run app.py`."""

import streamlit as st

from dashboard import settings, style
from dashboard.chooser import dialogs
from dashboard.loading import bring_in
from dashboard.redraw import after_sampling, guarded
from dashboard.sidebar import sidebar

st.set_page_config(
    page_title="Every matrix", page_icon="dashboard/icon.svg", layout="wide", initial_sidebar_state=284
)  # pixels
style.apply()
settings.begin()
sidebar(on_sampling=after_sampling)
dialogs()
guarded(bring_in)()

pages = st.navigation([st.Page("dashboard/pages/inference.py", title="Inference", default=True)], position="hidden")
guarded(pages.run)()
