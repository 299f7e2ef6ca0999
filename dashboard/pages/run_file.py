"""The page of a run from a file: its tokens, steps and matrices as they were saved. No model is loaded."""

import streamlit as st

from dashboard import take_away
from dashboard.components import Chip, pager, ribbon, timeline
from dashboard.components.next_token import Runner, next_token
from dashboard.figures.alternative import in_words
from dashboard.figures.equation import equation
from dashboard.figures.picture import number, percent
from dashboard.filed import opener
from dashboard.filed.pictures import picture_of, side_by_side
from dashboard.overview import RUNNERS, phases
from dashboard.redraw import guarded, refusal
from dashboard.sections import MOST_CHARTS
from llm_core import FiledRun
from llm_core.catalogue import Entry
from llm_core.filed_run import FiledStep

HEADLINE = "A run from a file."
MEANING = (
    "Shown from a file: nothing is computed here, and no model is loaded. “Take it with you” on the Inference page "
    "saves such a file."
)
PARTS = {"embedding": "Embedding", "attention": "Attention", "feedforward": "Feed-forward", "output": "Output"}
_NO_SIDEBAR = ("<i></i><style>[data-testid='stSidebar'], [data-testid='stExpandSidebarButton'] { display: none; }"
               "</style>")  # fmt: skip
"""The settings beside the other pages change nothing here."""


@guarded
def page() -> None:
    """Draw the opener, and below it the run that was opened."""
    take_away.close()
    st.html(_NO_SIDEBAR)
    with st.container(key="headline"):
        st.title(HEADLINE, anchor=False)
    st.caption(MEANING)
    run = opener.opened()
    with st.container(horizontal=True, gap="medium", key="filed-top"):
        if run is not None:
            facts(run)
        opener.opener()
    if opener.refused():
        refusal(opener.refused() or "")
    if run is None:
        return
    with st.container(key="frame"):
        left, right = st.columns([0.76, 0.24], gap="medium")
    with left:
        tokens()
    with right, st.container(key="rail"):
        rail()
    with left:
        matrices()
    pager()


def facts(run: FiledRun) -> None:
    """What was run and how, and the way to the same run with its model."""
    s = run.sampling
    settings = [f"temperature {s.temperature:g}", f"top-k {s.top_k or 'off'}",
                f"top-p {'off' if s.top_p == 1 else f'{s.top_p:g}'}", f"dice seed {s.seed}",
                f"{run.max_new_tokens} new tokens asked for"]  # fmt: skip
    dtype = "" if run.dtype in run.model_name else f" · {run.dtype}"
    seed = "" if run.seed is None else f" · weights seed {run.seed}"
    lines = [
        f"{run.model_name}{dtype}{seed} · fingerprint {run.fingerprint[:8]}",
        " · ".join(settings),
        "Saved with " + ", ".join(f"{name} {version}" for name, version in run.versions.items()),
    ]
    with st.container(key="filed-facts", gap="xsmall", width=640):
        st.text("\n".join(lines))
        _way_back(run)


def _way_back(run: FiledRun) -> None:
    wanted = opener.same_run(run)
    if wanted is None:
        st.text("This page cannot compute the same run: its model, text or settings have no name here.")
        return
    st.link_button("Open the same run with its model", opener.address(wanted, run.fingerprint),
                   icon=":material/open_in_new:")  # fmt: skip


# ---- the run --------------------------------------------------------------------------------------------------------


def step_of(run: FiledRun) -> FiledStep:
    return run.steps[min(st.session_state.get("filed-step", 0), len(run.steps) - 1)]


@st.fragment(key="filed-tokens")
@guarded
def tokens() -> None:
    run = opener.opened()
    assert run is not None
    step = step_of(run)
    chips = [Chip(i, label, i >= run.prompt_length, i < step.positions.stop) for i, label in enumerate(run.labels)]
    ribbon(chips, selected=st.session_state.get("filed-token", run.prompt_length - 1), key="ribbon-filed",
           on_choose=lambda position: st.session_state.update({"filed-token": position}))  # fmt: skip
    labels = [step.sampled.label for step in run.steps]
    timeline(phases(run.prompt_length, labels), chosen=step.index, key="timeline-filed", on_choose=_choose_step)


def _choose_step(index: int) -> None:
    st.session_state["filed-step"] = index
    st.rerun(["filed-tokens", "filed-rail", "filed-matrices"])


@st.fragment(key="filed-rail")
@guarded
def rail() -> None:
    """The sampled token and the likeliest others, as the file tells them."""
    run = opener.opened()
    assert run is not None
    step = step_of(run)
    sampled = step.sampled
    chance = f"{number(sampled.probability * run.config.vocab_size)} ×"
    known = [(percent(sampled.probability), "probability"), (chance, "chance"),
             (percent(sampled.drawn_probability), "drawn with")]  # fmt: skip
    others = [c for c in sampled.most_likely if c.id != sampled.id][:RUNNERS]
    most = max([c.probability for c in sampled.most_likely], default=1) or 1
    runners = [Runner(c.label, percent(c.probability), c.probability / most) for c in others]
    next_token(sampled.label, known, runners, after=run.labels[step.positions[-1]], key="filed-card")


@st.fragment(key="filed-matrices")
@guarded
def matrices() -> None:
    """The saved matrices of the step: of one layer, and where they are many, of one part."""
    run = opener.opened()
    assert run is not None
    step = step_of(run)
    if not step.names:
        st.text("This file has the run's tokens and settings, and no matrices.")
        return
    layer, head = _selectors(run, step)
    entries = [run.entries[name] for name in step.names if run.entries[name].layer in (None, layer)]
    by_part = {part: [e for e in entries if e.part == part] for part in PARTS}
    figures = {part: side_by_side([picture_of(step, e.name, head) for e in found])
               for part, found in by_part.items() if found}  # fmt: skip
    if sum(map(len, figures.values())) > MOST_CHARTS:
        part = st.segmented_control("Part", list(figures), format_func=PARTS.get, default=next(iter(figures)),
                                    required=True, key="filed-part", label_visibility="collapsed")  # fmt: skip
        figures = {part: figures[part][:MOST_CHARTS]}
    for part, rows in figures.items():
        with st.container(key=f"section-filed-{part}"):
            st.subheader(PARTS[part], anchor=False)
            for row in rows:
                _figure([run.entries[picture.name] for picture in row], row, run)


def _selectors(run: FiledRun, step: FiledStep) -> tuple[int | None, int]:
    """The layer, of those that have saved matrices, and the head."""
    layers = sorted({e.layer for e in map(run.entries.get, step.names) if e is not None and e.layer is not None})
    layer, head = (layers[0] if layers else None), 0
    with st.container(horizontal=True, gap="medium", key="filed-choice"):
        if len(layers) > 1:
            layer = st.select_slider("Layer", layers, key="filed-layer", width=320)
        if run.config.heads > 1 and layers:
            head = st.slider("Head", 0, run.config.heads - 1, key="filed-head", width=320)
    return layer, head


def _figure(entries: list[Entry], row: list, run: FiledRun) -> None:
    with st.container(key=f"equation-filed-{entries[0].name.replace('.', '-')}", gap="xsmall"):
        st.markdown("  \n".join(f"**{e.title}** `{e.formula}` {e.meaning}" for e in entries))
        st.plotly_chart(equation(row, len(run.ids)), width="content", key=f"chart-filed-{entries[0].name}", theme=None,
                        config={"displayModeBar": False},
                        alt="; ".join(f"{e.title}: {e.formula}" for e in entries) + ". " + in_words(row))  # fmt: skip


page()
