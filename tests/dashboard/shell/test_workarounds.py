"""What works around Streamlit does so, and is still needed."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from dashboard.shell import workarounds
from dashboard.shell.workarounds import ARRIVAL, ends_a_page, is_on_its_way, keep_what_has_not_left

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
