"""A figure in larger type and with larger cells, for people who sit further away."""

import math
import re
from typing import Any

from dashboard.figures.made import Made


def enlarged(figure: Made, factor: float, most: int, digits: float = 0) -> Made:
    """The same figure, cells and letters larger by `factor`, or by as much as it needs to be `most` pixels wide.

    digits: pixels that the numbers in its cells have at least, however wide that makes it. All that lies in it is
    placed as a share of its width and height, so that it grows with them. A figure is never made smaller.
    """
    sizes = [trace["meta"]["numbers"]["size"] for trace in figure.traces if "numbers" in (trace.get("meta") or {})]
    factor = max(1.0, min(factor, most / figure.plain_layout["width"]), digits / min(sizes, default=math.inf))
    layout = _larger(figure.plain_layout, factor)
    for name in ("width", "height"):
        layout[name] = round(layout[name] * factor)
    layout["margin"] = {side: room * factor for side, room in layout["margin"].items()}
    return Made([_larger(trace, factor) for trace in figure.traces], layout)


def _larger(value: Any, factor: float) -> Any:
    """The letters, markers and ticks of some part of a figure, larger."""
    if isinstance(value, list):
        return [_larger(each, factor) for each in value] if value and isinstance(value[0], dict) else value
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, each in value.items():
        if name in ("size", "ticklen") and isinstance(each, int | float):
            found[name] = each * factor
        elif name == "text" and isinstance(each, str):
            found[name] = re.sub(r"font-size:(\d+)px", lambda m: f"font-size:{int(m[1]) * factor:.0f}px", each)
        elif name == "meta":
            found[name] = each | {"numbers": _larger(each["numbers"], factor)} if "numbers" in each else each
        else:
            found[name] = _larger(each, factor)
    return found
