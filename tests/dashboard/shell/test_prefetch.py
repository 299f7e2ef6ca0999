"""The browser is asked for Plotly before the server starts on what takes it seconds."""

import ast
import subprocess
import sys

from dashboard.figures.message import unpacked
from tests.helpers.pages import APP, ROOT, drawn, opened


def test_what_comes_first_imports_nothing_that_takes_long():
    code = "import sys, dashboard.shell.prefetch; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"torch", "transformers", "tokenizers", "llm_core", "scipy"} & set(done.stdout.split())


def test_the_app_begins_with_it_and_imports_the_rest_afterwards():
    body = ast.parse(APP.read_text(encoding="utf-8")).body
    begun = next(i for i, line in enumerate(body) if "prefetch.fetch_plotly()" in ast.unparse(line))
    before = [ast.unparse(line) for line in body[:begun] if isinstance(line, ast.Import | ast.ImportFrom)]
    assert before == ["from pathlib import Path", "import streamlit as st", "from dashboard.shell import prefetch"]


def test_it_brings_no_picture_to_the_page_neither_at_first_nor_later():
    page = opened()
    early = next(part for part in page.get("bidi_component") if part.proto.id.endswith("early-board"))
    assert not unpacked(early.proto.bytes)
    assert len(drawn(page.run())) == len(drawn(opened()))
