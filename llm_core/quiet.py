"""transformers draws progress bars on standard error; our own progress is told to whoever asked for the model."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Have transformers read a model without drawing."""
    from transformers import modeling_gguf_pytorch_utils as gguf
    from transformers.utils import logging

    bar, shown = vars(gguf)["tqdm"], logging.is_progress_bar_enabled()  # this module's bar heeds no setting
    vars(gguf)["tqdm"] = lambda items, **_: items
    logging.disable_progress_bar()
    try:
        yield
    finally:
        vars(gguf)["tqdm"] = bar
        if shown:
            logging.enable_progress_bar()
