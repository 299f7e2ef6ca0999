"""What may depend on what."""

import subprocess
import sys

IMPORT_ALL = """
import importlib, pkgutil, sys
import llm_core
names = [module.name for module in pkgutil.walk_packages(llm_core.__path__, "llm_core.")]
for name in names:
    importlib.import_module(name)
print(len(names), *sorted({"streamlit", "plotly", "pandas", "dashboard"} & set(sys.modules)))
"""


def test_the_engine_imports_nothing_that_draws() -> None:
    """In a fresh interpreter: this one may have imported Streamlit for another test."""
    found = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=True)
    count, *drawing = found.stdout.split()
    assert int(count) >= 10
    assert drawing == []
