"""The server of the dashboard: every matrix of a language model's inference. Start it with `streamlit run app.py`."""

import os

# Before torch is imported: its threads sleep while they wait for each other. Spinning, as is their habit, they would
# keep the cores from the browser that draws on the same machine, and so from themselves.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import streamlit as st

from dashboard.server.headers import middleware
from dashboard.server.routes import routes
from dashboard.server.start import lifespan

app = st.App("dashboard/pages/main.py", routes=routes(), middleware=middleware(), lifespan=lifespan)
