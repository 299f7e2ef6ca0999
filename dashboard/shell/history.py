"""The browser's history: where a visitor looked elsewhere, "back" leads to what was looked at before."""

from dashboard.browser.history import keep_history
from dashboard.link import address, settings
from dashboard.shell.fragments import change, fragment

QUIET = [*(name for name, known in settings.SETTINGS.items() if known.quiet), "v", "fp", address.ON]
"""What of an address changes in place: one goes back to a text, a model or a view, not to each value of a slider."""


@fragment("history", reads={"history-ready"})
def history() -> None:
    """See to it from now on. It shows nothing."""
    keep_history(QUIET, _ready, key="pager-history")


def _ready() -> None:
    change({"history-ready": True})  # what the address has to say is written before
