"""How much memory is free, also where a container may take less than the machine has."""

from types import SimpleNamespace

import pytest

from llm_core.support import memory

GB = 10**9
V1 = ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file")
V2 = ("memory.max", "memory.current", "memory.stat", "inactive_file")


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A machine of 64 GB, 50 GB of them free, and a place for its control group."""
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(total=64 * GB, available=50 * GB))
    return tmp_path


def write(groups, names, limit, used, cache):
    for name, content in zip(names, (limit, used, f"anon 5\n{names[3]} {cache}\nfile 7"), strict=False):
        (groups / name).parent.mkdir(exist_ok=True)
        (groups / name).write_text(f"{content}\n")


@pytest.mark.parametrize("names", [V1, V2], ids=["v1", "v2"])
def test_a_container_has_its_limit_less_what_is_really_used(groups, names):
    write(groups, names, 2 * GB, int(1.5 * GB), GB)  # of 1.5 GB in use 1 GB are files that nobody looks at
    assert (memory.total(), memory.free()) == (2 * GB, int(1.5 * GB))


@pytest.mark.parametrize(("names", "none"), [(V2, "max"), (V1, 2**63 - 4096)], ids=["v2", "v1"])
def test_a_container_without_a_limit_has_what_the_machine_has(groups, names, none):
    write(groups, names, none, 3 * GB, GB)
    assert (memory.total(), memory.free()) == (64 * GB, 50 * GB)


def test_a_full_machine_is_full_in_a_container_too(groups):
    write(groups, V2, 60 * GB, 0, 0)
    assert (memory.total(), memory.free()) == (60 * GB, 50 * GB)


@pytest.mark.parametrize("limit", ["", "a lot", "-"])
def test_where_nothing_is_told_or_nothing_that_can_be_read_the_machine_counts(groups, limit):
    assert memory.free() == 50 * GB
    write(groups, V2, limit, 1, 1)
    assert (memory.total(), memory.free()) == (64 * GB, 50 * GB)


def test_what_is_promised_is_not_free(groups):
    memory.PROMISES.add(49 * GB)
    try:
        assert memory.free() == GB
    finally:
        memory.PROMISES.add(-49 * GB)
    assert memory.free() == 50 * GB


def test_all_that_is_free_is_usable_but_a_reserve(groups):
    assert memory.usable() == 50 * GB - memory.RESERVE
