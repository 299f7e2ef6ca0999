"""Pure functions: a picture or a result in, a Plotly figure out. Nothing here knows Streamlit."""
