"""What to compare a server's start with: the smallest page that has torch draw the numbers of one heatmap."""

import plotly.graph_objects as go
import streamlit as st
import torch

st.plotly_chart(go.Figure(go.Heatmap(z=torch.randn(8, 8).numpy())))
