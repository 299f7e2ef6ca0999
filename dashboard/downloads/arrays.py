"""A matrix as NPZ: numpy reads it with `numpy.load(path)`, without pickle."""

import io

import numpy as np

from dashboard.downloads.matrix import Taken

MOST_NUMBERS = 16_000_000  # 64 MB


def as_npz(taken: Taken) -> bytes:
    """The matrix, all heads included, as `values` (float32), with `axes`, the labels of each axis as
    `labels_<axis>`, `mask` where attention hides cells, and `name`, `formula`, `model`, `fingerprint` and `step`."""
    matrix, model = taken.matrix(), taken.step.run.model
    arrays = {
        "values": matrix.values.float().numpy(),
        "axes": np.array(matrix.axes),
        **{f"labels_{axis}": np.array(list(labels)) for axis, labels in zip(matrix.axes, matrix.labels, strict=True)},
        **({} if matrix.mask is None else {"mask": matrix.mask.numpy()}),
        "name": np.array(matrix.name),
        "formula": np.array(matrix.entry.formula),
        "model": np.array(model.name),
        "fingerprint": np.array(model.fingerprint),
        "step": np.array(taken.step.index),
    }
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
