"""What to compare a page full of matrices with: as many heatmaps of the same sizes, drawn as Streamlit's manual says.

The file that HEATMAPS names says which: one entry a chart, {"width", "height", "heatmaps": [{"rows", "columns",
"domain": [left, right, bottom, top]}]}. Numbers are random; there is no model, no text and no torch.
"""

import json
import os
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

seed = st.sidebar.number_input("Seed", 0, 1_000_000, 0)
level = st.sidebar.slider("Level", 0.5, 2.0, 1.0, 0.01)
random = np.random.default_rng(seed)

for index, chart in enumerate(json.loads(Path(os.environ["HEATMAPS"]).read_text())):
    figure = go.Figure()
    for number, heatmap in enumerate(chart["heatmaps"], start=1):
        suffix = "" if number == 1 else str(number)
        left, right, bottom, top = heatmap["domain"]
        values = level * random.normal(size=(heatmap["rows"], heatmap["columns"])).astype(np.float32)
        figure.add_heatmap(z=values, xaxis=f"x{suffix}", yaxis=f"y{suffix}", showscale=number == 1)
        figure.update_layout(
            {
                f"xaxis{suffix}": {"domain": [left, right], "anchor": f"y{suffix}"},
                f"yaxis{suffix}": {"domain": [bottom, top], "anchor": f"x{suffix}"},
            }
        )
    figure.update_layout(width=chart["width"] + 160, height=chart["height"] + 180)  # with Plotly's default margins
    st.plotly_chart(figure, width="content", key=f"chart-{index}")
