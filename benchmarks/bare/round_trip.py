"""The least that a page of Streamlit takes for an act: a slider, a number field and a sentence that repeats them."""

import streamlit as st

seed = st.sidebar.number_input("Seed", 0, 1_000_000, 0)
level = st.sidebar.slider("Level", 0.5, 2.0, 1.0, 0.01)
with st.container(key="answer"):
    st.text(f"{seed} and {level}")
