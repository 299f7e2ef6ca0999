"""What keeps people out, as axe finds it on a page."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe

from .visit import Visit


def serious(visit: Visit) -> list[dict[str, Any]]:
    """The violations that keep people out, each with the elements concerned."""
    found = Axe().run(visit.page).response["violations"]
    return [
        {"rule": v["id"], "help": v["help"], "where": [(n["target"], n["html"][:200]) for n in v["nodes"][:5]]}
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
