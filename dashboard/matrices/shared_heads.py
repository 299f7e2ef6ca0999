"""Heads and the KV heads that they share: which parts of the weights are a head's own, and how to say it."""

from llm_core import ModelConfig, catalogue
from llm_core.catalogue.entry import Entry


def kv_head_of(config: ModelConfig, head: int) -> int:
    """The KV head whose keys and values this head reads."""
    return head // (config.heads // config.kv_heads)


def sharers(config: ModelConfig, kv_head: int) -> range:
    """The heads that read this KV head."""
    share = config.heads // config.kv_heads
    return range(kv_head * share, (kv_head + 1) * share)


def own_head(config: ModelConfig, entry: Entry, head: int) -> int | None:
    """The number that this head, or the KV head that it reads, has along the matrix's own axis; None without one."""
    return {"head": head, "kv_head": kv_head_of(config, head)}.get(entry.axes[0])


def sharing_sentence(config: ModelConfig, head: int) -> str:
    """Who reads the same keys and values as this head; empty where no one else does."""
    if config.heads == config.kv_heads:
        return ""
    kv_head = kv_head_of(config, head)
    heads = sharers(config, kv_head)
    joint = "and" if len(heads) == 2 else "to"
    return f"Heads {heads[0]} {joint} {heads[-1]} share KV head {kv_head}: they use the same keys and values."


def slice_of(config: ModelConfig, weight: str, head: int) -> tuple[int, range, str] | None:
    """Of a weight that serves all heads: the axis, the part of this head, and that in words. None for other weights."""
    last = weight.rsplit(".", 1)[-1]
    if config.heads == 1 or ".attention." not in weight or last not in _PARTS:
        return None
    word = _PARTS[last]
    shared = last[-1] in "kv"
    index = kv_head_of(config, head) if shared else head
    span = range(index * config.head_dim, (index + 1) * config.head_dim)
    axis = 0 if word == "rows" else 1
    count = (1, *catalogue.weight(config, weight).shape)[-2:][axis]
    return axis, span, f"{word} {span[0]:,}–{span[-1]:,} of {count:,}"


_PARTS = {
    "w_q": "columns",
    "w_k": "columns",
    "w_v": "columns",
    "b_q": "columns",
    "b_k": "columns",
    "b_v": "columns",
    "w_o": "rows",
}
