"""What the browser fetches while the server is still importing and computing: Plotly, larger than all else of the page.

Nothing is imported here that takes long.
"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_HIDDEN = "<style>.st-key-early { display: none; }</style>"
_NOTHING = {"data": [{"type": "scatter"}], "layout": {"template": {"layout": {}}}}


def fetch_plotly() -> DeltaGenerator:
    """Call first: an empty chart that nobody sees has the browser fetch Plotly. Empty the place when all is drawn."""
    st.html(_HIDDEN)
    with st.container(key="early"):
        place = st.empty()
    if "begun" not in st.session_state:
        st.session_state.begun = True
        place.plotly_chart(_NOTHING, theme=None)
    return place
