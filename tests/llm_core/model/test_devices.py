"""No tensor is made without a place: on a device that only pretends to be there, every architecture runs and derives.

A fake tensor has a shape, a type and a device, and no numbers: whoever reads one fails, and so does whoever mixes
devices.
"""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

from llm_core import Transformer, catalogue
from llm_core.runs import budget, derivation
from llm_core.runs.budget import Budget
from llm_core.runs.generation import Run, Step
from llm_core.runs.node import prefill
from llm_core.runs.sampling import Sampling
from tests.helpers.small_models import CONFIGS, TINY, ids, tiny_model

FACTORIES = {torch.arange, torch.tensor, torch.empty, torch.zeros, torch.ones, torch.full, torch.eye, torch.linspace}


OTHER = tiny_model()


class NeedsDevice(TorchFunctionMode):
    """Refuses what makes a tensor without saying where.

    Brackets and ~ are spelled out: where PyTorch is built without CUDA, they alone ask for the real device.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        assert func not in FACTORIES or kwargs.get("device") is not None, f"{func.__name__} without a device"
        if func is torch.tensor:  # of one number, a fake tensor would hold on to it
            return torch.empty(np.shape(args[0]), dtype=torch.int64, device=kwargs["device"])
        if func.__name__ == "__getitem__":
            return part_of(*args)
        if func.__name__ == "__setitem__":
            return torch.ops.aten.copy_(part_of(*args[:2]), args[2])
        if func.__name__ == "__invert__":
            return torch.ops.aten.bitwise_not(*args)
        return func(*args, **kwargs)


def part_of(tensor, index):
    """tensor[index], by the functions that it stands for."""
    index, axis = index if isinstance(index, tuple) else (index,), 0
    for place, each in enumerate(index):
        if each is None:
            tensor, axis = tensor.unsqueeze(axis), axis + 1
        elif each is Ellipsis:
            axis = tensor.ndim - sum(later is not None for later in index[place + 1 :])
        elif isinstance(each, slice):
            start, stop, step = each.indices(tensor.shape[axis])
            assert step == 1
            tensor, axis = tensor.narrow(axis, start, max(stop - start, 0)), axis + 1
        elif isinstance(each, int):
            tensor = tensor.select(axis, each)
        else:
            tensor = torch.ops.aten.index.Tensor(tensor, [*[None] * axis, each])
    return tensor


def fake_model(config, dtype=torch.float32):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device("cuda"):
            return Transformer(config, OTHER.tokenizer, "fake", OTHER.weights)
    finally:
        torch.set_default_dtype(before)


@pytest.fixture(autouse=True)
def own_budget(monkeypatch):
    """What is fake stays here."""
    monkeypatch.setattr(budget, "DERIVED", Budget(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("name", CONFIGS)
def test_every_architecture_runs_and_derives_where_its_weights_are(name, dtype):
    config = CONFIGS[name]
    with FakeTensorMode():
        model = fake_model(config, dtype)
        with NeedsDevice(), torch.inference_mode():
            first = prefill(model, ids(70))
            last = first.then([5]).then([7])
            run = Run(model, ids(70), Sampling(), 3, tuple(last.path), (None, None, None))
            for index, node in enumerate(run.nodes):
                made = [*node.doors, derivation.last_logits(node), *node.keys_and_values(0)]
                step = Step.__new__(Step)
                step.run, step.index, step.node, step.positions = run, index, node, node.positions
                outside = {e.name for e in catalogue.matrices(config) if e.layer is None}
                made += derivation.outside_layers(step, outside - {"input"}).values()
                made.append(derivation.logits_of_rows(step))
                for layer in range(config.layers):
                    names = {e.name for e in catalogue.matrices(config) if e.layer == layer}
                    values, out, appended = derivation.layer_rows(node, layer, names, range(len(node.positions)))
                    made += [*values.values(), out, *appended]
                assert all(tensor.device.type == "cuda" for tensor in made)
                assert all(tensor.dtype == dtype for tensor in [*node.doors, *node.keys_and_values(0)])


def test_what_reads_a_number_or_makes_a_tensor_anywhere_would_be_seen():
    with FakeTensorMode():
        model = fake_model(TINY)
        with pytest.raises(Exception, match="_local_scalar_dense"):
            bool((model.embedding.token > 0).any())
        with NeedsDevice(), pytest.raises(AssertionError, match="arange without a device"):
            torch.arange(3)
        with pytest.raises(Exception, match="device"):
            model.embedding.token + torch.zeros(11, 4, device="cpu")
