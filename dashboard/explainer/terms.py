"""The terms of an explained cell as the rows of a table, with links; and what of them is outlined on the page."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch

from dashboard.browser.cells import CellMark
from dashboard.browser.explainer import LinkedOperand, Strip, TermRow, TermTable
from dashboard.explainer.words import brief, cell_place, full, matrix_title, symbol
from dashboard.figures.picture import axis_word
from dashboard.link.trail import Address, address_of, drawn_from
from llm_core import Step, Term, contributions
from llm_core.explanation.cells import TOKEN_IDS, Operand
from llm_core.explanation.explanation import Explanation
from llm_core.explanation.operations import Terms

FIRST_TERMS, TERMS_PER_PAGE = 24, 256  # terms that are listed at first, and on each of the pages that have all of them
BARS = 480  # of a strip of all terms; where there are more terms each is the largest of several


def term_rows(
    on_screen: Step,
    terms: Sequence[Term],
    by_size: bool,
    shown: range,
    sign: str = "",
    own: int | None = None,
    word: str = "terms",
) -> TermTable:
    """Some of the terms as rows, and of the others how many there are and their sum; what they are is not said yet.

    shown: which places of the order; beyond the last one there is nothing.

    by_size: the largest magnitudes first, else in order. own: the term that stands where the cell does; it is always
    among the rows, and so are a bias, a scale and a shift. word: what the terms are called.
    """
    values = terms.values if isinstance(terms, Terms) else torch.tensor([t.value for t in terms], dtype=torch.float64)
    aside = _aside(terms)
    chosen = _chosen(values, by_size, shown, [*aside, *([] if own is None else [own])])
    finite = values[values.isfinite()].abs()
    largest = float(finite.max()) if len(finite) else 0.0
    rows = [_row(on_screen, terms[i], sign, i == own, largest, i in aside) for i in chosen]
    rest = len(values) - len(chosen)
    others = float(values.sum() - values[torch.tensor(chosen, dtype=torch.long)].sum()) if rest else 0.0
    return TermTable(
        heading="",
        rows=rows,
        count=len(values),
        rest=rest,
        others=brief(others),
        signed=bool((values < 0).any()),
        strip=_strip(values, own, word) if rest else None,
    )


def _aside(terms: Sequence[Term]) -> list[int]:
    """The last terms of a list that are of another matrix than the first ones: a bias, a norm's scale and shift."""
    if len(terms) < 4 or not terms[0].operands:
        return []
    first, second = (term.operands[0][-2] for term in terms[:2])
    ends = range(len(terms) - 2, len(terms)) if first == second else range(0)
    return [i for i in ends if terms[i].operands[0][-2] != first]


def _chosen(values: torch.Tensor, by_size: bool, shown: range, always: list[int]) -> list[int]:
    """Which terms are listed, in the order in which they are."""
    part = slice(shown.start, shown.stop)
    if by_size:
        order = values.abs().nan_to_num(torch.inf).argsort(descending=True, stable=True)[part].tolist()
    else:
        order = list(range(len(values)))[part]
    missing = [i for i in always if i not in order]
    return [*missing, *order] if by_size else [*order, *missing]


def pages_of(count: int) -> int:
    """On how many pages all of so many terms are listed; none where they are at first."""
    return math.ceil(count / TERMS_PER_PAGE) if count > FIRST_TERMS else 0


def shown_on(page: int | None, count: int) -> range:
    """Which places of the order a page lists; None: those that are listed at first."""
    return (
        range(min(FIRST_TERMS, count))
        if page is None
        else range(page * TERMS_PER_PAGE, min((page + 1) * TERMS_PER_PAGE, count))
    )


def _row(on_screen: Step, term: Term, sign: str, own: bool, largest: float, aside: bool) -> TermRow:
    known = list(term.inputs) + [None] * (len(term.operands) - len(term.inputs))
    inputs = [_operand(on_screen, link, value) for link, value in zip(term.operands, known, strict=True)]
    share = term.value / largest if largest and math.isfinite(term.value) else 0.0
    factor = brief(term.factor) if term.factor != 1 else ""
    return TermRow(
        label=_in_words(term.label),
        inputs=inputs,
        factor=factor,
        sign=sign,
        value=brief(term.value),
        full=full(term.value),
        share=round(share, 4),
        own=own,
        aside=aside,
    )


def _in_words(label: str) -> str:
    """A term's label with the page's words for its axes: "head 1, head_dim 0" is "head 1, head feature 0"."""
    parts = (part.partition(" ") for part in label.split(", "))
    return ", ".join(f"{axis_word(first)}{gap}{rest}" for first, gap, rest in parts)


def _operand(on_screen: Step, link: Operand, value: float | None) -> LinkedOperand:
    address = address_of(link, on_screen)
    step = link[0] if len(link) == 3 else on_screen
    number = "" if value is None else f"{value:.0f}" if address.name == TOKEN_IDS else brief(value)
    title = f"{matrix_title(step, address.name)}, {cell_place(step, address)}"
    return LinkedOperand(symbol(step, address.name), number, str(address), title)


def _strip(values: torch.Tensor, own: int | None, word: str = "terms") -> Strip:
    """All terms in order as thin bars: shares of the largest, and which bar the cell's own is in. word: what they are
    called."""
    each = math.ceil(len(values) / BARS)
    padded = torch.nn.functional.pad(values.nan_to_num(0, 0, 0), (0, -len(values) % each)).unflatten(0, (-1, each))
    bars = padded.gather(1, padded.abs().argmax(1, keepdim=True))[:, 0]
    largest = float(bars.abs().max()) or 1.0
    said = f"Each bar is one of the {len(values):,} {word}, in order."
    if each > 1:
        said = f"Each bar stands for {each} neighbouring {word} and shows the largest of them."
    return Strip(
        bars=[round(b, 3) for b in (bars / largest).tolist()],
        own=None if own is None else own // each,
        signed=bool((values < 0).any()),
        said=said,
    )


def own_term(told: Explanation) -> int | None:
    """Which term stands where the cell itself does, where the operation reads a whole row."""
    return told.index[-1] if told.operation in ("softmax", "norm") else None


_HEADINGS = {
    "sum": "Terms",
    "softmax": "Exponentials of the row",
    "norm": "The row before the norm, and its scale",
    "rotate": "The rotated pair",
    "activate": "Inputs",
    "lookup": "Copied from",
    "mask": "Score before the mask",
}
_TOTALS = {"sum": "sum", "softmax": "total", "rotate": "sum"}


def main_terms(on_screen: Step, step: Step, told: Explanation, by_size: bool, page: int | None) -> TermTable | None:
    """The cell's own terms, with what the operation makes of them all; None where the way back ends."""
    if told.operation == "given":
        return _drawn(on_screen, told)
    if not told.terms:
        return None
    operands = told.terms[0].operands
    product = len(operands) == 2 and operands[1][-2] != TOKEN_IDS
    count = len(told.terms)
    word = "tokens" if told.operation == "softmax" else "terms"
    sign, shown = "×" if product else "", shown_on(page, count)
    terms = term_rows(on_screen, told.terms, by_size, shown, sign, own_term(told), word)
    total = _TOTALS.get(told.operation, "") if len(told.terms) > 1 else ""
    copied = told.operation == "lookup" and operands and len(operands[0]) == 2
    return replace(
        terms,
        heading=_HEADINGS[told.operation],
        strip=_table_row(step, *operands[0]) if copied else terms.strip,
        total=total,
        sum=brief(_total(told.terms)),
        page=page,
        pages=pages_of(count),
    )


def _drawn(on_screen: Step, told: Explanation) -> TermTable | None:
    """Where a sampled token came from: its probability in the step that drew it."""
    link = drawn_from(on_screen.run, int(told.numbers["position"]))
    if link is None:
        return None
    step, name, index = link
    probability = float(step.matrix(name).values[index])
    drawn = [Term("probability of this token", probability, [link], inputs=(probability,))]
    return replace(term_rows(on_screen, drawn, False, range(1)), heading=f"Sampled in step {step.index}")


def _total(terms: Sequence[Term]) -> float:
    return float(terms.values.sum()) if isinstance(terms, Terms) else math.fsum(t.value for t in terms)


def _table_row(step: Step, name: str, index: tuple[int, ...]) -> Strip:
    """The row of a table that a cell was copied from."""
    row = step.run.model.get_parameter(name).detach()[index[0]].double()
    return replace(_strip(row, index[1]), signed=True, said=f"all {len(row):,} numbers of row {index[0]:,}")


def layer_by_layer(on_screen: Step, told: Explanation, step: Step) -> TermTable | None:
    """Of a residual: what each part of each layer so far has added, where that is more than its operands."""
    if told.entry is None or told.entry.operation != "add":
        return None
    parts = contributions(step, told.name, told.index)
    if len(parts) <= len(told.terms):
        return None
    since = (
        "What each part of each layer has added so far"
        if parts[0].operands[0][-2].endswith("embedding")
        else ("What was added since the last norm")
    )
    rows = term_rows(on_screen, parts, False, range(len(parts)))
    return replace(rows, heading=since, total="sum", sum=brief(_total(parts)))


# ---- what is outlined -----------------------------------------------------------------------------------------------


def marks(on_screen: Step, told: Explanation, address: Address) -> list[CellMark]:
    """The explained cell, and the rows and columns that it was made from, where their matrices may be on screen."""
    found: dict[tuple[Literal["cell", "operand"], str], list[tuple[int, ...]]]
    found = {} if address.step is not None or told.entry is None else {("cell", told.name): [told.index]}
    ends = [*told.terms[:3], *told.terms[max(3, len(told.terms) - 3) :]]  # between them lie all others
    for term in ends:
        for link in term.operands:
            target = address_of(link, on_screen)
            if target.step is None and target.name != TOKEN_IDS:
                found.setdefault(("operand", target.name), []).append(target.index)
    return [_box(kind, name, indexes) for (kind, name), indexes in found.items()]


def _box(kind: Literal["cell", "operand"], name: str, indexes: list[tuple[int, ...]]) -> CellMark:
    """From the lowest to the highest of some indexes along each axis."""
    *before, columns = ((min(along), max(along) + 1) for along in zip(*indexes, strict=True))
    *heads, rows = before or [(0, 1)]
    return CellMark(kind, name, heads[0] if heads else None, rows, columns)
