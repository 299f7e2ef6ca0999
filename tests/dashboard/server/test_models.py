"""The models that a server holds: bounded, shared, and loaded once."""

import threading

import pytest

from dashboard.server.models import Library, size
from tests.helpers.small_models import tiny_model


def test_the_model_that_was_looked_at_last_stays_the_longest():
    library = Library(most=2, budget=10**9)
    for key in ("a", "b"):
        library.now(key, lambda progress: tiny_model())
    library.get("a")
    library.now("c", lambda progress: tiny_model())
    assert ("a" in library, "b" in library, "c" in library) == (True, False, True)


def test_large_models_leave_when_the_bytes_do_not_suffice_and_the_newest_stays():
    gone = []
    library = Library(most=9, budget=size(tiny_model()) + 1, on_evict=gone.append)
    first = library.now("a", lambda progress: tiny_model())
    library.now("b", lambda progress: tiny_model())
    assert gone == [first] and "b" in library
    tiny = Library(most=9, budget=1)
    tiny.now("a", lambda progress: tiny_model())
    assert "a" in tiny


def test_two_who_ask_for_one_model_wait_for_one_load():
    library, go, loads = Library(9, 10**9), threading.Event(), []

    def load(progress):
        loads.append(1)
        go.wait(20)
        return tiny_model()

    first, second = library.start("a", load), library.start("a", load)
    go.set()
    assert first is second and first.wait(20)
    assert first.result() is library.get("a") and loads == [1]


def test_large_models_are_loaded_one_after_the_other():
    library, go, second_began = Library(9, 10**9), threading.Event(), threading.Event()

    def first(progress):
        go.wait(20)
        assert not second_began.is_set()
        return tiny_model()

    def second(progress):
        second_began.set()
        return tiny_model()

    loadings = [library.start("a", first)]
    while loadings[0].doing.startswith("waiting"):
        loadings[0].wait(0.01)
    loadings.append(library.start("b", second))
    assert loadings[1].doing == "waiting for another model to load"
    go.set()
    assert [loading.result().name for loading in loadings] == ["custom", "custom"]


def test_progress_is_told_and_an_error_is_raised_where_the_model_is_asked_for():
    library = Library(9, 10**9)

    def load(progress):
        progress("half", 0.5)
        progress("too far", 7.0)
        raise ValueError("the disk is full")

    loading = library.start("a", load)
    with pytest.raises(ValueError, match="the disk is full"):
        loading.result()
    assert (loading.doing, loading.share) == ("too far", 1.0)
    assert "a" not in library


def test_a_model_that_failed_may_be_tried_again():
    library = Library(9, 10**9)

    def broken(progress):
        raise ValueError("no network")

    first = library.start("a", broken)
    with pytest.raises(ValueError):
        first.result()
    while (again := library.start("a", lambda progress: tiny_model())) is first:
        again.wait(0.01)
    assert again.result() is library.get("a")
