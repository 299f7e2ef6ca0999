"""The scripts that the page loads: our ES modules and Plotly, each at an address that names its content.

A module's address is `scripts/DIGEST/NAME`, where NAME is its path within this folder. The digest is that of all
modules together: they import each other by relative paths, so each version of them has a folder of its own. Browsers
may keep what they find there for good, and an old module never imports a new one.

Addresses are relative to where the dashboard is served: a script makes a URL of one with `document.baseURI`, which is
right on every page, also below a path of the server's own.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

_FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^((?:import|export)\b[^;"()]*)"(\.\.?/[^"]+)"', re.MULTILINE)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _modules() -> dict[str, bytes]:
    """The text of each module by its name; tests of modules lie beside them and are not served."""
    found = sorted(file for file in _FOLDER.rglob("*.js") if not file.name.endswith((".test.js", ".min.js")))
    return {file.relative_to(_FOLDER).as_posix(): file.read_bytes() for file in found}


_MODULES = _modules()
_DIGEST = _digest(b"".join(name.encode() + b"\0" + text + b"\0" for name, text in _MODULES.items()))
_PLOTLY = (_FOLDER / "plotly" / "plotly-cartesian.min.js").read_bytes()

PLOTLY = f"scripts/{_digest(_PLOTLY)}/plotly.min.js"
"""The address of Plotly, which sets the global `Plotly`: its own build of all that has x and y, of the version that the
package `plotly` holds whole. A third of the whole, which browsers read and run before the first matrix is drawn."""


def module_address(name: str) -> str:
    """Where a module is served, as in `module_address("opener.js")`. Raises KeyError if there is no such module."""
    if name not in _MODULES:
        raise KeyError(f"dashboard/browser has no module {name!r}")
    return f"scripts/{_DIGEST}/{name}"


def with_names(name: str) -> tuple[str, list[str]]:
    """A module's text with the names of those that it imports in place of their paths, and these names."""
    needed: list[str] = []

    def named(match: re.Match[str]) -> str:
        path = (_FOLDER / name).parent / match[2]
        needed.append(str(PurePosixPath(path.resolve().relative_to(_FOLDER.resolve()))))
        return f'{match[1]}"{needed[-1]}"'

    return _IMPORT.sub(named, _MODULES[name].decode()), needed


def needed_for(name: str) -> list[str]:
    """A module and all that it imports, and what those import, by their names."""
    found, waiting = [], [name]
    while waiting:
        latest = waiting.pop(0)
        if latest not in found:
            found.append(latest)
            waiting += with_names(latest)[1]
    return found


def scripts() -> dict[str, bytes]:
    """All scripts by their addresses."""
    return {PLOTLY: _PLOTLY, **{module_address(name): text for name, text in _MODULES.items()}}
