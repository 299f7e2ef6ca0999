"""The stations' sections: each with all of its matrices as equations, in order of computation."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dashboard.browser.board import board
from dashboard.figures.alternative import equation_in_words
from dashboard.figures.equation import equation as draw
from dashboard.figures.geometry import EquationPart
from dashboard.figures.made import Made
from dashboard.figures.message import BoardPicture
from dashboard.figures.picture import Picture, percent
from dashboard.figures.sampling import StageBars, stage_bars
from dashboard.link.settings import Settings
from dashboard.matrices.equations import Equation, equations, groups, sampled_equation
from dashboard.matrices.look import has_choice, look_of
from dashboard.matrices.pictures import Look
from dashboard.matrices.shared_heads import sharing_sentence
from dashboard.matrices.vocabulary import whole_vocabulary
from dashboard.server.kept import Kept
from dashboard.server.on_screen import on_screen, stages_of
from dashboard.shell import glossary
from dashboard.shell.fragments import fragment
from dashboard.shell.pictures import draw_figure, on_board
from dashboard.shell.reads import OF_MODEL, derived
from llm_core import ModelConfig, Run, Step

SHOWN = 20
MOST_CHARTS = 12
READS = {"rows", "layer", "section", "skip_first", "pooling", "scale"}
"""What the equations of a layer depend on; those of one head, and that of the drawn token, on one thing more."""
SECTION_TITLES = {
    "text": (
        "Text",
        "A tokenizer cuts the text into tokens. The model reads their numbers, not their letters.",
    ),
    "embedding": ("Embedding", "Each token id picks its row of the embedding table."),
    "attention": (
        "Attention",
        "In attention, each token looks at itself and at the tokens before it, and mixes their values.",
    ),
    "feedforward": ("Feed-forward", "The feed-forward is a small network that works on each row separately."),
    "logits": ("Logits", "The last row alone gives each token of the vocabulary a number, its logit."),
    "sample": ("Sample", "The logits become probabilities, and one token is drawn."),
}
DRAG = "Some cells stand for several numbers. Drag over them to see every number."
REST = "All other matrices of this step, in order of computation"
_DRAWN: Kept[list[tuple[Equation, Made]]] = Kept(16, lambda rows: 1)
"""The latest 16 lists of equations, of all visitors, by all that they depend on: at most 2.5 MB each, all of one layer,
every picture pooled."""
SAMPLED: Kept[list[tuple[Equation, Made]]] = Kept(16, lambda rows: 1)
"""Likewise the latest 16 equations of logits: they depend on the drawn token besides."""


def shows_all(config: ModelConfig) -> bool:
    """True where all sections have room on one page; of a deeper model it shows the chosen station's."""
    return len(groups(config, 0)) < MOST_CHARTS


@derived("section", OF_MODEL | {"station"})
def _section(chosen: Settings, run: Run) -> str | None:
    """The only station whose matrices are on the page; None where all have room."""
    return None if shows_all(run.model.config) else chosen.station


def sections(step: Step, run: Run, look: Look, station: str | None) -> None:
    """The sections of one layer but the sampling's, whose figures depend on the dice: all, or the station's."""
    if station is None:  # beside the sections, so that it is read where it is seen: below the chosen station's
        with st.container(key="section-rest"):
            st.subheader(REST, anchor=False)
    text = st.container(key="section-text") if station in (None, "text") else None
    if station not in ("text", "sample"):
        equation_sections(step, run, look, station)
    if text is not None:
        with text:  # last, above the others: tables need pandas, whose import must not keep the first matrices waiting
            heading("text")
            token_table()


def equation_sections(step: Step, run: Run, look: Look, station: str | None) -> None:
    """All equations of one layer, or the station's, each under the heading of its station."""
    rows = [row for row, _ in _drawn(step, run, look, station)]
    texts = texts_of(rows, run.model.config, look)
    for name, group in itertools.groupby(rows, lambda row: row.station):
        own = list(group)
        with st.container(key=f"section-{name}"):
            heading(name, texts[f"section-{name}"])
            if any(row.of_sampled for row in own):
                equations_of_sampled(name, station)
            elif run.model.config.heads > 1 and any(row.of_head for row in own):
                equations_of_head(name, station)
            else:
                _draw_equations(name, station)


@fragment("of-head", reads=READS | {"head"})
def equations_of_head(name: str, station: str | None) -> None:
    """A section whose equations show one head: another one is drawn here, while the other sections stand still."""
    _draw_equations(name, station)


@fragment("of-sampled", reads=READS | {"drawn"})
def equations_of_sampled(name: str, station: str | None) -> None:
    """The section of the logits, with the column of the drawn token: other dice draw no other section again."""
    _draw_equations(name, station)


def _draw_equations(name: str, station: str | None) -> None:
    """The equations of one section, of those that the station shows: what each computes, and its figure."""
    chosen, run, step = on_screen()
    look = look_of(chosen, run.model.config)
    drawn = _drawn(step, run, look, station)
    texts = texts_of([row for row, _ in drawn], run.model.config, look)
    own = [(row, figure) for row, figure in drawn if row.station == name]
    own = [_with_sampled(step, run, look) if row.of_sampled else (row, figure) for row, figure in own]
    pictures = [_on_board(row, figure, texts[row.key], step) for row, figure in own]
    board(pictures, key=f"equations-{name}")


def _on_board(row: Equation, figure: Made, text: str, step: Step) -> BoardPicture:
    said = "; ".join(f"{e.title}: {e.formula}" for e in row.entries)
    return on_board(figure, key=f"chart-{row.key}", alt=f"{said}. {row.alternative}", step=step.index, text=text)


def _with_sampled(step: Step, run: Run, look: Look) -> tuple[Equation, Made]:
    """The equation of the logits, with the column of the token that was drawn."""
    ids, sampled = tuple(run.ids[: step.positions.stop]), step.sampled.id
    key = run.model.weights.version, ids, step.index, len(run.ids), look, sampled
    ((row, figure),) = SAMPLED.get(key, lambda: [_with_figure(sampled_equation(step, look), len(run.ids))])
    return row, figure


def _drawn(step: Step, run: Run, look: Look, station: str | None) -> list[tuple[Equation, Made]]:
    key = run.model.weights.version, tuple(run.ids[: step.positions.stop]), step.index, len(run.ids), look, station
    return _DRAWN.get(key, lambda: drawn_equations(step, len(run.ids), look, station))


def texts_of(rows: Sequence[Equation], config: ModelConfig, look: Look) -> dict[str, str]:
    """The Markdown above each equation, by its key, and each section's meaning: a technical word has its
    tip where it first stands in a section."""
    texts: dict[str, str] = {}
    for name, group in itertools.groupby(rows, lambda row: row.station):
        own = list(group)
        keys, lines = (
            [f"section-{name}", *(row.key for row in own)],
            [_lines(row, words_of(row, config, look)) for row in own],
        )
        texts |= dict(zip(keys, glossary.marked(SECTION_TITLES[name][1], *lines), strict=True))
    return texts


def _lines(row: Equation, words: str) -> str:
    lines = [f"**{e.title}** `{e.formula}` {e.meaning}" for e in row.entries]
    return "  \n".join([*lines, words] if words else lines)


def words_of(row: Equation, config: ModelConfig, look: Look) -> str:
    """What is said of an equation besides its formulas: which head it shows, and how to see large matrices exactly."""
    words = head_in_words(row, config, look)
    return f"{words} {DRAG}".strip() if row.pooled and has_choice(config) else words


def head_in_words(row: Equation, config: ModelConfig, look: Look) -> str:
    """Which head an equation shows, and of keys and values who shares them."""
    axes = {entry.axes[0] for entry in row.entries}
    if config.heads == 1 or not axes & {"head", "kv_head"}:
        return ""
    return f"This is head {look.head}. " + (sharing_sentence(config, look.head) if "kv_head" in axes else "")


def drawn_equations(step: Step, tokens: int, look: Look, station: str | None) -> list[tuple[Equation, Made]]:
    """The equations of one step and their figures, of a run of so many tokens: a value, never changed."""
    return [_with_figure(row, tokens) for row in equations(step, look, station)]


def _with_figure(row: Equation, tokens: int) -> tuple[Equation, Made]:
    said = replace(row, parts=[], alternative=equation_in_words(row.parts), pooled=is_pooled(row.parts))
    return said, draw(row.parts, tokens)


def is_pooled(parts: Sequence[EquationPart]) -> bool:
    """True where a picture's cells stand for several of its matrix."""
    return any(isinstance(part, Picture) and part.tile != (1, 1) for part in parts)


def heading(station: str, meaning: str = "") -> None:
    """A section's title and what happens there. meaning: Markdown with its words marked."""
    title = SECTION_TITLES[station][0]
    meaning = meaning or glossary.marked_one(SECTION_TITLES[station][1])
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"heading-{station}"):
        st.subheader(title, anchor=False, width="content")
        st.caption(meaning, width="content")


@fragment("token-table", reads={"read"})
def token_table() -> None:
    """The tokens that the step reads, as a table: canvas cells, so that a token is never read as markup."""
    _, _, step = on_screen()
    tokenizer, ids = step.run.model.tokenizer, step.ids
    table = {
        "position": list(step.positions),
        "token": [tokenizer.label(i) for i in ids],
        "token id": ids,
        "bytes": [tokenizer.token_bytes(i).hex(" ").upper() for i in ids],
    }
    st.dataframe(table, hide_index=True, height=min(38 + 35 * len(ids), 318), key="tokens-table")


def sample_section(step: Step) -> None:
    """The sampler's stages side by side, then every token of the vocabulary."""
    heading("sample")
    sampled, stages = step.sampled, stages_of(step)
    top = stages[0].probabilities.topk(SHOWN).indices.tolist()
    if sampled.id not in top:
        top.append(sampled.id)
    labels = [step.run.model.tokenizer.label(i) for i in top]
    bars = [StageBars(stage.title, stage.probabilities[top].tolist()) for stage in stages]
    with st.container(key="equation-sample"):
        figure = stage_bars(bars, labels, top.index(sampled.id))
        draw_figure(figure, key="chart-sample", alt=stages_in_words(bars, labels), step=step.index)
    said = (
        f"The bars show the {SHOWN} tokens that are most likely for the model, and the sampled token, after each "
        "stage. All bars share one scale."
    )
    st.caption(glossary.marked_one(" ".join([said, *filter(None, (stage.removal for stage in stages))])))
    whole_vocabulary(step)


def stages_in_words(bars: list[StageBars], labels: list[str]) -> str:
    """The bars for those who cannot see them: at each stage the three likeliest tokens."""
    said = []
    for stage in bars:
        best = sorted(range(len(labels)), key=lambda i: -stage.probabilities[i])[:3]
        tokens = ", ".join(f"{labels[i]} {percent(stage.probabilities[i])}" for i in best)
        said.append(f"After {stage.title}: {tokens}.")
    return " ".join(said)
