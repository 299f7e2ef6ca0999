"""What works around Streamlit does so, and is still needed."""

import subprocess
import sys

import pytest
from streamlit import config
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.testing.v1 import AppTest

from dashboard.shell import workarounds
from dashboard.shell.workarounds import (
    ARRIVAL,
    ends_a_page,
    is_on_its_way,
    keep_what_has_not_left,
    read_theme_once,
)
from tests.helpers.pages import ROOT

keep_what_has_not_left()


def _text(place: int, text: str, part: str = "") -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path[:] = [0, place]
    message.delta.new_element.text.body = text
    message.delta.fragment_id = part
    return message


def _finished() -> ForwardMsg:
    message = ForwardMsg()
    message.script_finished = ForwardMsg.FINISHED_SUCCESSFULLY
    return message


def _left(queue: ForwardMsgQueue) -> list[str]:
    return [m.delta.new_element.text.body if m.HasField("delta") else "finished" for m in queue.flush()]


def test_parts_that_are_drawn_again_drop_nothing_that_has_not_left_yet() -> None:
    queue = ForwardMsgQueue()
    for message in (_text(0, "page"), _text(1, "dice 7", "dice"), _text(2, "more"), _finished()):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["dice"])
    queue.enqueue(_text(1, "dice 8", "dice"))
    assert ends_a_page(queue)
    assert _left(queue) == ["page", "dice 7", "more", "finished", "dice 8"]
    assert not ends_a_page(queue)


def test_a_page_that_has_just_left_may_not_have_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(workarounds.time, "monotonic", lambda: now)
    queue = ForwardMsgQueue()
    assert not is_on_its_way(queue)
    queue.enqueue(_finished())
    assert is_on_its_way(queue)
    queue.flush()
    queue.enqueue(_text(0, "a part"))
    queue.flush()
    assert is_on_its_way(queue)
    now += ARRIVAL
    assert not is_on_its_way(queue)


def test_the_end_of_parts_that_has_not_left_yet_takes_nothing_away() -> None:
    queue = ForwardMsgQueue()
    ended = ForwardMsg()
    ended.script_finished = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
    queue.enqueue(ended)
    assert not is_on_its_way(queue)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["dice"])
    assert [m.script_finished for m in queue.flush()] == [ForwardMsg.FINISHED_EARLY_FOR_RERUN]


def test_a_page_that_is_drawn_again_still_drops_what_it_sends_anew() -> None:
    queue = ForwardMsgQueue()
    for message in (_text(0, "page"), _finished()):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True)
    assert [m.script_finished for m in queue.flush()] == [ForwardMsg.FINISHED_EARLY_FOR_RERUN]


def test_streamlit_itself_would_drop_the_part() -> None:
    """Where this fails, the workaround has had its day."""
    drop = next(cell.cell_contents for cell in ForwardMsgQueue.clear.__closure__ or ())
    queue = ForwardMsgQueue()
    queue.enqueue(_text(1, "dice 7", "dice"))
    drop(queue, True, ["dice"])
    assert queue.is_empty()


def _with_styles() -> None:
    from dashboard.shell.workarounds import keep_room_for_dialog, style_that_leaves

    keep_room_for_dialog()
    style_that_leaves("p { color: red; }")


def test_a_style_that_leaves_lies_on_the_page_and_a_dialogs_place_in_streamlits_own_list() -> None:
    page = AppTest.from_function(_with_styles).run()
    assert [element.proto.body for element in page.main.get("html")] == ["<i></i><style>p { color: red; }</style>"]
    assert ["dialog" in element.proto.body for element in page._tree.get("html")] == [False, True]


def test_frozen_modules_are_out_of_the_collectors_sight() -> None:
    """In a process of its own: here, other tests' objects would be frozen with them."""
    code = """
import gc, logging
logging.disable()
import dashboard.server.computed
from dashboard.shell.workarounds import freeze_modules
before = len(gc.get_objects())
freeze_modules()
print(len(gc.get_objects()) * 100 < before, gc.get_freeze_count() > 100_000)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.split() == ["True", "True"]


def test_the_theme_that_is_read_once_is_what_streamlit_reads_each_time() -> None:
    read_theme_once()
    read = app_session._populate_theme_msg.streamlits_own
    try:
        sections = ["theme", *(f"theme.{each.value}" for each in config.CustomThemeCategories)]
        for section in [*sections, *sections]:  # the second time it is known
            once, each_time = CustomThemeConfig(), CustomThemeConfig()
            app_session._populate_theme_msg(once, section)
            read(each_time, section)
            assert once == each_time
            assert once.ByteSize() > 0 or section != "theme"
    finally:
        app_session._populate_theme_msg = read
