"""Taps: how a forward pass shows its matrices to whoever looks, at no cost where nobody does.

The model hands each matrix to a tap under its name and goes on with what the tap returns. `NO_TAP` returns it at once;
a `Recorder` keeps the names that it was asked for.
"""

from collections.abc import Container
from typing import Protocol

from torch import Tensor


class Tap(Protocol):
    """What a forward pass calls. Names are relative to the tap's scope; a recorder's full name is scope + name."""

    def __call__(self, name: str, value: Tensor) -> Tensor:
        """Show one matrix; the pass goes on with the returned value."""
        ...

    def wants(self, *names: str) -> bool:
        """True where at least one of these names would be looked at: only then need it be computed apart."""
        ...

    def scope(self, prefix: str) -> "Tap":
        """The same tap, for names below `prefix`."""
        ...


class NoTap:
    """Looks at nothing."""

    def __call__(self, name: str, value: Tensor) -> Tensor:
        return value

    def wants(self, *names: str) -> bool:
        return False

    def scope(self, prefix: str) -> "NoTap":
        return self


NO_TAP = NoTap()


class Everything:
    """A container that holds every name: `Recorder(EVERYTHING)` keeps all."""

    def __contains__(self, name: object) -> bool:
        return True


EVERYTHING = Everything()


class Recorder:
    """Keeps the matrices whose full names are in `wanted`, in order, in `.values` (batch axis included)."""

    def __init__(
        self, wanted: Container[str] = EVERYTHING, prefix: str = "", values: dict[str, Tensor] | None = None
    ) -> None:
        self.wanted, self.prefix = wanted, prefix
        self.values: dict[str, Tensor] = {} if values is None else values

    def __call__(self, name: str, value: Tensor) -> Tensor:
        name = self.prefix + name
        if name in self.wanted:
            self.values[name] = value
        return value

    def wants(self, *names: str) -> bool:
        return any(self.prefix + name in self.wanted for name in names)

    def scope(self, prefix: str) -> "Recorder":
        return Recorder(self.wanted, f"{self.prefix}{prefix}.", self.values)
