"""One matrix of one step: its values, with an axis word and labels for each axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from llm_core.catalogue.entry import TOKEN_ROWS, Entry
from llm_core.runs import html

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Matrix:
    """One matrix of one step: values with an axis word and labels for each axis, and its catalogue entry.

    values: a copy on the processor, made when it is first looked at; whatever is done to it, the run and all that is
    derived next stay as they are. shared: the same numbers where the engine keeps them, only ever to be read.
    mask: True where a cell of the last two axes (query, key) is hidden from attention; None where nothing is hidden.
    first_position: of the rows, where they are tokens of the step. arrives: False where its layer, derived again, did
    not reach the run's next door, or its cached keys and values, within tolerance.
    """

    entry: Entry
    shared: Tensor
    labels: tuple[Sequence[str], ...]
    mask: Tensor | None = None
    arrives: bool = True
    first_position: int = 0

    @cached_property
    def values(self) -> Tensor:
        return self.shared.detach().to("cpu", copy=True)

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def axes(self) -> tuple[str, ...]:
        return self.entry.axes

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.shared.shape)

    @property
    def _shown(self) -> Tensor:
        """The values with what was done to them; no copy is made for those that nobody has looked at."""
        seen: Tensor = self.__dict__.get("values", self.shared)
        return seen.detach()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> "NDArray[np.generic]":
        """The values for NumPy, always a copy; bfloat16, which NumPy lacks, as float32. Raises ValueError for
        copy=False."""
        if copy is False:
            raise ValueError("a matrix's values are handed out as a copy: leave out copy=False")
        shown = self._shown
        found = (shown.float() if shown.dtype == torch.bfloat16 else shown).to("cpu", copy=True).numpy()
        return found if dtype is None else found.astype(dtype)

    def to_frame(self) -> "pd.DataFrame":
        """The values as a pandas table with the labels of rows and columns; of several heads, one below the other.

        A row is named by its head, where there are heads, its place and its label: labels alone may repeat. Places of
        tokens are their positions in the run. Raises
        ImportError without pandas, which comes with the dashboard.
        """
        import pandas as pd  # the engine itself does without

        *outer, rows, columns = self.axes if len(self.axes) > 1 else ("", *self.axes)
        values = np.asarray(self).reshape(-1, self.shape[-1])
        labels = self.labels[-2] if len(self.axes) > 1 else [""]
        places = list(enumerate(labels, self.first_position if rows in TOKEN_ROWS else 0))
        heads = [(head,) for head in range(self.shape[0])] if outer else [()]
        index = pd.MultiIndex.from_tuples(
            [(*head, *place) for head in heads for place in places], names=[*outer, "place", rows]
        )
        return pd.DataFrame(values, index=index, columns=pd.Index(list(self.labels[-1]), name=columns))

    def __repr__(self) -> str:
        sizes = " × ".join(f"{axis} {size:,}" for axis, size in zip(self.axes, self.shape, strict=True))
        type_ = str(self.shared.dtype).removeprefix("torch.")
        return f"<Matrix {self.name}: {sizes}, {type_}, {html.range_of(self._shown.float())}>"

    def _repr_html_(self) -> str:
        return html.matrix_html(self.entry, self.values, self.labels, self.mask, self.arrives)
