"""transformers draws progress bars on standard error; our own progress is told to whoever asked for the model."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def no_progress_bars(report: Callable[[float], None] = lambda share: None) -> Iterator[None]:
    """Have transformers read a model without drawing. report: called with the share of a GGUF file that is read."""
    from transformers import modeling_gguf_pytorch_utils as gguf
    from transformers.utils import logging

    bar, shown = vars(gguf)["tqdm"], logging.is_progress_bar_enabled()  # this module's bar heeds no setting
    vars(gguf)["tqdm"] = lambda items, **_: _counted(items, report)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        vars(gguf)["tqdm"] = bar
        if shown:
            logging.enable_progress_bar()


def _counted(items: Sequence[Any], report: Callable[[float], None]) -> Iterator[Any]:
    for done, item in enumerate(items):
        report(done / len(items))
        yield item
