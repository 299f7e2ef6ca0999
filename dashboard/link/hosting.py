"""Whether this server is for strangers. It imports nothing: the server asks before it imports what takes seconds."""

import os


def hosted() -> bool:
    """True where strangers are served: nothing is downloaded and no path is read."""
    return os.environ.get("HOSTED") == "1"
