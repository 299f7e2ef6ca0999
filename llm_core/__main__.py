"""python -m llm_core, and the command every-matrix: the console as a process (see text/command.py)."""

import os
import signal
import sys


def run() -> int:
    """Run the console. While torch is imported, for seconds, Ctrl-C has nothing to tidy up and nothing to tell."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from llm_core.text.command import run_as_process

    signal.signal(signal.SIGINT, signal.default_int_handler)
    return run_as_process()


if __name__ == "__main__":
    sys.exit(run())
