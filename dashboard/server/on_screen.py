"""What a visitor looks at: the settings, their run, its step, and the token that is outlined."""

from dashboard.link.settings import Settings
from dashboard.link.visit import current
from dashboard.server.computed import run_of
from dashboard.server.kept import Kept
from llm_core import Run, Step
from llm_core.runs.sampling import Stage

_STAGES: Kept[list[Stage]] = Kept(128 * 2**20, lambda found: sum(stage.probabilities.nbytes for stage in found))
"""Of the latest samples, of all visitors: about 3 MB each for GPT-2's vocabulary."""


def step_index(settings: Settings, run: Run) -> int:
    """The step that is looked at; the last one where the run has fewer."""
    return min(settings.step, len(run.steps) - 1)


def on_screen() -> tuple[Settings, Run, Step]:
    """The visitor's settings, their run, and the step of it that is looked at. Raises ValueError as `run_of` does."""
    chosen = current()
    run = run_of(chosen)
    return chosen, run, run.steps[step_index(chosen, run)]


def stages_of(step: Step) -> list[Stage]:
    """The distributions of a step's sampling: several parts of a page look at them, so never change them."""
    run = step.run
    ids, stages = tuple(run.ids[: step.positions.stop]), tuple(run.sampling.stage_values.values())
    key = run.model.weights.version, ids, step.index, stages
    return _STAGES.get(key, lambda: step.sampled.stages)


def token_position(settings: Settings, run: Run) -> int:
    """The chosen position; by default, and where the run has no such position, the last one that the step reads.

    In prefill that is the prompt's last token, in decode the only one: the row that predicts is outlined.
    """
    last = run.steps[step_index(settings, run)].positions[-1]
    return last if settings.token is None or settings.token >= len(run.ids) else settings.token
