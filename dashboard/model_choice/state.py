"""What the choice of a model is in the middle of, as one value: each act and each outcome makes another one of it."""

from dataclasses import dataclass, replace

from dashboard.link import models
from dashboard.link.models import Key
from dashboard.link.settings import DEFAULTS, Settings
from dashboard.model_choice.failure import Failure


@dataclass(frozen=True)
class Link:
    """The model that a visit's first link names, and the version of its weights that the link was made with."""

    key: Key
    version: str | None


@dataclass(frozen=True)
class LoadingState:
    """Arriving (nothing was shown yet), showing a model, or showing one in place of another that did not come.

    asked_for: the name that the visitor has chosen by hand last: it may be downloaded or opened.
    shown: the settings of the model that was on screen last; None while arriving.
    link: what the visit's link says of the weights, until they were compared; None before the visit and after that.
    arrived: the link was taken up.
    failure: of the model that did not come. since: the settings, less the view, that it was first shown with.
    """

    asked_for: str = ""
    shown: Settings | None = None
    link: Link | None = None
    arrived: bool = False
    failure: Failure | None = None
    since: Settings | None = None

    def came(self, link: Link) -> "LoadingState":
        """The page is drawn for the model of a link: only the first one of the visit is compared."""
        return self if self.arrived else replace(self, link=link, arrived=True)

    def chose(self, name: str) -> "LoadingState":
        """The visitor asks for a model by hand."""
        return replace(self, asked_for=name, failure=None, since=None)

    def loaded(self, wanted: Settings, version: str) -> tuple["LoadingState", str | None]:
        """The model of these settings is there; and the version that the link was made with, where it is another."""
        state = replace(self, shown=wanted)
        if self.link is None or self.link.version is None or self.link.key != models.model_key(wanted):
            return state, None
        other = self.link.version if self.link.version != version[:8] else None
        return replace(state, link=None), other

    def failed(self, failure: Failure) -> tuple["LoadingState", Settings]:
        """A model did not come; and the settings of the one that is shown in its place: what was there before, or the
        default. Raises ValueError where nothing is left to fall back on."""
        before = self.shown or DEFAULTS
        if models.model_key(before) == models.model_key(failure.wanted):
            before = DEFAULTS
            if failure.wanted.model == DEFAULTS.model:
                raise ValueError(failure.why)
        return replace(self, failure=failure, since=None), before

    def said(self, now: Settings) -> "LoadingState":
        """The failure is about to be said; it is forgotten once the visitor has done something else. now: the
        settings, less the view."""
        if self.failure is None:
            return self
        if self.since is None:
            return replace(self, since=now)
        return self if self.since == now else self.dismissed()

    def dismissed(self) -> "LoadingState":
        """The visitor lets the failure be."""
        return replace(self, failure=None, since=None)
