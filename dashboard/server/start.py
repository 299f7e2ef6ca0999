"""What the server does as it starts, beside answering."""

import importlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """For `st.App`: begin on torch, which takes seconds to import, before the first visitor's page waits for it.

    A page that imports torch meanwhile waits for this import. It is torch alone: that every other module imports torch
    before it uses it is what keeps the two threads from meeting something half-made.
    """
    threading.Thread(target=importlib.import_module, args=("torch",), name="import torch", daemon=True).start()
    yield
