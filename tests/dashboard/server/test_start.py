"""The server answers before torch is imported, and begins on that by itself."""

import subprocess
import sys

import pytest

from tests.helpers.pages import ROOT

BEGIN = """
import asyncio, sys, threading
import app
from dashboard.server.start import lifespan

async def begun():
    async with lifespan(app.app):
        pass

print("torch" in sys.modules)
asyncio.run(begun())
(thread,) = [thread for thread in threading.enumerate() if thread.name == "import torch"]
"""
WAIT = """
thread.join()
print("torch" in sys.modules)
"""
USE = """
import dashboard.matrices.equations, dashboard.model_choice.loading, dashboard.proof.badge, dashboard.whole_model.map
from llm_core import generate, load_model
print(generate(load_model("toy"), "hello", 1).text)
"""


def said(*code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", "".join(code)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_torch_is_imported_once_the_server_has_started_and_not_before():
    assert said(BEGIN, WAIT) == ["False", "True"]


@pytest.mark.slow
def test_a_page_that_imports_at_the_same_moment_meets_nothing_half_made():
    began, text, *_, done = said(BEGIN, USE, WAIT)
    assert began == "False" and text.startswith("hello") and done == "True"
