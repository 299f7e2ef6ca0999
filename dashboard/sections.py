"""The stations' sections: each with all of its matrices as equations, in order of computation."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st

from dashboard import settings
from dashboard.depth import has_choice, look_of
from dashboard.equations import Equation, equations, groups
from dashboard.figures.alternative import in_words
from dashboard.figures.equation import equation as draw
from dashboard.figures.geometry import Part
from dashboard.figures.picture import Picture, percent
from dashboard.figures.sampling import StageBars, stage_bars
from dashboard.kept import Kept
from dashboard.pictures import Look
from dashboard.presenter import sized
from dashboard.redraw import guarded
from dashboard.sharing import sharing_sentence
from dashboard.state import run_of, step_index
from dashboard.vocabulary import whole_vocabulary
from llm_core import ModelConfig, Run, Step

SHOWN = 20
MOST_CHARTS = 12
TITLES = {
    "text": ("Text", "A tokenizer cuts the text into numbered pieces; the model sees the numbers, no letters."),
    "embedding": ("Embedding", "Each number picks its own row of a learned table."),
    "attention": ("Attention", "Each token asks all tokens before it, and mixes what they answer."),
    "feedforward": ("Feed-forward", "Each row alone passes through a small network."),
    "logits": ("Logits", "The last row alone gives a score to each token of the vocabulary."),
    "sample": ("Sample", "Scores become probabilities, and one token is drawn."),
}
DRAG = "Some cells stand for several: drag over them for the exact ones."
_CHART = {"displayModeBar": False}
DRAWN: Kept[list[tuple[Equation, go.Figure]]] = Kept(16, lambda rows: 1)
"""The latest 16 lists of equations, of all visitors, by all that they depend on: at most 2.5 MB each, all of one layer,
every picture pooled."""


def shows_all(config: ModelConfig) -> bool:
    """True where all sections have room on one page; of a deeper model it shows the chosen station's."""
    return len(groups(config, 0)) < MOST_CHARTS


def sections(step: Step, run: Run, look: Look, station: str | None) -> None:
    """The sections of one layer but the sampling's, whose figures depend on the dice: all, or the station's."""
    text = st.container(key="section-text") if station in (None, "text") else None
    if run.model.config.heads > 1:
        head_row("", station)  # also where no equation shows a head: another head asks for them
    if station not in ("text", "sample"):
        equation_sections(step, run, look, station)
    if text is not None:
        with text:  # last, above the others: tables need pandas, whose import must not keep the first matrices waiting
            heading("text")
            text_section(step)


def equation_sections(step: Step, run: Run, look: Look, station: str | None) -> None:
    """All equations of one layer, or the station's, each under the heading of its station."""
    rows = _drawn(step, run, look, station)
    for name, drawn in itertools.groupby(rows, lambda row: row[0].station):
        with st.container(key=f"section-{name}"):
            heading(name)
            for row, figure in drawn:
                if row.of_head and run.model.config.heads > 1:
                    head_row(row.key, station)
                else:
                    equation_row(row, figure, words_of(row, run.model.config, look))


@st.fragment(key="of-head")
@guarded
def head_row(key: str, station: str | None) -> None:
    """An equation that shows one head: another one is drawn here, while the equations around it stand still."""
    if not key:
        return
    chosen = settings.current()
    run = run_of(chosen)
    look = look_of(chosen, run.model.config)
    rows = _drawn(run.steps[step_index(chosen, run)], run, look, station)
    row, figure = next((row, figure) for row, figure in rows if row.key == key)
    equation_row(row, figure, words_of(row, run.model.config, look))


def _drawn(step: Step, run: Run, look: Look, station: str | None) -> list[tuple[Equation, go.Figure]]:
    key = run.model.fingerprint, tuple(run.ids[: step.positions.stop]), step.index, len(run.ids), look, station
    return DRAWN.get(key, lambda: drawn_equations(step, len(run.ids), look, station))


def words_of(row: Equation, config: ModelConfig, look: Look) -> str:
    """What is said of an equation besides its formulas: which head it shows, and how to see large matrices exactly."""
    words = head_in_words(row, config, look)
    return f"{words} {DRAG}".strip() if row.pooled and has_choice(config) else words


def head_in_words(row: Equation, config: ModelConfig, look: Look) -> str:
    """Which head an equation shows, and of keys and values who shares them."""
    axes = {entry.axes[0] for entry in row.entries}
    if config.heads == 1 or not axes & {"head", "kv_head"}:
        return ""
    return f"Head {look.head}. " + (sharing_sentence(config, look.head) if "kv_head" in axes else "")


def drawn_equations(step: Step, tokens: int, look: Look, station: str | None) -> list[tuple[Equation, go.Figure]]:
    """The equations of one step and their figures, of a run of so many tokens: a value, never changed."""
    return [
        (replace(row, parts=[], alternative=in_words(row.parts), pooled=is_pooled(row.parts)), draw(row.parts, tokens))
        for row in equations(step, look, station)
    ]


def is_pooled(parts: Sequence[Part]) -> bool:
    """True where a picture's cells stand for several of its matrix."""
    return any(isinstance(part, Picture) and part.tile != (1, 1) for part in parts)


def heading(station: str) -> None:
    """A section's title and what happens there."""
    title, meaning = TITLES[station]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"heading-{station}"):
        st.subheader(title, anchor=False, width="content")
        st.caption(meaning, width="content")


def equation_row(row: Equation, figure: go.Figure, words: str) -> None:
    """One equation: what it computes in words, then the figure."""
    lines = [f"**{e.title}** `{e.formula}` {e.meaning}" for e in row.entries]
    lines += [words] if words else []
    with st.container(key=f"equation-{row.key}", gap="xsmall"):
        st.markdown("  \n".join(lines))
        st.plotly_chart(
            sized(figure),
            width="content",
            key=f"chart-{row.key}",
            theme=None,
            config=_CHART,
            alt="; ".join(f"{e.title}: {e.formula}" for e in row.entries) + ". " + row.alternative,
        )


def text_section(step: Step) -> None:
    """The tokens that this step reads, as a table: canvas cells, so that a token is never read as markup."""
    tokenizer, ids = step.run.model.tokenizer, step.ids
    table = {
        "position": list(step.positions), "token": [tokenizer.label(i) for i in ids], "token id": ids,
        "bytes": [tokenizer.token_bytes(i).hex(" ").upper() for i in ids],
    }  # fmt: skip
    st.dataframe(table, hide_index=True, height=min(38 + 35 * len(ids), 318), key="tokens-table")


def sample_section(step: Step) -> None:
    """The sampler's stages side by side, then every token of the vocabulary."""
    heading("sample")
    sampled, stages = step.sampled, step.sampled.stages
    top = stages[0].probabilities.topk(SHOWN).indices.tolist()
    if sampled.id not in top:
        top.append(sampled.id)
    labels = [step.run.model.tokenizer.label(i) for i in top]
    titles = stage_titles(step)
    bars = [StageBars(titles[s.name], s.probabilities[top].tolist()) for s in stages]
    with st.container(key="equation-sample"):
        st.plotly_chart(sized(stage_bars(bars, labels, top.index(sampled.id))), width="content", key="chart-sample",
                        theme=None, config=_CHART, alt=stages_in_words(bars, labels))  # fmt: skip
    st.caption(f"The {SHOWN} most likely tokens by the model itself, and the sampled one, at each stage.")
    whole_vocabulary(step)


def stages_in_words(bars: list[StageBars], labels: list[str]) -> str:
    """The bars for those who cannot see them: at each stage the three likeliest tokens."""
    said = []
    for stage in bars:
        best = sorted(range(len(labels)), key=lambda i: -stage.probabilities[i])[:3]
        tokens = ", ".join(f"{labels[i]} {percent(stage.probabilities[i])}" for i in best)
        said.append(f"After {stage.title}: {tokens}.")
    return " ".join(said)


def stage_titles(step: Step) -> dict[str, str]:
    """Each stage in words, with its setting."""
    sampling = step.sampled.sampling
    off = "off"
    return {
        "softmax": "softmax",
        "temperature": "temperature " + (f"{sampling.temperature:g}" if sampling.temperature else "0, greedy"),
        "top_k": f"top-k {sampling.top_k or off}",
        "top_p": f"top-p {off if sampling.top_p == 1 else f'{sampling.top_p:g}'}",
    }
