"""What may depend on what, and what no module may do."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.helpers.pages import ROOT

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


# ---- nothing that runs what a file says ---------------------------------------------------------------------------

UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
# of a call named so: the argument that must be given, as it must be
MUST = {"torch.load": ("weights_only", True)}
# of any call: an argument that may be given as this alone
ONLY = {"allow_pickle": False, "trust_remote_code": False, "weights_only": True}


def unsafe(source: str) -> Iterator[str]:
    """What of a module's source could run a program that is in a file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in UNPICKLERS)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNPICKLERS:
            yield node.module or ""
        if isinstance(node, ast.Attribute) and node.attr in ("read_pickle", "Unpickler"):
            yield node.attr
        if isinstance(node, ast.Call):
            given = {k.arg: getattr(k.value, "value", ...) for k in node.keywords}
            needed, value = MUST.get(ast.unparse(node.func), (None, None))
            if needed and given.get(needed) is not value:
                yield ast.unparse(node)
            yield from (f"{name} in {ast.unparse(node)}" for name in ONLY if given.get(name, ONLY[name]) != ONLY[name])


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import os, pickle as p",
        "from pickle import loads",
        "def f():\n    import joblib",
        "import shelve",
        "pd.read_pickle(f)",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "torch.load(f, weights_only=w)",
        "np.load(f, allow_pickle=True)",
        "load(f, allow_pickle=x)",
        "AutoConfig.from_pretrained(f, trust_remote_code=True)",
    ],
)
def test_what_could_run_a_program_in_a_file_is_seen(source) -> None:
    assert list(unsafe(source))


@pytest.mark.parametrize(
    "source",
    [
        "np.load(f)",
        "np.load(f, allow_pickle=False)",
        "torch.load(f, weights_only=True)",
        "json.load(f)",
        "AutoConfig.from_pretrained(f, trust_remote_code=False)",
        "'import pickle'",
    ],
)
def test_what_is_safe_is_not_taken_for_it(source) -> None:
    assert not list(unsafe(source))


def test_no_module_could_run_a_program_that_is_in_a_file() -> None:
    modules = [ROOT / "app.py", *ROOT.glob("llm_core/**/*.py"), *ROOT.glob("dashboard/**/*.py")]
    assert len(modules) > 80
    assert not {str(module): found for module in modules if (found := list(unsafe(module.read_text())))}
