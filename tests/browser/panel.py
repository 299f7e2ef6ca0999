"""The cell explainer in a browser: its panel, a click on a cell, and the cells that are outlined."""

import pytest
from playwright.sync_api import Locator, expect

from .visit import Visit, eventually


class Panel:
    """The explanation below the matrices."""

    def __init__(self, visit: Visit) -> None:
        self.visit, self.page = visit, visit.page
        self.root = visit.main.get_by_role("region", name="How this number was computed")
        self.heading = self.root.get_by_role("heading", level=2)
        self.value = self.root.locator("output")
        self.crumbs = self.root.get_by_role("navigation").get_by_role("listitem")
        self.back = self.root.get_by_role("button", name="Back")
        self.remark = self.root.locator(".remark")
        self.rows = self.root.get_by_role("row")
        self.operands = self.root.get_by_role("button", name="Explain it")

    def expect_cell(self, title: str, value: float | None = None) -> None:
        expect(self.heading).to_contain_text(title)
        if value is not None:
            eventually(lambda: self._shows(value))

    def _shows(self, value: float) -> None:
        assert float(self.value.inner_text().replace("−", "-")) == pytest.approx(value, rel=1e-5, abs=1e-7)

    def field(self, name: str) -> Locator:
        return self.root.get_by_label(name, exact=True)


def place(visit: Visit, matrix: str, row: int, column: int) -> tuple[float, float]:
    """Where a cell of the first picture of this matrix lies on the screen, after scrolling to it."""
    return tuple(visit.page.evaluate(_PLACE, [matrix, row, column]))


def click(visit: Visit, matrix: str, row: int, column: int) -> None:
    place(visit, matrix, row, column)
    visit.page.wait_for_timeout(100)  # until the page has scrolled
    x, y = place(visit, matrix, row, column)
    visit.page.mouse.move(x, y)
    visit.page.mouse.click(x, y)


def outlined(visit: Visit, kind: str) -> set[str]:
    """The matrices in which cells are outlined: the explained one, or those that it was made from."""
    return set(visit.page.evaluate(_OUTLINED, kind))


_FIND = """const find = (name) => {
    for (const figure of document.querySelectorAll(".js-plotly-plot:not([data-retained] *)")) {
      for (const trace of figure._fullData ?? []) {
        const { origin, matrix } = trace.meta ?? {};
        if (!origin) continue;
        const own = origin.matrix ? `${origin.matrix} ${origin.head}` : matrix;
        if (own === name || origin.matrices?.includes(name)) return [figure, trace];
      }
    }
  };
  const axis = (figure, id, letter) => figure._fullLayout[letter + "axis" + (id || letter).slice(1)];"""

_PLACE = f"""([name, row, column]) => {{
  {_FIND}
  const [figure, trace] = find(name);
  const [x, y] = [axis(figure, trace.xaxis, "x"), axis(figure, trace.yaxis, "y")];
  const here = () => {{
    const {{ left, top }} = figure.getBoundingClientRect();
    return [left + x._offset + x.c2p(column), top + y._offset + y.c2p(row)];
  }};
  const above = here()[1] - 300; // the panel may cover the lower half
  document.querySelector(".stMain").scrollBy({{ top: above, behavior: "instant" }});
  return here();
}}"""

_OUTLINED = f"""(kind) => {{
  {_FIND}
  const names = [];
  for (const outline of document.querySelectorAll(`.cell-outline[data-kind=${{kind}}]`)) {{
    const figure = outline.closest(".js-plotly-plot");
    const home = figure.getBoundingClientRect();
    const box = outline.getBoundingClientRect();
    const [x, y] = [(box.left + box.right) / 2 - home.left, (box.top + box.bottom) / 2 - home.top];
    const holds = (axis, at) => axis._offset <= at && at <= axis._offset + axis._length;
    const trace = figure._fullData.find((trace) => trace.meta?.origin &&
      holds(axis(figure, trace.xaxis, "x"), x) && holds(axis(figure, trace.yaxis, "y"), y));
    names.push(trace?.meta.matrix ?? "?");
  }}
  return names;
}}"""
