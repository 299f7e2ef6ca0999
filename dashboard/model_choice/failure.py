"""A model that did not come, in words."""

from dataclasses import dataclass

from dashboard.link import models
from dashboard.link.settings import Settings, shortened
from dashboard.model_choice import words


@dataclass(frozen=True)
class Failure:
    """A model that did not come: why (nothing where there is no such model), and the settings that asked for it.

    consent: what a visitor agrees to with the button of this name; empty where it was tried and failed.
    """

    wanted: Settings
    why: str
    consent: str = ""

    def __str__(self) -> str:
        title = shortened(models.model_title(self.wanted.model, self.wanted.dtype))
        whole = not self.why or self.consent == words.OPEN
        return self.why or words.NO_SUCH if whole else words.NOT_SHOWN.format(title=title, why=self.why)
