"""The dashboard: every matrix of a language model's inference. Start it with `streamlit run app.py`."""

# ruff: noqa: E402

import os

# Before torch is imported: its threads sleep while they wait for each other. Spinning, as is their habit, they would
# keep the cores from the browser that draws on the same machine, and so from themselves.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import streamlit as st

from dashboard import early

st.set_page_config(
    page_title="Every matrix", page_icon="dashboard/icon.svg", layout="wide", initial_sidebar_state=284
)  # pixels
early_chart = early.begin()  # before what takes seconds to import, the first time

from dashboard import navigation, settings, style
from dashboard.chooser import dialogs
from dashboard.loading import bring_in
from dashboard.redraw import after_sampling, guarded
from dashboard.sidebar import sidebar
from dashboard.state import freeze_modules

style.apply()
page = st.navigation(navigation.pages(), position="hidden")
settings.begin()
sidebar(on_sampling=after_sampling)
dialogs()
if navigation.computes(page):
    guarded(bring_in)()

navigation.links()
guarded(page.run)()
early_chart.empty()
freeze_modules()
