"""What may depend on what: the rooms of engine and dashboard, in the order in which they may import each other."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.helpers.pages import ROOT

# Each room may import itself and those that are named after it, and nothing else of the project.
ENGINE = {
    "support": "",
    "config": "support",
    "catalogue": "support config",
    "model": "support config catalogue",
    "families": "support config catalogue model",
    "weights": "support config catalogue model families",
    "runs": "support config catalogue model",
    "explanation": "support config catalogue model runs",
    "proof": "support config catalogue model families weights runs explanation",
    "measures": "support config catalogue model families weights runs explanation proof",
    "files": "support config catalogue model families weights runs explanation proof measures",
    "text": "support config catalogue model families weights runs explanation proof measures files",
}
SHARED = "figures browser link server shell matrices"  # of the dashboard, each imports those before it
FEATURES = ("explainer", "downloads", "proof", "tour", "whole_model", "run_file", "model_choice", "overview")
MAY_IMPORT_EXPLAINER_AND_DOWNLOADS = FEATURES[2:]


def rooms_below(room: str) -> set[str]:
    """What a room of the dashboard may import."""
    shared = SHARED.split()
    if room in shared:
        return set(shared[: shared.index(room) + 1])
    others = {"explainer", "downloads"} if room in MAY_IMPORT_EXPLAINER_AND_DOWNLOADS else set()
    return {*shared, room, *others}


@cache
def modules() -> dict[str, Path]:
    """Each module of the project with its file."""
    found = {}
    for package in ("llm_core", "dashboard"):
        for file in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = file
    return found


def imports(file: Path) -> Iterator[str]:
    """The modules of the project that a file imports, wherever in it, and for whatever purpose."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in modules())
        if isinstance(node, ast.ImportFrom) and node.module in modules():
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in modules() else node.module


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("room", ENGINE)
def test_a_room_of_the_engine_imports_only_those_below_it(room: str) -> None:
    allowed = {room, *ENGINE[room].split()}
    found = {
        f"{name} imports {other}"
        for name, file in modules().items()
        if name.startswith("llm_core.") and room_of(name) == room
        for other in imports(file)
        if not other.startswith("llm_core.") or room_of(other) not in allowed
    }
    assert not found


@pytest.mark.parametrize("room", [*SHARED.split(), *FEATURES])
def test_a_room_of_the_dashboard_imports_only_those_below_it(room: str) -> None:
    found = {
        f"{name} imports {other}"
        for name, file in modules().items()
        if name.startswith("dashboard.") and room_of(name) == room
        for other in imports(file)
        if other.startswith("dashboard.") and room_of(other) not in rooms_below(room)
    }
    assert not found


def test_the_second_computation_shares_no_arithmetic_with_the_first() -> None:
    assert set(imports(modules()["llm_core.proof.float64"])) == {"llm_core.config.model_config"}


def test_every_module_lies_in_a_room() -> None:
    rooms = {"llm_core": {*ENGINE, "__main__", "tokenizer"}, "dashboard": {*SHARED.split(), *FEATURES, "pages"}}
    assert not {name for name in modules() if "." in name and room_of(name) not in rooms[name.split(".")[0]]}


def test_the_servers_own_file_imports_the_server_alone() -> None:
    assert {room_of(other) for other in imports(ROOT / "app.py")} == {"server"}


def test_figures_import_no_streamlit() -> None:
    for name, file in modules().items():
        if name.startswith("dashboard.figures"):
            assert "streamlit" not in file.read_text(), name


def test_no_modules_import_each_other_in_a_circle() -> None:
    edges = {name: {other for other in imports(file) if other != name} for name, file in modules().items()}
    # the package's own module offers what lies in its rooms, and imports it when it is first used
    del edges["llm_core"]
    free: set[str] = {"llm_core"}
    while ready := {name for name, others in edges.items() if name not in free and others <= free}:
        free |= ready
    assert not sorted(set(edges) - free)


# ---- one name, one thing ---------------------------------------------------------------------------------------------


def public_names(file: Path) -> Iterator[str]:
    """The names that a module defines at its top level, those with an underscore left out."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def test_no_public_name_is_defined_in_two_modules() -> None:
    where = defaultdict(set)
    for module, file in modules().items():
        if room_of(module) != "pages":  # they are scripts: nobody imports them
            for name in public_names(file):
                where[name].add(module)
    assert not {name: found for name, found in where.items() if len(found) > 1}


# ---- the tests -------------------------------------------------------------------------------------------------------


def test_a_things_test_is_found_from_its_path() -> None:
    """The folders of the tests are the rooms; in `tests/browser` is what only a browser shows."""
    for package in ("llm_core", "dashboard"):
        for folder in (ROOT / "tests" / package).rglob("*"):
            if folder.is_dir() and folder.name != "__pycache__":
                assert (ROOT / folder.relative_to(ROOT / "tests")).is_dir(), folder


def test_what_tests_share_lies_in_no_test_file() -> None:
    for file in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not any(part.startswith("test_") for part in (node.module or "").split(".")), file
