"""What one setting is: a field of Settings that says, in one place, all that links and refusals need to know of it."""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from typing import Any, Literal, TypeVar

_T = TypeVar("_T")
_KEY = "setting"


@dataclass(frozen=True)
class Setting:
    """What is known of a setting besides its name, type and default.

    parse: its value from a link's text; raises Unusable, or another ValueError, for one that cannot be used.
    of: whether the run depends on it, or only what of the run is looked at, and how.
    refused: what a link that asks for it in vain leads to, as a clause after "so"; where it is empty, the default is
        used instead.
    noun: what its numbers count, where that is another word than its name.
    said: how a sentence writes a value.
    quiet: a browser's history has no entry of its own for each of its values.
    earlier: the defaults of earlier versions of links, by version.
    """

    parse: Callable[[str], Any]
    of: Literal["run", "view"]
    refused: str = ""
    noun: str = ""
    said: Callable[[str], str] = str
    quiet: bool = False
    earlier: Mapping[str, Any] = field(default_factory=dict)

    def outcome(self, default: object) -> str:
        """What a link that asks for it in vain leads to: a clause that follows "so"."""
        return self.refused or f"{self.said(str(default))} is used instead"


def of_run(default: _T, parse: Callable[[str], _T], **more: Any) -> _T:
    """A field of Settings on which the run depends. more: as Setting has it."""
    return field(default=default, metadata={_KEY: Setting(parse, "run", **more)})


def of_view(default: _T, parse: Callable[[str], _T], **more: Any) -> _T:
    """A field of Settings that says what of the run is looked at, and how. more: as Setting has it."""
    return field(default=default, metadata={_KEY: Setting(parse, "view", **more)})


def declared(found: Field[Any]) -> Setting | None:
    """What a field of Settings was declared as."""
    setting: Setting | None = found.metadata.get(_KEY)
    return setting
