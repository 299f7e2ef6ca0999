"""The engine: SmolLM2-135M, float32, on the processor"""

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks import peers
from benchmarks.measure import Row, at_most, in_new_process, interleaved, megabytes, ratio, tensor_bytes
from llm_core import Run, Sampling, Transformer, catalogue, generate, load_model
from llm_core.model.cache import KVCache
from llm_core.runs import budget
from llm_core.runs.node import storages
from llm_core.runs.sampling import sample

GREEDY = Sampling(temperature=0)
LENGTHS = (5, 64, 256, 512)
NEW_TOKENS = 64
TEXT = "The capital of France is Paris, and the capital of Italy is Rome. "


def rows() -> Iterator[Row]:
    """All lines of this part, each as soon as it is measured."""
    budget.DERIVED.limit = 0  # what is looked at is derived, every time
    with tempfile.TemporaryDirectory() as scratch:
        folder = peers.folder_of_safetensors(Path(scratch))
        model = load_model("smollm2-135m")
        model.config = model.config.with_(stop_ids=())  # as many tokens as asked for, on both sides
        yield from decode(model, peers.transformers_model(folder))
        yield from keeping(model)
        yield from looking(model)
        yield from lens(model, folder)
        yield from starting(folder)


def prompt(model: Transformer, length: int) -> list[int]:
    """`length` token ids of a plain text."""
    return model.tokenizer.encode(TEXT * length)[:length]


# ---- (a) decode ---------------------------------------------------------------------------------------------------


def decode(model: Transformer, theirs: Any) -> Iterator[Row]:
    """Greedy decode in tokens for each second, prefill of five tokens included, against transformers' generate."""
    ids = prompt(model, 5)
    batch = torch.tensor([ids])
    options = dict(max_new_tokens=NEW_TOKENS, do_sample=False, use_cache=True, pad_token_id=0)
    new = generate(model, ids, NEW_TOKENS, GREEDY).new_ids
    if new != theirs.generate(batch, **options)[0, len(ids) :].tolist():
        raise RuntimeError("the two sides decode different tokens: there is nothing to compare")
    sides = {
        "ours": lambda: generate(model, ids, NEW_TOKENS, GREEDY),
        "theirs": lambda: theirs.generate(batch, **options),
        "read": lambda: read_all(model),
    }
    seconds = interleaved(sides, rounds=7)
    rate = {name: (1 if name == "read" else NEW_TOKENS) / statistics.median(s) for name, s in seconds.items()}
    gain = ratio(seconds["theirs"], seconds["ours"])
    what = f"(a) greedy decode of {NEW_TOKENS} tokens, against transformers' generate"
    yield Row(what, f"{rate['ours']:.1f} tokens/s", f"{rate['theirs']:.1f} tokens/s", gain, "≥ 1.5", gain >= 1.5)
    share = ratio(seconds["read"], [s / NEW_TOKENS for s in seconds["ours"]])
    limit = f"{rate['read']:.1f} tokens/s"
    yield Row(
        "(a) the same, against the limit: one read of all weights for each token",
        f"{rate['ours']:.1f} tokens/s",
        limit,
        share,
    )


@torch.inference_mode()
def read_all(model: Transformer) -> None:
    """Read every weight once, in the order it lies in memory."""
    for w in model.parameters():
        w.sum()


# ---- (b) keeping --------------------------------------------------------------------------------------------------


def keeping(model: Transformer) -> Iterator[Row]:
    """A run, which keeps the stream at every layer's door, against the same passes that keep the KV cache only."""
    for length in LENGTHS:
        ids = prompt(model, length)
        sides = {"ours": lambda ids=ids: generate(model, ids, 2, GREEDY), "theirs": lambda ids=ids: bare(model, ids, 2)}
        seconds = interleaved(sides, rounds=15 if length < 256 else 9)
        what = f"(b) a kept run, prefill of {length} tokens and one decode step, against an untraced one"
        yield at_most(what, seconds["ours"], seconds["theirs"], 1.05)
    ids = prompt(model, 5)
    sides = {"ours": lambda: generate(model, ids, 32, GREEDY), "theirs": lambda: bare(model, ids, 32)}
    seconds = interleaved(sides, rounds=7)
    yield at_most("(b) a kept run of 32 decoded tokens, against an untraced one", *seconds.values(), 1.05)


def bare(model: Transformer, ids: list[int], new_tokens: int) -> list[int]:
    """Prefill and decode with the same sampling, keeping nothing but the cache."""
    cache = KVCache(model.config, len(ids) + new_tokens - 1)
    new: list[int] = []
    while len(new) < new_tokens:
        with torch.inference_mode():
            stream = model.stream(torch.tensor([new[-1:] or ids]), cache)
            logits = model.logits(stream[:, -1:])[0, 0]
        new.append(sample(logits, GREEDY, len(new), model.tokenizer).id)
    return new


# ---- (d) looking --------------------------------------------------------------------------------------------------


def names_of(model: Transformer, layer: int | None) -> list[str]:
    return [entry.name for entry in catalogue.matrices(model.config) if entry.layer == layer]


def looking(model: Transformer) -> Iterator[Row]:
    """All matrices of one layer in the middle, derived, against that layer's share of the prefill."""
    layers = model.config.layers
    names = names_of(model, layers // 2)
    for length in LENGTHS:
        ids = prompt(model, length)
        step = (run := generate(model, ids, 1, GREEDY)).steps[0]
        sides = {
            "ours": lambda step=step: step.matrices(names),
            "theirs": lambda ids=ids: generate(model, ids, 1, GREEDY),
        }
        seconds = interleaved(sides, rounds=15 if length < 256 else 9)
        what = f"(d) one layer's matrices, {length} tokens, against its share of the prefill"
        yield at_most(what, seconds["ours"], seconds["theirs"], 3, 1 / layers)
        del run


# ---- (c) TransformerLens ------------------------------------------------------------------------------------------


def lens(model: Transformer, folder: Path) -> Iterator[Row]:
    """A kept run, and deriving everything from it, against run_with_cache, which computes and keeps everything."""
    theirs = peers.lens(folder)
    for length, goal in ((5, 0.6), (512, 0.5)):
        ids = prompt(model, length)
        batch = torch.tensor([ids])
        run = generate(model, ids, 1, GREEDY)
        sides = {
            "run": lambda ids=ids: generate(model, ids, 1, GREEDY),
            "derive": lambda run=run: derive_all(run),
            "theirs": lambda batch=batch: with_cache(theirs, batch),
        }
        seconds = interleaved(sides, rounds=9 if length < 100 else 5)
        what = f"(c) {{}}, {length} tokens, against TransformerLens's run_with_cache"
        yield at_most(what.format("a kept run"), seconds["run"], seconds["theirs"], goal)
        yield at_most(
            what.format("every matrix of every layer derived, uncached"), seconds["derive"], seconds["theirs"], 1
        )
    yield memory("tensors kept", kept_bytes(run), tensor_bytes(with_cache(theirs, batch)))
    ours, others = (peak_bytes(side, str(folder)) for side in ("ours", "theirs"))
    yield memory("growth of the process at its peak", ours, others)


def with_cache(theirs: Any, batch: torch.Tensor) -> list[torch.Tensor]:
    with torch.inference_mode():
        logits, cache = theirs.run_with_cache(batch)
    return [logits, *(t for t in cache.values() if isinstance(t, torch.Tensor))]


def derive_all(run: Run) -> None:
    """Every matrix of the first step, layer by layer: a layer's are alive together, and then dropped."""
    for layer in (None, *range(run.model.config.layers)):
        run.steps[0].matrices(names_of(run.model, layer))


def kept_bytes(run: Run) -> int:
    """All that a run of one step keeps: doors, logits, keys and values."""
    step = run.steps[0]
    return tensor_bytes([step.logits]) + sum(storages(run.nodes).values())


def memory(what: str, ours: int, theirs: int) -> Row:
    share = ours / theirs
    what = f"(c) memory of a kept run, 512 tokens, against run_with_cache: {what}"
    return Row(what, megabytes(ours), megabytes(theirs), share, "≤ 0.2", share <= 0.2)


PEAK = """
import sys
from pathlib import Path
from benchmarks import engine, peers
import torch
side, folder = sys.argv[1:]
model = engine.load_model("smollm2-135m")
short, long = engine.prompt(model, 5), engine.prompt(model, 512)
if side == "ours":
    act = lambda ids: engine.generate(model, ids, 1, engine.GREEDY)
else:
    theirs = peers.lens(Path(folder))
    act = lambda ids: engine.with_cache(theirs, torch.tensor([ids]))
def resident(name):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name))
act(short)  # everything loaded and read once
Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
before = resident("VmRSS")
kept = act(long)
print(resident("VmHWM") - before)
"""


def peak_bytes(side: str, folder: str) -> int:
    """By how much a process grows at most, in a run of 512 tokens that follows a short one. Linux only."""
    return int(in_new_process(PEAK, side, folder).split()[-1])


# ---- (e) start ----------------------------------------------------------------------------------------------------

OURS = """
import torch
from llm_core import load_model
model = load_model("smollm2-135m")
with torch.inference_mode():
    print(model(torch.tensor([[504, 3575, 282, 4649, 314]]))[0, -1].argmax())
"""

THEIRS = """
import sys, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
with torch.inference_mode():
    print(model(torch.tensor([[504, 3575, 282, 4649, 314]])).logits[0, -1].argmax())
"""


def starting(folder: Path) -> Iterator[Row]:
    """A new process to its first logits. The files have been read before, so they are in the system's cache."""
    sides = {"ours": lambda: in_new_process(OURS), "theirs": lambda: in_new_process(THEIRS, str(folder))}
    seconds = interleaved(sides, rounds=5)
    what = "(e) new process to first logits, against transformers' from_pretrained on safetensors"
    yield at_most(what, seconds["ours"], seconds["theirs"], 0.5)
