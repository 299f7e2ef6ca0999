"""What a part of the page may read besides the settings: values that follow from them, each declared once.

A change of a setting need not change what follows from it: other dice leave the rows of the prefill as they are, and
may draw the same token.
"""

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass

from dashboard.link.settings import SETTINGS, Settings
from dashboard.server.computed import run_of
from dashboard.server.on_screen import step_index
from llm_core import Run

EVERY_SETTING = frozenset(SETTINGS)
OF_RUN = frozenset(name for name, known in SETTINGS.items() if known.of == "run")
OF_MODEL = frozenset({"model", "shape"})  # its architecture
Compute = Callable[[Settings, Run], Hashable]


@dataclass(frozen=True)
class Derived:
    """A value that follows from these settings (`of`) and from their run."""

    of: frozenset[str]
    compute: Compute


DERIVED_VALUES: dict[str, Derived] = {}
"""All of them by name. What only a feature can say of itself is added where that feature is."""
_HAS: dict[str, Callable[[Settings, Run], bool]] = {
    "step": lambda chosen, run: chosen.step < len(run.steps),
    "token": lambda chosen, run: chosen.token is None or chosen.token < len(run.ids),
    "layer": lambda chosen, run: chosen.layer < run.model.config.layers,
    "head": lambda chosen, run: chosen.head < run.model.config.heads,
}
"""Of settings of the view: whether a run has what they look at."""


def derived(name: str, of: Collection[str]) -> Callable[[Compute], Compute]:
    """Declare a value that parts of the page may read by this name. of: the settings that it follows from."""

    def declare(compute: Compute) -> Compute:
        DERIVED_VALUES[name] = Derived(frozenset(of), compute)
        return compute

    return declare


def looks_at(name: str) -> Callable[[Callable[[Settings, Run], bool]], Callable[[Settings, Run], bool]]:
    """Declare how one sees whether a run has what this setting of the view looks at: where it has not, the page refuses
    the setting."""

    def declare(has: Callable[[Settings, Run], bool]) -> Callable[[Settings, Run], bool]:
        _HAS[name] = has
        return has

    return declare


def differing(before: Settings, after: Settings) -> set[str]:
    """The settings that are not the same."""
    return {name for name in EVERY_SETTING if getattr(before, name) != getattr(after, name)}


def following(before: Settings, after: Settings) -> set[str]:
    """The derived values that are not the same. Raises ValueError where one is needed of settings that make no run."""
    names = differing(before, after)
    needed = {name: each for name, each in DERIVED_VALUES.items() if each.of & names}
    if not needed:
        return set()
    first, second = run_of(before), run_of(after)
    return {name for name, each in needed.items() if each.compute(before, first) != each.compute(after, second)}


@derived("tokens", OF_RUN)
def _tokens(chosen: Settings, run: Run) -> Hashable:
    """All tokens of the run, and how many of them the visitor has typed."""
    return run.model.weights.version, tuple(run.ids), len(run.prompt_ids)


@derived("lacked", OF_RUN)
def _lacked(chosen: Settings, run: Run) -> Hashable:
    """The settings of the view that look at something that the run does not have."""
    return tuple(name for name, has in _HAS.items() if not has(chosen, run))


@derived("rows", OF_RUN | {"step"})
def _rows(chosen: Settings, run: Run) -> Hashable:
    """All that the matrices of the step on screen depend on. How many tokens the run has sets the size of cells."""
    index = step_index(chosen, run)
    return run.model.weights.version, index, tuple(run.ids[: run.steps[index].positions.stop]), len(run.ids)


@derived("read", OF_RUN | {"step"})
def _read(chosen: Settings, run: Run) -> Hashable:
    """The tokens that the step on screen reads, and where."""
    step = run.steps[step_index(chosen, run)]
    return tuple(step.ids), step.positions


@derived("sampled", OF_RUN | {"step"})
def _sampled(chosen: Settings, run: Run) -> Hashable:
    """What the sampler did with the logits of the step on screen."""
    return tuple(chosen.stage_values.values()), _drawn(chosen, run)


@derived("drawn", OF_RUN | {"step"})
def _drawn(chosen: Settings, run: Run) -> Hashable:
    """The id of the token that was drawn after the step on screen."""
    return run.steps[step_index(chosen, run)].sampled.id
