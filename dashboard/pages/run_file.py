"""The page of a run from a file: its tokens, steps and matrices as they were saved. No model is loaded."""

import streamlit as st

from dashboard.browser import Chip, pager, ribbon, timeline
from dashboard.browser.board import board
from dashboard.browser.next_token import DRAWN, SAME_CHANCE, Runner, choice_in_words, next_token
from dashboard.browser.ribbon import bytes_remark
from dashboard.figures.alternative import equation_in_words
from dashboard.figures.equation import equation
from dashboard.figures.message import BoardPicture
from dashboard.figures.picture import Picture, number, percent
from dashboard.matrices.sections import MOST_CHARTS
from dashboard.overview.overview import RUNNERS, phases
from dashboard.run_file import opener, words
from dashboard.run_file.pictures import picture_of, side_by_side
from dashboard.server import rude_words
from dashboard.shell.dialogs import close_dialog
from dashboard.shell.fragments import change, fragment, guarded, refusal
from dashboard.shell.glossary import marked
from dashboard.shell.pictures import on_board
from dashboard.shell.workarounds import style_that_leaves
from llm_core import FiledRun
from llm_core.catalogue.entry import Entry
from llm_core.files.opened_run import FiledStep
from llm_core.support.plain_words import counted

PARTS = {"embedding": "Embedding", "attention": "Attention", "feedforward": "Feed-forward", "output": "Output"}
_NO_SIDEBAR = "[data-testid='stSidebar'], [data-testid='stExpandSidebarButton'] { display: none; }"
"""The settings beside the other pages change nothing here."""


@guarded
def page() -> None:
    """Draw the opener, and below it the run that was opened."""
    close_dialog()
    style_that_leaves(_NO_SIDEBAR)
    with st.container(key="headline"):
        st.title(words.FILE_HEADLINE, anchor=False)
    st.caption(words.FILE_MEANING)
    run = opener.opened_run()
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
    settings = [
        *run.sampling.stages_in_words,
        f"dice seed {run.sampling.seed}",
        counted(run.max_new_tokens, "new token"),
    ]
    dtype = "" if run.dtype in run.model_name else f" · {run.dtype}"
    seed = "" if run.seed is None else f" · weights seed {run.seed}"
    lines = [
        f"{run.model_name}{dtype}{seed} · fingerprint {run.weights_version[:8]}",
        " · ".join(settings),
        words.SAVED_WITH.format(versions=", ".join(f"{name} {version}" for name, version in run.versions.items())),
    ]
    with st.container(key="filed-facts", gap="xsmall", width=640):
        st.text("\n".join(lines))
        _way_back(run)


def _way_back(run: FiledRun) -> None:
    wanted = opener.same_run(run)
    if wanted is None:
        st.text(words.NO_SAME_RUN)
        return
    st.link_button(
        words.SAME_RUN_WITH_MODEL, opener.address(wanted, run.weights_version), icon=":material/open_in_new:"
    )


# ---- the run --------------------------------------------------------------------------------------------------------


def step_of(run: FiledRun) -> FiledStep:
    return run.steps[min(st.session_state.get("filed-step", 0), len(run.steps) - 1)]


@fragment("filed-tokens", reads={"filed-step", "filed-token"})
def tokens() -> None:
    run = opener.opened_run()
    assert run is not None
    step = step_of(run)
    chips = [Chip(i, label, i >= run.prompt_length, i < step.positions.stop) for i, label in enumerate(run.labels)]
    ribbon(
        chips,
        selected=st.session_state.get("filed-token", run.prompt_length - 1),
        key="ribbon-filed",
        on_choose=lambda position: change({"filed-token": position}),
    )
    labels = [step.sampled.label for step in run.steps]
    timeline(phases(run.prompt_length, labels), chosen=step.index, key="timeline-filed", on_choose=_choose_step)
    likely = [c.label for c in step.sampled.most_likely[:RUNNERS]]
    masked = "" if run.seed is None else rude_words.remark_on([*run.labels, *likely, *run.named.values()])
    if remark := " ".join(filter(None, (masked, bytes_remark(run.labels)))):
        st.caption(remark)


def _choose_step(index: int) -> None:
    change({"filed-step": index})


@fragment("filed-rail", reads={"filed-step"})
def rail() -> None:
    """The sampled token and the likeliest ones, as the file tells them."""
    run = opener.opened_run()
    assert run is not None
    step = step_of(run)
    sampled = step.sampled
    times = f"{number(sampled.probability * run.config.vocab_size)} ×"
    known = [
        (percent(sampled.probability), "probability"),
        (times, SAME_CHANCE),
        (percent(sampled.drawn_probability), DRAWN),
    ]
    best = max(sampled.most_likely, key=lambda c: c.probability, default=None)
    most = (best.probability if best else 1) or 1
    runners = [Runner(c.label, percent(c.probability), c.probability / most) for c in sampled.most_likely[:RUNNERS]]
    is_likeliest = best is None or sampled.probability >= best.probability
    choice = choice_in_words(best.label if best else "", is_likeliest, greedy=run.sampling.greedy)
    after = run.labels[step.positions[-1]]
    next_token(sampled.label, known, runners, choice=choice, after=after, key="filed-card")


@fragment("filed-matrices", reads={"filed-step"})
def matrices() -> None:
    """The saved matrices of the step: of one layer, and where they are many, of one part."""
    run = opener.opened_run()
    assert run is not None
    step = step_of(run)
    if not step.names:
        st.text(words.NO_MATRICES)
        return
    layer, head = _selectors(run, step)
    entries = [run.entries[name] for name in step.names if run.entries[name].layer in (None, layer)]
    by_part = {part: [e for e in entries if e.part == part] for part in PARTS}
    figures = {
        part: side_by_side([picture_of(step, e.name, head) for e in found]) for part, found in by_part.items() if found
    }
    if sum(map(len, figures.values())) > MOST_CHARTS:
        part = st.segmented_control(
            "Part",
            list(figures),
            format_func=PARTS.__getitem__,
            default=next(iter(figures)),
            required=True,
            key="filed-part",
            label_visibility="collapsed",
        )
        figures = {part: figures[part][:MOST_CHARTS]}
    for part, rows in figures.items():
        with st.container(key=f"section-filed-{part}"):
            st.subheader(PARTS[part], anchor=False)
            found = [[run.entries[picture.name] for picture in row] for row in rows]
            texts = ("  \n".join(f"**{e.title}** `{e.formula}` {e.meaning}" for e in each) for each in found)
            equations = zip(found, rows, marked(*texts), strict=True)
            pictures = [_picture(each, row, run, text, step.index) for each, row, text in equations]
            board(pictures, key=f"equations-filed-{part}")


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


def _picture(entries: list[Entry], row: list[Picture], run: FiledRun, text: str, step: int) -> BoardPicture:
    said = "; ".join(f"{e.title}: {e.formula}" for e in entries)
    alt = f"{said}. {equation_in_words(row)}"
    return on_board(equation(row, len(run.ids)), key=f"chart-filed-{entries[0].name}", alt=alt, step=step, text=text)


page()
