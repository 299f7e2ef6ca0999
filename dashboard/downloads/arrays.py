"""A matrix as NPZ: numpy reads it with `numpy.load(path)`, without pickle."""

import io

import numpy as np

from dashboard.downloads.matrix import Taken

MOST_NUMBERS_NPZ = 16_000_000  # 64 MB


def as_npz(taken: Taken) -> bytes:
    """The matrix, of heads the chosen one, as `values` (float32), with `axes`, the labels of each axis as
    `labels_<axis>`, `mask` where attention hides cells, `name`, `formula`, `model`, `fingerprint` and `step`, and the
    chosen one's number as `head` or `kv_head`."""
    matrix, model = taken.matrix(), taken.step.run.model
    values, axes, labels = matrix.values, matrix.axes, matrix.labels
    chosen: dict[str, np.ndarray] = {}
    if taken.head is not None:
        chosen = {axes[0]: np.array(taken.head)}
        values, axes, labels = values[taken.head], axes[1:], labels[1:]
    arrays = {
        "values": values.float().numpy(),
        "axes": np.array(axes),
        **{f"labels_{axis}": np.array(list(names)) for axis, names in zip(axes, labels, strict=True)},
        **({} if matrix.mask is None else {"mask": matrix.mask.numpy()}),
        "name": np.array(matrix.name),
        "formula": np.array(matrix.entry.formula),
        "model": np.array(model.name),
        "fingerprint": np.array(model.weights.version),
        "step": np.array(taken.step.index),
        **chosen,
    }
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
