"""What a visitor's proof is in the middle of, as one value: each act and each drawing makes another one of it."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ProofState:
    """Nothing asked for; asked for in vain; or the table asked for of one run.

    busy: the proof was asked for, and the server had no place for it; said once.
    table_of: the run whose table is asked for, as the page names runs; empty where none is.
    """

    busy: bool = False
    table_of: str = ""

    def asked(self, has_place: bool) -> "ProofState":
        """The proof was asked for; has_place: it is under way, or there."""
        return replace(self, busy=not has_place)

    def drawn(self, wants_table: bool, run: str) -> tuple["ProofState", bool]:
        """The badge of a run is drawn, with its table where the link wants it; and whether that is to be shown.

        A link asks for the table of the run that it was made of, not of the next one as well.
        """
        if not wants_table:
            return ProofState(), False
        if self.table_of in ("", run):
            return ProofState(table_of=run), True
        return ProofState(), False
