"""The project as a package: what pip installs, and how it looks to those who use it."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import llm_core
from tests.helpers.pages import ROOT


def test_tab_completion_offers_the_public_names_alone() -> None:
    assert set(dir(llm_core)) - {"__doc__", "__version__"} == set(llm_core.__all__)


def test_no_name_of_a_function_yields_a_module() -> None:
    """Whatever was imported before: a module that is named as a public function would hide it."""
    code = (
        "import importlib, pkgutil, types, llm_core\n"
        "for module in pkgutil.walk_packages(llm_core.__path__, 'llm_core.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(*[name for name in llm_core.__all__ if isinstance(getattr(llm_core, name), types.ModuleType)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


@pytest.mark.slow
def test_an_installed_package_has_its_data_its_types_and_a_command(tmp_path: Path) -> None:
    place, source = tmp_path / "installed", tmp_path / "source"  # building leaves files beside the source
    source.mkdir()
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in ("llm_core", "dashboard"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*install, "--target", str(place), str(source)], check=True, capture_output=True, cwd=tmp_path)
    for package in ("llm_core", "dashboard"):
        for file in (ROOT / package).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert (place / file.relative_to(ROOT)).is_file(), file
    code = "import llm_core; print(llm_core.__file__); from llm_core.text.command import main; main(['hello'])"
    environment = {"PYTHONPATH": f"{place}:{sysconfig.get_path('purelib')}", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, check=True
    )
    assert done.stdout.startswith(str(place)) and "token_embedding" in done.stdout
    assert any(place.glob("bin/every-matrix*"))
