"""`python -m benchmarks` measures every part and prints one table; `python -m benchmarks engine` measures one part.

A part is a module of this package with a function `rows() -> Iterator[Row]`; its docstring's first line is its title.
"""

import importlib
import pkgutil
import sys
from types import ModuleType

import benchmarks
from benchmarks import measure

NO_PARTS = ("__main__", "measure", "screenshot")


def parts() -> list[str]:
    """The names of all parts."""
    found = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name not in NO_PARTS]
    return [name for name in found if hasattr(load(name), "rows")]


def load(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.{name}")


def main(names: list[str]) -> int:
    unknown = set(names) - set(parts())
    if unknown:
        print(f"there is no part {', '.join(sorted(unknown))}; there are: {', '.join(parts())}", file=sys.stderr)
        return 2
    print(f"Measured on {measure.machine()}.\n\n{measure.HEADER}", flush=True)
    for name in names or parts():
        print(measure.Row(f"**{(load(name).__doc__ or name).splitlines()[0]}**", "", ""), flush=True)
        for row in load(name).rows():
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
