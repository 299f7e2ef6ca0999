"""What the tour is in the middle of, as one value: each act and each arrival makes another one of it."""

from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.link.settings import Settings

LOOKS = ("station", "step", "layer", "head")
"""What the page looks at while a stop is told, by the settings' names."""


@dataclass(frozen=True)
class Told:
    """What a stop is told of: its name, the weights' version, and whether the run has a decode step."""

    stop: str
    version: str
    decodes: bool


@dataclass(frozen=True)
class TourState:
    """Outside of the tour, or at a stop of it.

    told: the stop for which the page has been made to look where that stop looks; None before a page was drawn.
    before: what the visitor looked at before the tour began; empty where they have not been in it.
    """

    told: Told | None = None
    before: dict[str, Any] = field(default_factory=dict)

    def entered(self, told: Told, chosen: Settings) -> "TourState":
        """A stop is told from now on: what was looked at before the first one is kept."""
        before = self.before or {name: getattr(chosen, name) for name in LOOKS}
        return TourState(told, before)

    def arrived(self, told: Told, chosen: Settings) -> tuple["TourState", bool]:
        """A page is about to be drawn; and whether it must be made to look where its stop looks: only the first time
        that it is told of these weights. A link may lead into the tour as well as out of it."""
        if not told.stop:
            return TourState(told), False
        if told == self.told:
            return self, False
        return self.entered(told, chosen), True

    def left(self) -> tuple["TourState", dict[str, Any]]:
        """The tour is left; and what the visitor looked at before, by the settings' names."""
        return replace(self, before={}), self.before
