"""How many threads compute, in every thread that asks for it."""

import torch


def settle() -> None:
    """Have this thread compute with as many threads as `torch.set_num_threads` chose for the process.

    torch looks the number up late: in a thread that has computed nothing yet the first matrix products may use another
    one, and then their last bits differ from those of the same run elsewhere.
    """
    torch.get_num_threads()
